"""Averaging four ResNet-50 files: against the tutorials' loop, and against reading and writing the bytes.

The loop is what people write by hand: load every model, add up `get_weights()`, clone the first, set, save.
The second comparison is with `cat` of the four files and `cp` of one, everything in the page cache. `cp` is
told to copy (`--reflink=never`), since a file system that only notes a reference writes nothing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import call_seconds, in_turn, process_seconds, ratio, show, verdict

from models import make_resnets

LOOP = """
import sys, keras
paths, out = sys.argv[1:-1], sys.argv[-1]
models = [keras.models.load_model(path) for path in paths]
weights = [sum(values) / len(models) for values in zip(*(model.get_weights() for model in models))]
merged = keras.models.clone_model(models[0])
merged.set_weights(weights)
merged.save(out)
"""


def whole_process(paths: list[Path], folder: Path) -> bool:
    """`weld average` against the loop, each as a process of its own."""
    weld = shutil.which("weld", path=str(Path(sys.executable).parent)) or "weld"
    names = [str(path) for path in paths]
    out = folder / "out.keras"

    def seconds(*command: str) -> float:
        out.unlink(missing_ok=True)  # letting go of an old file's pages is neither's work
        return process_seconds([*command, str(out)])

    print("\nFour ResNet-50 files, whole processes:")
    taken = in_turn(
        {
            "weld average": lambda: seconds(weld, "average", *names, "-o"),
            "loop of the tutorials": lambda: seconds(sys.executable, "-c", LOOP, *names),
        },
        rounds=5,
    )
    show(taken, "weld average")
    return verdict("loop / weld", ratio(taken, "loop of the tutorials", "weld average"), 20, at_least=True)


def merging_itself(paths: list[Path], folder: Path) -> bool:
    """The merging in a warm process against `cat` and `cp`."""
    from keras_weld import average

    out, copied = folder / "merged.keras", folder / "copied"
    script = f"cat {' '.join(map(str, paths))} >/dev/null && cp --reflink=never {paths[0]} {copied}"

    def bytes_alone() -> float:
        copied.unlink(missing_ok=True)
        return call_seconds(lambda: subprocess.run(["sh", "-c", script], check=True))

    def whole_call() -> float:
        out.unlink(missing_ok=True)
        return call_seconds(lambda: average(paths, out))

    def values_alone() -> float:
        out.unlink(missing_ok=True)
        return values_seconds(paths, out)

    print("\nThe merging itself, in a warm process:")
    base = "cat of four, cp of one"
    call = "average(), with SHA-256, checks, fsync"
    measures = {base: bytes_alone, "read, combine and write the values": values_alone, call: whole_call}
    taken = in_turn(measures, rounds=11)
    show(taken, base)
    values = ratio(taken, "read, combine and write the values", base)
    return verdict("values / cat and cp", values, 1.5, at_least=False)


def values_seconds(paths: list[Path], out: Path) -> float:
    """Seconds from the first value read to the last one written, of what `average` does."""
    from keras_weld import open_model
    from keras_weld.io.write import open_sink
    from keras_weld.recipes.matching import match
    from keras_weld.recipes.streaming import Slot, Task, stream
    from keras_weld.weights.linear import METHODS

    states = [open_model(path) for path in paths]
    columns = [[theirs for _, theirs in match(states[0], state).pairs] for state in states]
    tasks = [
        Task(Slot(row[0].spec.path, row[0].spec.shape, row[0].spec.dtype), row) for row in zip(*columns, strict=True)
    ]
    slots = [task.slot for task in tasks]
    with open_sink(out, slots, config=states[0].config) as sink:
        seconds = call_seconds(lambda: stream(tasks, METHODS["linear"], [1 / len(paths)] * len(paths), sink))
    for state in states:
        state.close()
    return seconds


def main() -> int:
    """Measure both; exit code 1 if a bound is missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_resnets(folder / "sources", 4)
        good = [merging_itself(paths, folder), whole_process(paths, folder)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
