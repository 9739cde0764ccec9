"""How quickly the command answers: `--help`, `inspect`, and one tensor out of a file."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from timing import call_seconds, in_turn, process_seconds, ratio, show, verdict

from models import make_resnets

EMPTY_CLICK = "import click\n@click.command()\ndef main() -> None: ...\nmain()"
IMPORTS = "import numpy, h5py"
LOAD = "import sys, keras; keras.models.load_model(sys.argv[1])"


def commands(path: Path) -> bool:
    """Whole processes, warm."""
    weld = str(Path(sys.executable).with_name("weld"))
    python = [sys.executable, "-c"]
    print("\nWhole processes, ResNet-50 of 103 MB:")
    taken = in_turn(
        {
            "weld --help": lambda: process_seconds([weld, "--help"]),
            "weld inspect": lambda: process_seconds([weld, "inspect", str(path)]),
            "an empty click program": lambda: process_seconds([*python, EMPTY_CLICK]),
            "import numpy, h5py": lambda: process_seconds([*python, IMPORTS]),
            "import keras, load_model": lambda: process_seconds([*python, LOAD, str(path)]),
        },
        rounds=7,
    )
    show(taken, "weld inspect")
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return all(
        [
            verdict("weld --help, seconds", medians["weld --help"], 0.4, at_least=False),
            verdict("weld inspect, seconds", medians["weld inspect"], 0.8, at_least=False),
            verdict(
                "load_model / inspect",
                ratio(taken, "import keras, load_model", "weld inspect"),
                8,
                at_least=True,
            ),
        ]
    )


def one_tensor(path: Path) -> bool:
    """One tensor at a time, in a warm process, the values touched."""
    from keras_weld import open_model

    opening = statistics.median(call_seconds(lambda: open_model(path).close()) for _ in range(9))
    with open_model(path) as state:
        each = [call_seconds(lambda t=tensor: t.read().sum()) for tensor in state.weights]
        views = [call_seconds(tensor.read) for tensor in state.weights]
    print(f"\nOpening: {opening * 1e3:.1f} ms (a file of the same structure as the last one).")
    view, slowest = statistics.median(views) * 1e6, max(views) * 1e3
    print(f"{len(each)} tensors: {view:.0f} us a view, the slowest {slowest:.2f} ms;")
    print(f"with its values added up: median {statistics.median(each) * 1e3:.3f} ms.")
    return verdict("a tensor in milliseconds", statistics.median(views) * 1e3, 1, at_least=False)


def main() -> int:
    """Measure all; exit code 1 if a bound is missed."""
    with tempfile.TemporaryDirectory() as name:
        path = make_resnets(Path(name), 1)[0]
        good = [commands(path), one_tensor(path)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
