"""Names on disk with bytes that are no text in any encoding: shown, written and read back, in every locale."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import handmade
import pytest

from keras_weld.io.json_text import to_json
from keras_weld.recipes.average import average
from keras_weld.recipes.check import check
from keras_weld.recipes.inspect import inspect

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take no such names")
ODD = os.fsdecode(b"\xff")
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def models(folder: Path) -> list[Path]:
    return [handmade.make_keras(folder / f"{n}{ODD}.keras", handmade.tensors(n)) for n in (0, 1)]


@pytest.mark.parametrize("out", ["own", "out.weights.h5", "out.weights.json"])
def test_what_is_written_beside_or_over_them_is_read_again(tmp_path: Path, out: str) -> None:
    files = models(tmp_path)
    target = files[0] if out == "own" else tmp_path / f"{ODD}{out}"
    done = average([*files, files[1]], target)
    assert f"{files[1]} was given 2 times, and counts that often." in done.notes
    found = inspect(target)
    assert found.summary.parameters.total == sum(one.size for one in handmade.tensors().values())
    lineage = found.summary.lineage or {}
    assert lineage["sources"][1]["path"] == str(files[1]).replace(ODD, "\ufffd")
    assert any("\ufffd.keras was given 2 times" in note for note in lineage["notes"])
    assert check([target, files[1]]).merge("average").possible


def test_shards_are_swept_and_stay_together_under_such_a_name(tmp_path: Path) -> None:
    files, target = models(tmp_path), tmp_path / f"{ODD}.weights.json"
    for _ in range(2):
        average(files, target)
    shards = [name for name in os.listdir(tmp_path) if name.endswith(".weights.h5")]
    assert sorted(name[:1] for name in shards) == ["_", ODD]  # the second set, and what Keras opens first
    assert len({inspect(target).sha256, inspect(target).sha256}) == 1


@pytest.mark.parametrize("words", [["inspect"], ["check", "--for", "average"], ["average", "-o", f"out{ODD}.keras"]])
def test_commands_show_them_in_the_poorest_locale(tmp_path: Path, words: list[str]) -> None:
    files = [file.name for file in models(tmp_path)]
    command = [sys.executable, "-m", "keras_weld", *words, *files]
    for more in ([], ["--json"]):
        done = subprocess.run([*command, *more], cwd=tmp_path, env=os.environ | ASCII, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    assert files[1] in json.dumps(json.loads(done.stdout), ensure_ascii=False)


def test_half_characters_alone_are_replaced() -> None:
    told = {"a\udcff": ["\U0001f600", "\\udcff", "\ud83d", "caf\u00e9\n"]}
    assert json.loads(to_json(told)) == {"a\ufffd": ["\U0001f600", "\\udcff", "\ufffd", "caf\u00e9\n"]}
