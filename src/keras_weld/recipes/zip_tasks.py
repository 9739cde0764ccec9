"""What a task is trained for, and how it does, by what its source's file says of its output."""

from __future__ import annotations

from collections.abc import Sequence

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.meaning import LOGITS, PROBABILITIES, Kind, Meaning
from keras_weld.data.batch import Array
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.zip_data import TaskData
from keras_weld.zipping import aims
from keras_weld.zipping.calibration import Aims
from keras_weld.zipping.frontier import TaskFigures


def classes_of(known: Candidate) -> list[int | None]:
    """For each output, how many classes it tells apart, as the model's file says; None if it does not."""
    meanings = [port.meaning for port in known.summary.outputs]
    return [
        meaning.classes if meaning is not None and meaning.kind in (Kind.CLASSES, Kind.CLASS_LOGITS) else None
        for meaning in meanings
    ]


def aims_of(known: Candidate, outputs: Sequence[str], data: TaskData) -> dict[str, Aims]:
    """The losses of a task's outputs.

    Args:
        known: what the file of its model tells.
        outputs: what they are called in a merged network.
        data: its data.
    """
    ports = zip(outputs, known.summary.outputs, strict=True)
    return {output: _aims(port.meaning, output in data.targets, data.y.get(output)) for output, port in ports}


def _aims(meaning: Meaning | None, labelled: bool, y: Array | None) -> Aims:
    """By what the file says of an output; whole numbers say that open ones are logits."""
    kind = Kind.UNKNOWN if meaning is None else meaning.kind
    whole = y is not None and y.ndim == 1 and y.dtype.kind in "iu"
    if kind in (Kind.CLASSES, Kind.CLASS_LOGITS) or (kind is Kind.OPEN and whole):
        return aims.classes(logits=kind not in PROBABILITIES, labelled=labelled)
    if kind in (Kind.INDEPENDENT, Kind.INDEPENDENT_LOGITS):
        return aims.independent(logits=kind in LOGITS, labelled=labelled)
    return aims.values(labelled=labelled)


def figures_of(evaluation: Evaluation) -> TaskFigures:
    """How a merged network does against one source, with drops in the place of gains."""
    merged, source = evaluation.splits[-1].rows[:2]
    sign = -1.0 if evaluation.higher_is_better else 1.0
    ends = sorted(sign * (value or 0.0) for value in (merged.difference_low, merged.difference_high))
    return TaskFigures(
        evaluation.metric,
        merged.value,
        merged.low,
        merged.high,
        source.value,
        source.low,
        source.high,
        sign * (merged.difference or 0.0),
        ends[0],
        ends[1],
        merged.verdict or "",
        evaluation.splits[-1].count,
    )
