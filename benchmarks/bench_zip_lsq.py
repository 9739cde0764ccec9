"""Starts without labels and without a gradient: what is left of two networks when all of their blocks are shared.

    python benchmarks/bench_zip_lsq.py A.keras A.npz B.keras B.npz --share pointwise --merge weights

The models are trained networks of one architecture, from starts of their own; the data hold x_train and, to be judged
on, x_test and y_test. Prints a table in Markdown: for each start the accuracy of both tasks, what they have lost, and
how long the whole command took, reading and judging included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator

import keras_weld as weld
from keras_weld.zipping.frontier import Frontier

STARTS = ("mean", "align", "lsq")


def main() -> None:
    """Zip with each start, and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="A.keras A.npz B.keras B.npz")
    parser.add_argument("--share", default="pointwise")
    parser.add_argument("--merge", default="weights")
    parser.add_argument("--examples", type=int, nargs="+", default=[512])
    parser.add_argument("--starts", nargs="+", default=STARTS)
    asked = parser.parse_args()
    if len(asked.files) < 4 or len(asked.files) % 2:
        print("Needs trained models and their data: A.keras A.npz B.keras B.npz. Nothing was measured.")
        return
    print(
        "| start | examples a task | " + " | ".join(asked.files[::2]) + " | seconds |\n| --- | --- | --- | --- | --- |"
    )
    for start in asked.starts:
        for examples in asked.examples if start != "mean" else asked.examples[:1]:
            began = time.perf_counter()
            found = zipped(asked, start, examples)
            seconds = time.perf_counter() - began
            print(f"| {start} | {examples} | {' | '.join(cells(found))} | {seconds:.0f} |", flush=True)


def zipped(asked: argparse.Namespace, start: str, examples: int) -> Frontier:
    """All blocks shared, and nothing trained."""
    models, data = asked.files[::2], asked.files[1::2]
    names = [f"task{number}" for number in range(len(models))]
    options = {"share": asked.share, "merge": asked.merge, "start": start, "start_examples": examples}
    alone = {"steps": 0, "max_drop": None, "baselines": "none"}
    with tempfile.TemporaryDirectory() as out:
        return weld.zipper(models, names=names, data=dict(zip(names, data, strict=True)), out=out, **options, **alone)


def cells(found: Frontier) -> Iterator[str]:
    """Each task's accuracy and what it has lost, of the deepest network."""
    for task in found.rounds[-1].tasks.values():
        yield f"{task.value:.1f} (lost {task.drop:.1f}, {task.low:.1f} to {task.high:.1f})"


if __name__ == "__main__":
    main()
