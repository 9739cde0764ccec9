"""The demo's table: every model on the test images, each merge against the best of what went in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from keras_weld.recipes.demo_plan import DIGITS, Merge, Training
from keras_weld.recipes.demo_result import Progress, Row
from keras_weld.recipes.evaluate import evaluate
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.judgement import Row as Judged


def judge(folder: Path, merge: Merge, sources: Sequence[str], seed: int, progress: Progress | None) -> Evaluation:
    """Judge a merge against what went in.

    Args:
        folder: where all files are.
        merge: the merge.
        sources: what went in, file by file.
        seed: what the resamplings are drawn by.
        progress: called after each batch of images.
    """
    against = [folder / source for source in sources]
    return evaluate(folder / merge.file, against, data=folder / DIGITS, seed=seed, progress=progress)


def alone(folder: Path, training: Training, seed: int, progress: Progress | None) -> Row:
    """The row of a model that is not compared with anything."""
    found = evaluate(folder / training.file, data=folder / DIGITS, seed=seed, progress=progress)
    return _row(training.file, training.what, found.splits[-1].rows[0], None)


def rows_of(
    merge: Merge, sources: Sequence[str], found: Evaluation, whats: Mapping[str, str], seen: set[str]
) -> list[Row]:
    """The rows that a judged merge adds to the table: the sources that are not in it yet, then the merge.

    Of a run's checkpoints, the best one and the last one are shown.

    Args:
        merge: the merge.
        sources: what went in, file by file, in the order it was judged.
        found: the judgement.
        whats: what each trained model is, in a few words.
        seen: files that are in the table; those added are put in.
    """
    own, *others = found.splits[-1].rows
    rows = []
    for source, judged in zip(sources, others, strict=True):
        what = whats.get(source)
        if what is None:  # a checkpoint of the run
            if judged.role == "best source":
                what = "best on validation"
            elif source == sources[-1]:
                what = "last epoch"
        if what is not None and source not in seen:
            rows.append(_row(source, what, judged, found.best_source))
            seen.add(source)
    return [*rows, _row(merge.file, merge.what, own, found.best_source, merge=True)]


def _row(file: str, what: str, judged: Judged, best_source: str | None, merge: bool = False) -> Row:
    return Row(
        file=file,
        what=what,
        merge=merge,
        accuracy=judged.value,
        low=judged.low,
        high=judged.high,
        best_source=best_source,
        difference=judged.difference,
        difference_low=judged.difference_low,
        difference_high=judged.difference_high,
        verdict=judged.verdict,
    )
