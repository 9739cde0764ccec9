"""SIGKILL in the middle of a write: the old file or the new one, whole, every time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import handmade
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")

# A process that forks one writer after the other and kills it; so nothing is imported fifty times.
KILLER = """
import json, os, random, signal, sys, time, zipfile
from pathlib import Path
from keras_weld.io.read import open_model
from keras_weld.recipes.average import average

folder, name = Path(sys.argv[1]), sys.argv[2]
out, random = folder / "out" / name, random.Random(5)
sources = {"old": folder / "old.keras", "new": folder / "new.keras"}


def content(path):
    with open_model(path) as state:
        return {tensor.spec.path: tensor.read().tobytes() for tensor in state.values()}


def write(which):
    begun = time.perf_counter()
    child = os.fork()
    if child == 0:
        average([sources[which]] * 2, out)
        os._exit(0)
    return child, begun


wanted = {which: content(path) for which, path in sources.items()}
took = []
for which in ("new", "old", "old"):
    child, begun = write(which)
    assert os.waitpid(child, 0)[1] == 0
    took.append(time.perf_counter() - begun)
found = {"old": 0, "new": 0, "cut short": 0, "left over": 0}
there = "old"
for number in range(int(sys.argv[3])):
    next_one = "new" if there == "old" else "old"
    child, begun = write(next_one)
    time.sleep(min(took) * random.uniform(0.2, 1.2))
    os.kill(child, signal.SIGKILL)
    found["cut short"] += os.waitpid(child, 0)[1] != 0
    found["left over"] += any(".part-" in entry.name for entry in out.parent.iterdir())
    now = content(out)
    assert now in wanted.values(), f"neither the old nor the new file after kill {number}"
    now = next(which for which, values in wanted.items() if values == now)
    assert now in (there, next_one)
    found["new" if now != there else "old"] += 1
    if name.endswith(".keras"):
        assert zipfile.ZipFile(out).testzip() is None
    there = now
child, _ = write("new")
assert os.waitpid(child, 0)[1] == 0
assert content(out) == wanted["new"]
print(json.dumps({**found, "files": sorted(entry.name for entry in out.parent.iterdir())}))
"""


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.weights.json"])
def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path, name: str, run_python: Callable[..., Any]) -> None:
    (tmp_path / "out").mkdir()
    size = 20_000  # a megabyte, so that writing takes a while
    for seed, which in enumerate(("old", "new")):
        values = handmade.tensors(seed, hidden=size)
        handmade.make_keras(tmp_path / f"{which}.keras", values, config=handmade.config(hidden=size))
    found = json.loads(run_python(KILLER, tmp_path, name, 50).stdout)
    assert found["old"] + found["new"] == 50
    assert found["cut short"] >= 10
    assert found["left over"] >= 3
    # The write after the kills has removed what they left.
    assert len(found["files"]) == (1 if name != "m.weights.json" else 3)
