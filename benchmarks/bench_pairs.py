"""Every pair of nine kinds of models, fused, ensembled and branched: does it compose and reload, or say why not?

    python benchmarks/bench_pairs.py --all

Prints tables in Markdown for the backend it runs on. A pair counts when the file that was written loads in another
process, one with plain Keras for all, and predicts what the live model does; `separate` says that the models had
to get an input each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "compose"))

KINDS = (
    *("mlp", "cnn", "mobilenet", "resnet", "efficientnet"),
    *("lstm", "transformer", "two_inputs", "subclassed"),
)
HEAVY = ("mobilenet", "resnet", "efficientnet")
"""Left out without --all: with them, the pairs take an hour on two cores."""


_LOOP = """
import io, json, sys, traceback
asked, answers = sys.stdin, sys.stdout
for line in asked:
    script, sys.stdin = json.loads(line)
    sys.stdin, said, code = io.StringIO(sys.stdin), "", 0
    try:
        exec(script, {"__name__": "__main__"})
    except Exception:
        said, code = traceback.format_exc(), 1
    print(json.dumps([code, said]), file=answers, flush=True)
"""


class PlainKeras:
    """A process that has never heard of keras-weld, asked again and again: it imports Keras once for all files."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", _LOOP]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __call__(self, script: str, given: str) -> subprocess.CompletedProcess[str]:
        """Run a piece of Python there, as `proof.in_fresh_process` does in a process of its own."""
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101, PT018
        print(json.dumps([script, given]), file=self._process.stdin, flush=True)
        code, said = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess([sys.executable], code, "", said)


def attempts(verb: str) -> list[dict[str, Any]]:
    """The options to try, in turn."""
    return [{}] if verb == "branch" else [{"inputs": "shared"}, {"inputs": "separate"}]


def outcome(compose: Callable[..., Any], pair: list[Path], out: Path, verb: str, settings: dict[str, Any]) -> str:
    """`shared`, `separate`, or the words of the refusal."""
    from keras_weld.errors import WeldError

    said = ""
    for options in attempts(verb):
        try:
            compose(pair, out=out, **settings, **options)
        except WeldError as error:
            said = said or f"refused: {error.problem}"
        else:
            return str(options.get("inputs", "yes"))
    return said


def table(kinds: tuple[str, ...], found: dict[tuple[str, str], str]) -> list[str]:
    """The outcomes as a table, and below it the words of each refusal once, by its number."""
    refusals = list(dict.fromkeys(said for said in found.values() if said.startswith("refused")))
    lines = ["| | " + " | ".join(kinds) + " |", "| --- |" + " --- |" * len(kinds)]
    for second in kinds:
        cells = [found.get((first, second), "") for first in kinds]
        cells = [f"refused {refusals.index(said) + 1}" if said in refusals else said for said in cells]
        lines.append(f"| {second} | " + " | ".join(cells) + " |")
    return [*lines, *(f"\n{number}. {said}" for number, said in enumerate(refusals, 1))]


def main() -> int:
    """Go through all pairs; exit code 1 if one ends in anything but a file or a refusal."""
    import custom_parts
    import keras
    from zoo import ZOO

    import keras_weld as weld
    from keras_weld.recipes import proof

    proof.in_fresh_process = PlainKeras()
    custom = [custom_parts.Tower]
    verbs: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "fuse": (weld.fuse, {"classes": 4, "custom_objects": custom}),
        "ensemble": (weld.ensemble, {"custom_objects": custom}),
        "branch": (weld.branch, {"custom_objects": custom}),
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verbs", nargs="*", choices=[[], *verbs], help="fuse, ensemble, branch; by default all three")
    parser.add_argument("--all", action="store_true", help="the large models of keras.applications too")
    told = parser.parse_args()
    kinds = KINDS if told.all else tuple(kind for kind in KINDS if kind not in HEAVY)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in kinds:
            weld.save(ZOO[kind](), folder / f"{kind}.keras")
        for verb in told.verbs or verbs:
            compose, settings = verbs[verb]
            found = {}
            for first, second in combinations_with_replacement(kinds, 2):
                keras.utils.clear_session()
                pair = [folder / f"{first}.keras", folder / f"{second}.keras"]
                found[first, second] = outcome(compose, pair, folder / "out.keras", verb, settings)
                print(f"  {verb} {first} {second}: {found[first, second]}", file=sys.stderr, flush=True)
            print(f"\n{verb}, {keras.backend.backend()}:\n\n" + "\n".join(table(kinds, found)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
