"""Every pair of nine kinds of models, fused, ensembled and branched: does it compose and reload, or say why not?

    python benchmarks/bench_pairs.py --all

Prints a table for the backend it runs on. A pair counts when the file that was written loads in a fresh process with
plain Keras and predicts what the live model does; `separate` says that the models had to get an input each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
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


def main() -> int:
    """Go through all pairs; exit code 1 if one ends in anything but a file or a refusal."""
    import custom_parts
    import keras
    from zoo import ZOO

    import keras_weld as weld

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
            print(f"\n{verb}, {keras.backend.backend()}:", flush=True)
            for first, second in combinations_with_replacement(kinds, 2):
                keras.utils.clear_session()
                began = time.perf_counter()
                pair = [folder / f"{first}.keras", folder / f"{second}.keras"]
                told = outcome(compose, pair, folder / "out.keras", verb, settings)
                print(f"  {first:<13}{second:<13}{time.perf_counter() - began:6.1f} s  {told}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
