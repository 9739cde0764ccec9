"""How the answers of an ensemble become one, with all that is found on held-out data."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from keras_weld.data.split import Split
from keras_weld.errors import UsageError
from keras_weld.io.limits import Limits
from keras_weld.recipes.answered import targets_by_output
from keras_weld.recipes.held_out import ask, calibrated, held_out, trained, weighed

if TYPE_CHECKING:
    from keras_weld.compose.answers import SideBySide
    from keras_weld.compose.plan import Plan


@dataclass(frozen=True, slots=True)
class _Held:
    """Held-out examples, and by number of an output that they have targets for, the number of the target."""

    split: Split
    targets: Mapping[int, int]


def learnt(
    models: SideBySide, plan: Plan, fit_weights: Any, calibrate: Any, *, seed: int, limits: Limits | None, pixels: str
) -> tuple[Sequence[Plan], list[str]]:
    """A plan for each output, and what to know about what was found for it.

    An output that the data has no targets for keeps the plan as it is.

    Args:
        models: the models, side by side.
        plan: what is known of the plans.
        fit_weights: held-out data to find weights on, or to train a combiner on; None for none.
        calibrate: held-out data to find temperatures on; None for none.
        seed: what examples that stop the training of a combiner are drawn by.
        limits: what packed files may unpack to.
        pixels: for images, the range that the models take.

    Raises:
        UsageError: if a plan makes no sense for what an output is, or a combiner cannot be trained for one.
        DataError: if the data does not fit.
    """
    from keras_weld.compose.plan import check_plan

    names = [answer.name for answer in models.answers]
    calibrating = _held(calibrate, names, limits, pixels)
    weighing = calibrating if _same(fit_weights, calibrate) else _held(fit_weights, names, limits, pixels)
    for number, answer in enumerate(models.answers):
        # The temperatures are not known yet; that there will be some is.
        calibrates = calibrating is not None and number in calibrating.targets
        probe = replace(plan, temperatures=[1.0] * len(models.members)) if calibrates else plan
        check_plan(models.members, answer, probe)
    if plan.reducer.trained and weighing is not None and len(weighing.targets) < len(names):
        raise _no_combiner(plan, weighing, names)
    plans, notes = [], []
    for number, name in enumerate(names):
        own, found = _learnt_for(number, models, plan, weighing, calibrating, seed)
        plans.append(own)
        notes += found if len(names) == 1 else [f"{name}: {note}" for note in found]
    return plans, notes


def _learnt_for(
    number: int, models: SideBySide, plan: Plan, weighing: _Held | None, calibrating: _Held | None, seed: int
) -> tuple[Plan, list[str]]:
    notes: list[str] = []
    answers = None
    left = []
    if calibrating is not None and number in calibrating.targets:
        answers = ask(models, number, calibrating.targets[number], plan, calibrating.split)
        plan, found = calibrated(plan, answers)
        notes += found
    elif calibrating is not None:
        left.append("no temperatures are found")
    if weighing is not None and number in weighing.targets:
        if answers is None or weighing is not calibrating:
            answers = ask(models, number, weighing.targets[number], plan, weighing.split)
        plan, found = trained(plan, answers, seed) if plan.reducer.trained else weighed(plan, answers)
        notes += found
    elif weighing is not None:
        left.append("the models have equal weights")
    return plan, [*notes, f"There are no held-out targets for it: {' and '.join(left)}."] if left else notes


def _held(data: Any, names: Sequence[str], limits: Limits | None, pixels: str) -> _Held | None:
    if data is None:
        return None
    split = held_out(data, limits, pixels)
    return _Held(split, targets_by_output(names, split))


def _same(one: Any, other: Any) -> bool:
    """Whether two are the same data for sure."""
    return one is other or (
        isinstance(one, str | os.PathLike) and isinstance(other, str | os.PathLike) and one == other
    )


def _no_combiner(plan: Plan, weighing: _Held, names: Collection[str]) -> UsageError:
    given = [name for number, name in enumerate(names) if number in weighing.targets]
    return UsageError(
        f"{plan.reduce} has to be trained for every output.",
        expected=f"targets for {', '.join(names)}",
        found=f"targets for {', '.join(given)}",
        remedy=f"Take one output alone: --output {given[0]}",
    )
