"""Runs a script after giving up what it does not need. This file is run by itself, never imported.

`python -I sandbox_child.py SCRIPT FOLDER SECONDS BYTES`. Nothing but the standard library is imported before the
limits hold. The first line of standard output tells what could be closed; the script has no part in it.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import struct
import sys
from contextlib import suppress
from typing import Any

_LARGEST_FILE = 1 << 30
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_CREATE_RULES, _ADD_RULE, _RESTRICT = 444, 445, 446  # Landlock's system calls, the same on all processors
_NO_NEW_PRIVILEGES = 38
_READ = 0b1101  # run, read a file, list a folder
_OF_FILES = 0b0111  # what there is to allow of a file that is no folder
_FIRST, _TRUNCATE, _ALL = (1 << 13) - 1, 1 << 14, (1 << 15) - 1  # what versions of Landlock know of files
_NO_TCP, _NO_SIGNALS_OUT = 3, 3
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/bin", "/etc", "/opt", "/sys", "/dev"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys"),  # not other processes' environments
)
_REFUSED = (
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.spawn", "pty.spawn"),
)


def limit(seconds: int, size: int) -> list[str]:
    """Limit time, memory and the size of files."""
    with suppress(ImportError):
        import resource

        wanted = {
            "time": (resource.RLIMIT_CPU, seconds),
            "memory": (resource.RLIMIT_DATA, size),
            "file size": (resource.RLIMIT_FSIZE, _LARGEST_FILE),
            "core dumps": (resource.RLIMIT_CORE, 0),
        }
        held = []
        for name, (what, value) in wanted.items():
            with suppress(OSError, ValueError):
                resource.setrlimit(what, (value, value))
                held.append(name)
        return held
    return []


def close_network() -> bool:
    """Leave the network for one that has no other member; Linux lets most processes do so, but not all."""
    if sys.platform != "linux":
        return False
    library: Any = ctypes.CDLL(None)
    return bool(library.unshare(_NEW_NET) == 0 or library.unshare(_NEW_USER | _NEW_NET) == 0)


def close_files(script: str, folder: str) -> bool:
    """Let the process read Python, its packages and the system's files, and write to one folder alone (Landlock)."""
    if sys.platform != "linux":
        return False
    library: Any = ctypes.CDLL(None)
    version = library.syscall(_CREATE_RULES, None, 0, 1)
    if version < 1:
        return False
    files = _ALL if version >= 3 else _FIRST
    asked = struct.pack("QQQ", files, _NO_TCP, _NO_SIGNALS_OUT)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = library.syscall(_CREATE_RULES, asked, len(asked), 0)
    places = dict.fromkeys((*_SYSTEM, sys.prefix, sys.base_prefix, *sys.path, script), _READ)
    for path, access in {**places, folder: files, "/dev/null": _OF_FILES}.items():
        with suppress(OSError):
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = access if os.path.isdir(path) else access & _OF_FILES
            library.syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", allowed, handle), 0)
            os.close(handle)
    library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return bool(library.syscall(_RESTRICT, rules, 0) == 0 and files & _TRUNCATE)


def refuse(event: str, _: object) -> None:
    """Refuse connections and further processes that are asked for in Python; compiled code is not asked."""
    if event in _REFUSED:
        raise PermissionError(f"not in the sandbox: {event}")


def main() -> None:
    """Close what can be closed, tell what that was, and run the script."""
    script, folder, seconds, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    held = limit(seconds, size)
    print(json.dumps({"limits": held, "network": close_network(), "files": close_files(script, folder)}), flush=True)  # noqa: T201
    sys.addaudithook(refuse)
    sys.argv = [script]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
