"""What a task is trained for, and how it does, by what its source's file says of its output."""

from __future__ import annotations

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.meaning import LOGITS, PROBABILITIES, Kind
from keras_weld.errors import IncompatibleModelsError
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.zip_data import TaskData
from keras_weld.zipping import aims
from keras_weld.zipping.calibration import Aims
from keras_weld.zipping.frontier import TaskFigures


def classes_of(known: Candidate) -> int | None:
    """How many classes a model with one output tells apart, as its file says; None if it does not."""
    outputs = known.summary.outputs
    if len(outputs) != 1:
        return None
    meaning = outputs[0].meaning
    return meaning.classes if meaning is not None and meaning.kind in (Kind.CLASSES, Kind.CLASS_LOGITS) else None


def aims_of(known: Candidate, data: TaskData) -> Aims:
    """The losses of a task by what its file says of its output; whole numbers say that open outputs are logits."""
    if len(known.summary.outputs) != 1:
        raise IncompatibleModelsError(
            "A model with several outputs cannot be calibrated.",
            found=f"{len(known.summary.outputs)} outputs",
            expected="one output",
            remedy="Zip without data (steps=0).",
        )
    meaning, labelled = known.summary.outputs[0].meaning, data.y is not None
    kind = Kind.UNKNOWN if meaning is None else meaning.kind
    whole = data.y is not None and data.y.ndim == 1 and data.y.dtype.kind in "iu"
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
        source.value,
        sign * (merged.difference or 0.0),
        ends[0],
        ends[1],
        merged.verdict or "",
        evaluation.splits[-1].count,
    )
