"""What a script in the sandbox can do, and what not: tried, not believed."""

from __future__ import annotations

import json
import os
import sys

import pytest

from keras_weld.core.sandbox import run_sandboxed

TRIED = """
import json, os, socket, subprocess
from pathlib import Path

found = {}

def attempt(name, function):
    try:
        function()
        found[name] = "done"
    except BaseException as error:
        found[name] = type(error).__name__

secret = Path(Path("told").read_text())
attempt("read", secret.read_text)
attempt("write", lambda: secret.with_name("new").write_text("x"))
attempt("append", lambda: secret.open("a").write("x"))
attempt("truncate", lambda: os.truncate(secret, 0))
attempt("remove", secret.unlink)
attempt("list", lambda: os.listdir(secret.parent))
attempt("parent's environment", lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes())
attempt("connect", lambda: socket.create_connection(("127.0.0.1", int(Path("port").read_text())), 1))
attempt("run a program", lambda: subprocess.run(["true"]))
attempt("memory", lambda: bytearray(600 << 20))
attempt("own folder", lambda: Path("own").write_text("x"))
found["environment"] = sorted(name for name in os.environ if name.endswith("proxy") or name == "SECRET")
found["home"] = os.environ["HOME"] == os.getcwd()
Path("found.json").write_text(json.dumps(found))
"""


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "script.py"
        path.write_text(text)
        return path

    (tmp_path / "folder").mkdir()
    return write


def test_what_a_script_can_do(tmp_path, script, monkeypatch):
    import socket

    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "folder" / "told").write_text(str(tmp_path / "secret"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        (tmp_path / "folder" / "port").write_text(str(server.getsockname()[1]))
        done = run_sandboxed(script(TRIED), tmp_path / "folder", memory=500 << 20)
    assert done.finished, done.said
    found = json.loads((tmp_path / "folder" / "found.json").read_text())
    assert found["own folder"] == "done"
    assert found["home"]
    assert found["environment"] == []
    assert found["connect"] == found["run a program"] == "PermissionError"
    if "limits on time, memory, file size, core dumps" in done.guards:
        assert found["memory"] == "MemoryError"
    if "no files of the user's" in done.guards:
        closed = ("read", "write", "append", "truncate", "remove", "list", "parent's environment")
        assert {name: found[name] for name in closed} == dict.fromkeys(closed, "PermissionError")
        assert (tmp_path / "secret").read_text() == "secret"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has networks of a process's own")
def test_compiled_code_has_no_network_where_that_is_told(tmp_path, script):
    text = (
        "import ctypes, struct, os\n"
        "library = ctypes.CDLL(None)\n"
        "handle = library.socket(2, 1, 0)\n"
        "port = int(open('port').read())\n"
        "address = struct.pack('=HHI8x', 2, (port >> 8) | ((port & 255) << 8), 0x0100007F)\n"
        "open('result', 'w').write(str(library.connect(handle, address, 16)))\n"
    )
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        (tmp_path / "folder" / "port").write_text(str(server.getsockname()[1]))
        done = run_sandboxed(script(text), tmp_path / "folder")
    assert done.finished, done.said
    reached = (tmp_path / "folder" / "result").read_text() == "0"
    assert reached == ("no network" not in done.guards)


def test_time_and_failures_are_told(tmp_path, script):
    done = run_sandboxed(script("import time; time.sleep(60)"), tmp_path / "folder", seconds=1)
    assert not done.finished
    assert "ended after 1 seconds" in done.said
    done = run_sandboxed(script("raise ValueError('no such model')"), tmp_path / "folder")
    assert not done.finished
    assert "no such model" in done.said


def test_what_could_be_closed_is_not_for_the_script_to_say(tmp_path, script):
    done = run_sandboxed(script('print(\'{"files": true, "network": true, "limits": ["all"]}\')'), tmp_path / "folder")
    assert "limits on all" not in done.guards
    assert done.guards[0] == "a process of its own"
    assert os.listdir(tmp_path / "folder") == []
