"""A composed model against the sources it was made of, output by output, before it is written."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.data.split import Dataset
from keras_weld.errors import WeldError
from keras_weld.recipes.composing import plain
from keras_weld.recipes.contest import Contestant, Output, Progress, contest
from keras_weld.recipes.judgement import Evaluation, Judged, Row
from keras_weld.recipes.tuning import Tuning, tune_composed

if TYPE_CHECKING:
    import keras

    from keras_weld.compose.member import Composed

Rivals = Mapping[Output, Sequence[Contestant]]
"""By output of a composed model, the sources that answer the same question."""

ON_VALIDATION = (
    "There are no test examples (x_test, y_test): the model is judged on those that chose its weights, which favours "
    "it a little."
)


def rivals_of(sources: Sequence[Any], models: Sequence[Any]) -> list[Contestant]:
    """Live models as rivals, called as the user named them.

    Args:
        sources: the live models.
        models: what the user gave for each: a path, or a live model.
    """
    from keras_weld.recipes.contest import names_of

    return [
        Contestant(name, _giving(source), file=given if isinstance(given, str | os.PathLike) else None)
        for name, source, given in zip(names_of(models), sources, models, strict=True)
    ]


def judge_composed(
    model: keras.Model,
    rivals: Rivals,
    dataset: Dataset,
    *,
    out: str | os.PathLike[str] | None,
    targets: Mapping[Output, int] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Evaluation]:
    """Judge every output of a composed model against the best of its rivals.

    Args:
        model: the live model.
        rivals: the sources by output.
        dataset: what to judge on.
        out: the file that it will be, for its name.
        targets: by output, the number of the target that belongs to it, where that is known.
        seed: what resamplings are drawn by.
        progress: called after each batch.

    Raises:
        WeldError: if the data does not fit, or the outputs cannot be compared.
    """
    known = targets or {}
    name = _called(model, out, {one.name for against in rivals.values() for one in against})
    several = len(getattr(model, "outputs", None) or rivals) > 1  # a class of one's own does not tell them
    return [
        contest(
            [
                Contestant(
                    f"{name}:{output}" if several else name, _giving(model), output=output, target=known.get(output)
                ),
                *against,
            ],
            dataset,
            seed=seed,
            progress=None if progress is None else _told(progress),
        )
        for output, against in rivals.items()
    ]


def train_and_judge(
    composed: Composed,
    tuning: Tuning | None,
    rivals: Callable[[], Rivals],
    out: str | os.PathLike[str] | None,
) -> tuple[dict[str, Any], list[Evaluation]]:
    """Train a composed model and judge it; gives the entries for the lineage, and the evaluations.

    Where it cannot be compared with its sources (they tell other classes apart, take other inputs), a note says so.

    Args:
        composed: the model; it is trained in place, and its notes and parameters are added to.
        tuning: how; without it, nothing is done.
        rivals: gives its sources, as they are.
        out: the file that it will be.

    Raises:
        WeldError: as `run_stages` does.
    """
    if tuning is None:
        return {}, []
    facts = tune_composed(composed, tuning)
    examples = tuning.examples
    # The best source is chosen on the validation examples, and judged on those of the test where there are any.
    judged = Dataset({"validation": examples.validation, **examples.judged.splits}, examples.origin)
    return facts, judge_trained(composed, tuning, rivals, judged, out)


def judge_trained(
    composed: Composed,
    tuning: Tuning,
    rivals: Callable[[], Rivals],
    judged: Dataset,
    out: str | os.PathLike[str] | None,
) -> list[Evaluation]:
    """Judge a model that was trained; what cannot be compared with its sources is told by a note.

    Args:
        composed: the model; its notes are added to.
        tuning: how it was trained.
        rivals: gives its sources, as they were.
        judged: what to judge on.
        out: the file that it will be.
    """
    found: list[Evaluation] = []
    try:
        against = rivals()
    except WeldError as error:
        composed.notes.append(f"Not judged against its sources: {error.problem}")
        against = {}
    for output, sources in against.items():
        try:
            found += judge_composed(
                composed.model, {output: sources}, judged, out=out, seed=tuning.seed, progress=tuning.progress
            )
        except WeldError as error:
            what = f"The output {output} was" if len(against) > 1 else "It was"
            composed.notes.append(f"{what} not judged against its sources: {error.problem}")
    if found and "test" not in judged.splits:
        composed.notes.append(ON_VALIDATION)
    return found


def as_lineage(evaluations: Sequence[Evaluation]) -> list[dict[str, Any]] | None:
    """Evaluations as plain JSON values for a lineage; None if there are none."""
    return [plain(asdict(one)) for one in evaluations] or None


def evaluations_in(lineage: Mapping[str, Any]) -> list[Evaluation]:
    """The evaluations that a lineage keeps; a figure that JSON had no number for is no number here either."""
    return [
        Evaluation(**{**one, "splits": tuple(map(_judged, one["splits"])), "notes": tuple(one["notes"])})
        for one in lineage.get("evaluations", ())
    ]


def _judged(kept: Mapping[str, Any]) -> Judged:
    figures = ("value", "low", "high")
    rows = ({**row, **{name: math.nan for name in figures if row[name] is None}} for row in kept["rows"])
    return Judged(**{**kept, "rows": tuple(Row(**row) for row in rows)})


def _called(model: keras.Model, out: str | os.PathLike[str] | None, taken: Collection[str]) -> str:
    """What the model is called beside its rivals: after its file, or by its own name."""
    name = str(model.name) if out is None else Path(out).name
    if name not in taken:
        return name
    return f"{name} (result)" if out is None else os.fspath(out)


def _giving(model: Any) -> Callable[[], Any]:
    return lambda: model


def _told(progress: Progress) -> Progress:
    return lambda done, total, name: progress(done, total, f"Evaluating {name}")
