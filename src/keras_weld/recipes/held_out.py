"""What an ensemble learns from held-out data: temperatures, weights, a combiner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_weld.core.plural import counted
from keras_weld.core.state import Array
from keras_weld.data.split import Split
from keras_weld.errors import DataError, UsageError
from keras_weld.io.limits import Limits
from keras_weld.judging.outcome import outcome_of
from keras_weld.judging.run import predict
from keras_weld.recipes.limited_data import open_within

if TYPE_CHECKING:
    from keras_weld.compose.answers import SideBySide
    from keras_weld.compose.forms import Family
    from keras_weld.compose.member import Member
    from keras_weld.compose.plan import Plan

_USABLE = ("validation", "all")


@dataclass(frozen=True, slots=True)
class Answers:
    """What every model says of held-out examples for one output, and what is true.

    Attributes:
        members: the models.
        family: what the output is about.
        logs: by model: log-probabilities `(examples, classes)`, each model's own classes in its own order; log-odds
            or values in the shape of the targets.
        targets: numbers of classes, in the order of the result, `(examples,)`; else 0, 1 or values.
        count: number of examples.
        origin: where the data came from.
    """

    members: Sequence[Member]
    family: Family
    logs: Sequence[Array]
    targets: Array
    count: int
    origin: str


def ask(models: SideBySide, number: int, target: int, plan: Plan, split: Split) -> Answers:
    """Run all models on held-out data.

    Args:
        models: the models.
        number: which of their outputs is asked for.
        target: which of the targets belongs to it.
        plan: how the answers become one.
        split: the examples.

    Raises:
        DataError: if the data does not fit.
    """
    from keras_weld.compose.ensemble import scores_model
    from keras_weld.compose.forms import Family

    answer = models.answers[number]
    said = predict(scores_model(models, answer), split)
    found, targets = said.outputs, np.asarray(said.targets[target])
    if answer.family is Family.CLASSES:
        count = found[0].shape[-1] if plan.labels is None else len(plan.labels.labels)
        shaped = np.full((*found[0].shape[:-1], count), 1 / count, np.float32)
        classes = outcome_of(shaped, _renumbered(targets, split, plan), file=split.origin).targets
        if classes.shape != found[0].shape[:-1]:
            raise _unfit(split, f"shape {found[0].shape[:-1]}, whole numbers", targets)
        rows = [_rows(one) for one in found]
        return Answers(models.members, answer.family, rows, classes.reshape(-1), len(targets), split.origin)
    width = found[0].shape[-1]
    shape = (*found[0].shape[:-1], width if plan.labels is None or width == 1 else len(plan.labels.labels))
    if targets.size != np.prod(shape):
        raise _unfit(split, f"shape {shape}", targets)
    targets = targets.reshape(shape)
    if answer.family is Family.INDEPENDENT and not np.isin(targets, (0, 1)).all():
        raise _unfit(split, "0 or 1 for every answer", targets)
    logs = [np.asarray(one, np.float64) for one in found]
    return Answers(models.members, answer.family, logs, targets, len(targets), split.origin)


def held_out(data: Any, limits: Limits | None, pixels: str) -> Split:
    """The examples to learn from: the validation split, or the only one there is.

    Raises:
        DataError: if there are only training and test examples, or no targets.
    """
    dataset = open_within(limits, data, pixels=pixels)
    name = next((name for name in _USABLE if name in dataset.splits), None)
    if name is None:
        raise DataError(
            "There are no held-out examples: those of training were learnt, and those of the test are for judging.",
            file=dataset.origin,
            expected="x_val and y_val, or x and y alone",
            found=", ".join(dataset.splits),
            remedy="Name the arrays to use: FILE.npz:x_held,y_held",
        )
    split = dataset.splits[name]
    if not split.labelled:
        raise DataError("The data has inputs and no targets.", file=split.origin, expected="inputs and targets")
    return split


def calibrated(plan: Plan, answers: Answers) -> tuple[Plan, list[str]]:
    """The plan with one temperature for each model, and what to know about them."""
    from keras_weld.compose.forms import Family
    from keras_weld.compose.temperature import class_loss, find_temperature, independent_loss

    independent = answers.family is Family.INDEPENDENT
    loss = independent_loss if independent else class_loss
    temperatures, notes = [], []
    for number, (member, logs) in enumerate(zip(answers.members, answers.logs, strict=True)):
        own, targets = _known(logs, plan, answers, number, independent)
        temperature = find_temperature(own, targets, independent=independent) if len(own) else 1.0
        temperatures.append(temperature)
        if len(own):
            notes.append(
                f"Temperature of {member.name}: {temperature:.3g}. Its log loss on "
                f"{counted(answers.count, 'held-out example')} was {loss(own, targets):.4g} "
                f"and is {loss(own, targets, temperature):.4g}.{_end_of_search(temperature)}"
            )
    return replace(plan, temperatures=temperatures), notes


def _end_of_search(temperature: float) -> str:
    """What to know of a temperature at an end of those that are tried."""
    from keras_weld.compose.temperature import COLDEST, HOTTEST

    if COLDEST < temperature < HOTTEST:
        return ""
    told = "its answers hardly have to do with what is true" if temperature >= HOTTEST else "it is nearly never wrong"
    return f" Temperatures from {COLDEST:g} to {HOTTEST:g} are tried, so this one is at the end: there, {told}."


def weighed(plan: Plan, answers: Answers) -> tuple[Plan, list[str]]:
    """The plan with the weights that do best on held-out data, and what to know about them.

    Raises:
        UsageError: if classes that only some models know are left to those.
    """
    from keras_weld.compose.forms import Family
    from keras_weld.compose.mixture import least_squares_weights, log_loss, mixture_weights

    family = answers.family
    if family is Family.VALUES:
        predictions = np.stack(list(answers.logs))
        weights = least_squares_weights(predictions, answers.targets)
        equal = np.full(len(weights), 1 / len(weights))
        before, after = (
            float(((np.tensordot(some, predictions, 1) - answers.targets) ** 2).mean()) for some in (equal, weights)
        )
        measure = "Mean squared error"
    else:
        if plan.labels is not None and not plan.labels.complete and plan.unknown == "known":
            raise UsageError(
                "Weights cannot be found where classes are left to the models that know them.",
                expected="a plain mean of probabilities",
                found="--unknown known",
                remedy="Take --unknown zero, or give the weights: --weights 0.6,0.4",
            )
        likelihoods = np.stack(
            [
                _likelihood(logs, plan, answers, number, family is Family.INDEPENDENT)
                for number, logs in enumerate(answers.logs)
            ]
        )
        weights = mixture_weights(likelihoods)
        before = log_loss(likelihoods, np.full(len(weights), 1 / len(weights)))
        after = log_loss(likelihoods, weights)
        measure = "Log loss"
    shown = ", ".join(f"{member.name} {weight:.3f}" for member, weight in zip(answers.members, weights, strict=True))
    note = (
        f"Weights found on {counted(answers.count, 'held-out example')}: {shown}. {measure} there: {before:.4g} with "
        f"equal weights, {after:.4g} with these."
    )
    return replace(plan, weights=[float(weight) for weight in weights]), [note]


def trained(plan: Plan, answers: Answers, seed: int) -> tuple[Plan, list[str]]:
    """The plan with a trained combiner, and what to know about it."""
    from keras_weld.compose.stacking import train_combiner

    logs = []
    for number, own in enumerate(answers.logs):
        scaled = _log_softmax(own / plan.temperatures[number]) if plan.temperatures is not None else own
        places = _places(plan, number)
        logs.append(scaled if places is None else scaled[:, places])
    combiner = train_combiner(np.stack(logs), answers.targets, seed=seed)
    note = (
        f"The combiner was trained on {combiner.trained_on:,} held-out examples and stopped by {combiner.stopped_on:,} "
        f"others. Log loss on those: {combiner.loss_before:.4g} for the geometric mean, which it starts from, "
        f"{combiner.loss_after:.4g} for the combiner."
    )
    return replace(plan, combiner=combiner), [note]


def _renumbered(targets: Array, split: Split, plan: Plan) -> Array:
    """The targets by the numbers of the result, where the data names its classes in another order."""
    labels = () if plan.labels is None else plan.labels.labels
    if not split.classes or targets.dtype.kind not in "iu" or not set(split.classes) <= set(labels):
        return targets
    numbers = np.array([labels.index(name) for name in split.classes])
    return numbers[targets] if targets.size and 0 <= targets.min() <= targets.max() < len(numbers) else targets


def _places(plan: Plan, number: int) -> Array | None:
    """For each class of the result its number in one model, or -1."""
    if plan.labels is None:
        return None
    return np.array([-1 if place is None else place for place in plan.labels.places[number]])


def _known(logs: Array, plan: Plan, answers: Answers, number: int, independent: bool) -> tuple[Array, Array]:
    """What one model says, and what is true by its own numbers, of the examples whose classes it knows."""
    places, targets = _places(plan, number), answers.targets
    if places is None:
        return logs, targets
    if not independent:
        own = places[targets]
        return logs[own >= 0], own[own >= 0]
    if logs.shape[-1] == 1:
        return (-logs if places[0] == 1 else logs), targets
    return logs[..., places[places >= 0]], targets[..., places >= 0]


def _likelihood(logs: Array, plan: Plan, answers: Answers, number: int, independent: bool) -> Array:
    """The probability that one model gives to what is true; 0 where it does not know the class."""
    temperature = 1.0 if plan.temperatures is None else plan.temperatures[number]
    places, targets = _places(plan, number), answers.targets
    if not independent:
        probabilities = np.exp(_log_softmax(logs / temperature))
        own = targets if places is None else places[targets]
        given: Array = probabilities[np.arange(len(own)), own]
        return np.where(own >= 0, given, 0.0)
    own, _ = _known(logs, plan, answers, number, independent)
    chances = np.zeros(targets.shape)  # of yes
    known = slice(None) if places is None or logs.shape[-1] == 1 else places >= 0
    chances[..., known] = np.exp(-np.logaddexp(0.0, -own / temperature))
    return np.where(targets == 1, chances, 1 - chances).reshape(-1)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logs: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logs


def _rows(values: Array) -> Array:
    return np.asarray(values, np.float64).reshape(-1, values.shape[-1])


def _unfit(split: Split, expected: str, targets: Array) -> DataError:
    return DataError(
        "The targets do not fit what the models give.",
        file=split.origin,
        expected=expected,
        found=f"shape {targets.shape}, {targets.dtype}",
        remedy="Name the right array for the targets: FILE.npz:inputs,targets",
    )
