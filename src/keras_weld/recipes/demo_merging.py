"""The demo's merges: how each is made, and what came of it, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_weld.recipes.average import average
from keras_weld.recipes.demo_plan import DIGITS, Merge, Verb
from keras_weld.recipes.demo_result import Progress

_HEADINGS = {
    Verb.AVERAGE: "Averaging into",
    Verb.ENSEMBLE: "One graph that gives the mean of both answers, in",
    Verb.FUSE: "The features of both under a new head, in",
}
_MORE = "The new head and then the last layers see all parts of the training images, the sources saw two of them"
_PROVED = "Loaded in a fresh process with plain Keras, the file predicts the same"


def heading(merge: Merge) -> str:
    """What is being done, on one line."""
    return f"{_HEADINGS[merge.verb]} {merge.file}: {merge.what}"


def make(folder: Path, merge: Merge, sources: Sequence[str], seed: int, progress: Progress | None) -> list[str]:
    """Merge models and write the result.

    Args:
        folder: where all files are.
        merge: the merge.
        sources: what goes in, file by file.
        seed: what a new head is drawn by.
        progress: called while a new head is trained.

    Returns:
        What came of it, a line each.
    """
    paths = [folder / source for source in sources]
    if merge.verb is Verb.AVERAGE:
        return _average(paths, folder / merge.file, merge)
    from keras_weld.models.provenance import lineage_of

    if merge.verb is Verb.ENSEMBLE:
        from keras_weld.recipes.ensemble import ensemble

        model = ensemble(paths, out=folder / merge.file)
    else:
        from keras_weld.recipes.fuse import fuse

        model = fuse(paths, data=folder / DIGITS, seed=seed, progress=progress, out=folder / merge.file)
    noted = lineage_of(model) or {}
    more = [_MORE] if merge.verb is Verb.FUSE else []
    return [*more, *noted.get("notes", ()), *map(_of_stage, noted.get("stages", ())), _PROVED]


def _average(paths: Sequence[Path], out: Path, merge: Merge) -> list[str]:
    done = average(paths, out, weights=merge.weights, last=merge.last)
    shares = ", ".join(
        f"{share:.3g} {Path(source).name}" for source, share in zip(done.sources, done.weights, strict=True)
    )
    return [f"{done.averaged} tensors averaged: {shares}"]


def _of_stage(stage: Mapping[str, Any]) -> str:
    """A stage of training, as a lineage tells of it, on one line."""
    trained = f"Stage {stage['part']}: {len(stage['history'])} epochs at {stage['rate']:g}"
    if stage["after"] is None:
        return trained
    return f"{trained}, validation accuracy {100 * stage['before']:.1f} → {100 * stage['after']:.1f} %"
