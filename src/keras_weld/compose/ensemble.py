"""One graph that runs several models and makes one answer of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_weld.compose.answers import Answer, SideBySide, check_alike
from keras_weld.compose.forms import Family, Form, arranged, logs_of, probabilities_of, single
from keras_weld.compose.inputs import SHARED, join_inputs
from keras_weld.compose.labels import KNOWN, Alignment
from keras_weld.compose.member import Composed, Member
from keras_weld.compose.parts import Column, Part
from keras_weld.compose.plan import Plan, check_plan
from keras_weld.compose.reducers import Pool, Reducer, Share
from keras_weld.compose.telling import order_assumed, told_of
from keras_weld.models.cut import alone
from keras_weld.models.replay import Tensor


def side_by_side(
    parts: Sequence[Part],
    columns: Sequence[Column],
    forms: Mapping[str, Sequence[Form]],
    *,
    inputs: str = SHARED,
    size: tuple[int, int] | None = None,
    ranges: Mapping[str, str] | None = None,
) -> SideBySide:
    """Run models on the inputs of one graph.

    Args:
        parts: the models.
        columns: which of their outputs belong together.
        forms: by model, what each of the outputs in `columns` is.
        inputs: "shared" or "separate".
        size: height and width of shared images.
        ranges: by model, the range of pixels that it takes.

    Raises:
        IncompatibleModelsError: if the models cannot share an input, or their outputs are not about the same.
    """
    members = [part.member for part in parts]
    joined = join_inputs(members, inputs, size=size, ranges=ranges)
    given = {
        part.member.name: keras.tree.flatten(part.model(alone(joined.entering[part.member.name]))) for part in parts
    }
    answers = []
    for place, column in enumerate(columns):
        tensors = [given[part.member.name][number] for part, number in zip(parts, column.numbers, strict=True)]
        answer = Answer(column.name, tensors, [forms[member.name][place] for member in members])
        check_alike(members, answer)
        answers.append(answer)
    by_name = parts[0].by_name and len(columns) == len(parts[0].names)
    return SideBySide(members, joined.inputs, answers, joined.notes, inputs, by_name)


def ensemble(models: SideBySide, plans: Sequence[Plan]) -> Composed:
    """Make one answer of several, for every output.

    Args:
        models: the models, side by side.
        plans: how, for each output; all of them reduce alike.

    Raises:
        UsageError: if the way to reduce makes no sense for what the outputs are, or lacks something.
        IncompatibleModelsError: if the outputs have different sizes.
    """
    notes = list(models.notes)
    for answer, plan in zip(models.answers, plans, strict=True):
        check_plan(models.members, answer, plan)
        notes += told_of(models.members, answer, plan)
    notes += order_assumed(models.answers, plans, len(models.members))
    taken = {
        one.name for one in _graph(models, [one for answer in models.answers for one in answer.tensors]).operations
    }
    outputs = []
    for answer, plan in zip(models.answers, plans, strict=True):
        name = answer.name
        while name in taken:
            name = f"{name}_ensemble"
        taken.add(name)
        outputs.append(_reduced(models.members, answer, plan, name))
    named = dict(zip((answer.name for answer in models.answers), outputs, strict=True)) if models.by_name else None
    model = keras.Model(alone(models.inputs), named or alone(outputs), name="ensemble")
    parameters = {
        "reduce": plans[0].reduce,
        "inputs": models.how,
        "outputs": {
            answer.name: {member.name: str(form) for member, form in zip(models.members, answer.forms, strict=True)}
            for answer in models.answers
        },
        "weights": _alike(models, [plan.weights for plan in plans]),
        "temperatures": _alike(models, [plan.temperatures for plan in plans]),
        "unknown": plans[0].unknown if plans[0].labels is not None else None,
    }
    return Composed(model, notes, parameters)


def _alike(models: SideBySide, numbers: Sequence[Sequence[float] | None]) -> Any:
    """Numbers for each model as JSON values: a list that holds for all outputs, or by output where they differ."""
    each = [None if one is None else list(one) for one in numbers]
    if all(one == each[0] for one in each):
        return each[0]
    return {answer.name: one for answer, one in zip(models.answers, each, strict=True)}


def scores_model(models: SideBySide, answer: Answer) -> keras.Model:
    """A model that gives, for one output, every member's log-probabilities, log-odds or values."""
    scores = [logs_of(single(one), form) for one, form in zip(answer.tensors, answer.forms, strict=True)]
    return _graph(models, scores, "scores")


def views(models: SideBySide, labels: Alignment | None) -> list[keras.Model]:
    """Each member by itself behind the inputs of the result, with its classes in the order of the result."""
    made = []
    for number, member in enumerate(models.members):
        outputs = []
        for answer in models.answers:
            own = probabilities_of(single(answer.tensors[number]), answer.forms[number])
            places = None if labels is None else labels.places[number]
            outputs.append(arranged(own, places, logs=False))
        made.append(_graph(models, outputs, member.name))
    return made


def _graph(models: SideBySide, outputs: Sequence[Tensor], name: str | None = None) -> keras.Model:
    return keras.Model(alone(models.inputs), alone(outputs), name=name)


def _reduced(members: Sequence[Member], answer: Answer, plan: Plan, name: str) -> Tensor:
    """One answer, made in a model inside the model, which gives the output its name."""
    starts = [
        keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=member.name)
        for member, tensor in zip(members, answer.tensors, strict=True)
    ]
    raw = plan.reducer.gives_logits and all(form.are_logits for form in answer.forms) and _complete(plan)
    taken = []
    for number, (start, form) in enumerate(zip(starts, answer.forms, strict=True)):
        temperature = None if plan.temperatures is None else plan.temperatures[number]
        tensor = _in_form(single(start), form, plan.reducer, temperature, raw)
        places = None if plan.labels is None else plan.labels.places[number]
        taken.append(arranged(tensor, places, logs=plan.reducer.takes_logs))
    pool = Pool(answer.family, _shares(len(members), plan), plan.combiner)
    # A layer at the end, as the shape of what only an operation gives is not written into the file.
    answered = keras.layers.Identity(dtype="float32", name="answer")(plan.reducer.build(taken, pool))
    combine = keras.Model(alone(starts), answered, name=name)
    made: Tensor = combine(alone(list(answer.tensors)))
    return made


def _in_form(tensor: Tensor, form: Form, reducer: Reducer, temperature: float | None, raw: bool) -> Tensor:
    """A model's answer in the form that the reducer takes."""
    if temperature is not None:
        logits = tensor if raw else logs_of(tensor, form)
        tensor = keras.ops.divide(logits, float(temperature))
        form = Form.LOGITS if form.family is Family.CLASSES else Form.INDEPENDENT_LOGITS
    if raw or form is Form.VALUES:
        return tensor
    return logs_of(tensor, form) if reducer.takes_logs else probabilities_of(tensor, form)


def _complete(plan: Plan) -> bool:
    return plan.labels is None or plan.labels.complete


def _shares(count: int, plan: Plan) -> list[Share]:
    weights = [1 / count] * count if plan.weights is None else list(plan.weights)
    if plan.labels is None or plan.labels.complete or plan.unknown != KNOWN:
        return list(weights)
    known = np.array([[place is not None for place in places] for places in plan.labels.places])
    spread = known * np.asarray(weights)[:, None]
    # A class whose knowers all have the weight 0 is left to them in equal parts.
    spread = np.where(spread.sum(axis=0) > 0, spread, known)
    return list(spread / spread.sum(axis=0))
