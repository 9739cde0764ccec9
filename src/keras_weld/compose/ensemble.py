"""One graph that runs several models and makes one answer of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np

from keras_weld.compose.forms import Family, Form, arranged, logs_of, probabilities_of, single
from keras_weld.compose.inputs import SHARED, join_inputs
from keras_weld.compose.labels import KNOWN, ZERO, Alignment
from keras_weld.compose.member import Composed, Member
from keras_weld.compose.parts import Column, Part
from keras_weld.compose.reducers import REDUCERS, Pool, Reducer, Share
from keras_weld.compose.stacking import Combiner
from keras_weld.errors import IncompatibleModelsError, UsageError
from keras_weld.models.cut import alone
from keras_weld.models.replay import Tensor


@dataclass(frozen=True, slots=True)
class Answer:
    """The answers of all models for one output of the result.

    Attributes:
        name: the output's name.
        tensors: what each model gives.
        forms: what these numbers are.
    """

    name: str
    tensors: Sequence[Tensor]
    forms: Sequence[Form]

    @property
    def family(self) -> Family:
        """What they are about."""
        return self.forms[0].family


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Models that run side by side on the inputs of one graph.

    Attributes:
        members: the models.
        inputs: the graph's inputs.
        answers: what comes out, an entry for each output of the result.
        notes: what was inserted, in sentences.
        how: "shared" or "separate" inputs.
    """

    members: Sequence[Member]
    inputs: Sequence[Tensor]
    answers: Sequence[Answer]
    notes: Sequence[str]
    how: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How the answers become one.

    Attributes:
        reduce: a key of `REDUCERS`.
        weights: of the models; they sum to 1. None for equal ones.
        temperatures: what the logits of each model are divided by first; None for none.
        labels: how the classes become one list; None where every model has the same.
        unknown: the rule for classes that only some models know.
        combiner: for "stack".
    """

    reduce: str = "mean"
    weights: Sequence[float] | None = None
    temperatures: Sequence[float] | None = None
    labels: Alignment | None = None
    unknown: str = "refuse"
    combiner: Combiner | None = None
    reducer: Reducer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reducer", REDUCERS[self.reduce])


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
        _check_alike(members, answer)
        answers.append(answer)
    return SideBySide(members, joined.inputs, answers, joined.notes, inputs)


def ensemble(models: SideBySide, plan: Plan) -> Composed:
    """Make one answer of several, for every output.

    Args:
        models: the models, side by side.
        plan: how.

    Raises:
        UsageError: if the way to reduce makes no sense for what the outputs are, or lacks something.
        IncompatibleModelsError: if the outputs have different sizes.
    """
    notes = list(models.notes)
    for answer in models.answers:
        check_plan(models.members, answer, plan)
        notes += _told(models.members, answer, plan)
    taken = {
        one.name for one in _graph(models, [one for answer in models.answers for one in answer.tensors]).operations
    }
    outputs = []
    for answer in models.answers:
        name = answer.name
        while name in taken:
            name = f"{name}_ensemble"
        taken.add(name)
        outputs.append(_reduced(models.members, answer, plan, name))
    model = _graph(models, outputs, "ensemble")
    parameters = {
        "reduce": plan.reduce,
        "inputs": models.how,
        "outputs": {
            answer.name: {member.name: str(form) for member, form in zip(models.members, answer.forms, strict=True)}
            for answer in models.answers
        },
        "weights": None if plan.weights is None else list(plan.weights),
        "temperatures": None if plan.temperatures is None else list(plan.temperatures),
        "unknown": plan.unknown if plan.labels is not None else None,
    }
    return Composed(model, notes, parameters)


def given_form(answer: Answer, plan: Plan) -> Form:
    """What the numbers that come out are."""
    if answer.family is Family.VALUES:
        return Form.VALUES
    if answer.family is Family.CLASSES:
        return Form.LOGITS if plan.reducer.gives_logits else Form.PROBABILITIES
    return Form.INDEPENDENT_LOGITS if plan.reducer.gives_logits else Form.INDEPENDENT


def scores_model(models: SideBySide) -> keras.Model:
    """A model that gives, for the one output there is, every member's log-probabilities, log-odds or values."""
    answer = models.answers[0]
    scores = [logs_of(single(one), form) for one, form in zip(answer.tensors, answer.forms, strict=True)]
    return _graph(models, scores, "scores")


def views(models: SideBySide, plan: Plan) -> list[keras.Model]:
    """Each member by itself behind the inputs of the result, with its classes in the order of the result."""
    made = []
    for number, member in enumerate(models.members):
        outputs = []
        for answer in models.answers:
            own = probabilities_of(single(answer.tensors[number]), answer.forms[number])
            places = None if plan.labels is None else plan.labels.places[number]
            outputs.append(arranged(own, places, logs=False))
        made.append(_graph(models, outputs, member.name))
    return made


def _graph(models: SideBySide, outputs: Sequence[Tensor], name: str | None = None) -> keras.Model:
    return keras.Model(alone(models.inputs), alone(outputs), name=name)


def _check_alike(members: Sequence[Member], answer: Answer) -> None:
    """Refuse outputs that are about different things."""
    first = answer.forms[0].family
    for member, form in zip(members, answer.forms, strict=True):
        if form.family is not first:
            raise IncompatibleModelsError(
                "The outputs mean different things, so no one answer can be made of them.",
                file=member.source,
                layer=answer.name,
                expected=f"{answer.forms[0]} ({first}), as {members[0].name} gives",
                found=f"{form} ({form.family})",
                remedy="Only models that answer the same question can be joined by their outputs; weld fuse takes any.",
            )


def check_plan(members: Sequence[Member], answer: Answer, plan: Plan) -> None:
    """Refuse a plan that makes no sense for an answer.

    Raises:
        UsageError: if the way to reduce does not fit what the outputs are about.
        IncompatibleModelsError: if there are other numbers of classes than labels, or outputs of different sizes.
    """
    if answer.family not in plan.reducer.fits:
        fitting = [name for name, one in REDUCERS.items() if answer.family in one.fits]
        raise UsageError(
            f"{plan.reduce} makes no sense for outputs about {answer.family}.",
            layer=answer.name,
            expected=", ".join(fitting),
            found=plan.reduce,
            remedy="Values have no probabilities, so they can be averaged and not voted on."
            if answer.family is Family.VALUES
            else f"Choose one of these: --reduce {fitting[0]}",
        )
    if plan.temperatures is not None and answer.family is Family.VALUES:
        raise UsageError(
            "Values have no temperature.", layer=answer.name, expected="probabilities or logits", found="values"
        )
    if plan.labels is not None:
        _check_labels(members, answer, plan, plan.labels)
    first = answer.tensors[0].shape
    for member, tensor in zip(members, answer.tensors, strict=True):
        wanted = first if plan.labels is None else (*first[:-1], tensor.shape[-1])
        if len(tensor.shape) != len(first) or any(
            a != b for a, b in zip(tensor.shape[1:], wanted[1:], strict=True) if None not in (a, b)
        ):
            raise IncompatibleModelsError(
                "The outputs have different sizes.",
                file=member.source,
                layer=answer.name,
                expected=f"{_shown(first)}, as {members[0].name} gives",
                found=_shown(tensor.shape),
                remedy="If they know different classes, name them: --labels a.txt --labels b.txt --unknown zero "
                "(or known). weld fuse joins features of any models.",
            )


def _check_labels(members: Sequence[Member], answer: Answer, plan: Plan, labels: Alignment) -> None:
    if answer.family is Family.VALUES:
        raise UsageError(
            "Labels name classes, and this output gives values.", layer=answer.name, found="labels for values"
        )
    for member, tensor, places in zip(members, answer.tensors, labels.places, strict=True):
        width, known = tensor.shape[-1], sum(place is not None for place in places)
        # One number, for yes, has two labels: no and yes.
        if width != known and (width, known) != (1, 2):
            raise IncompatibleModelsError(
                "There are not as many labels as the model has classes.",
                file=member.source,
                layer=answer.name,
                expected=f"{width} labels",
                found=f"{known} labels",
                remedy="Give the labels of every model, one a line, in the order of its outputs.",
            )
        if width == 1 and not labels.complete:
            raise IncompatibleModelsError(
                "A model that gives one number for yes or no cannot lack one of the two.",
                file=member.source,
                layer=answer.name,
                expected=", ".join(labels.labels[:2]),
                found="other labels",
            )
    if not labels.complete and plan.unknown == ZERO and not plan.reducer.takes_zero:
        raise UsageError(
            f"With {plan.reduce}, a class to which one model gives 0 is 0 for all.",
            expected="a rule that leaves such classes to the models that know them",
            found=f"--unknown {ZERO}",
            remedy=f"Take --unknown {KNOWN}, or --reduce mean.",
        )
    if not labels.complete and plan.reducer.trained:
        raise UsageError(
            f"{plan.reduce} needs models that all know the same classes.",
            expected="the same labels in every list",
            found=f"{len(labels.labels)} classes, not all of them known to all",
            remedy="Take --reduce mean or weighted.",
        )


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


def _told(members: Sequence[Member], answer: Answer, plan: Plan) -> list[str]:
    """What to know about how an answer was made."""
    notes = []
    logits = [member.name for member, form in zip(members, answer.forms, strict=True) if form.are_logits]
    others = [member.name for member in members if member.name not in logits]
    kind = "sigmoid" if answer.family is Family.INDEPENDENT else "softmax"
    if answer.family is not Family.VALUES:
        if logits and not plan.reducer.takes_logs:
            notes.append(f"{_names(logits)} {_give(logits)} logits: they go through a {kind} first.")
        elif logits and others:
            notes.append(
                f"{_names(logits)} {_give(logits)} logits, {_names(others)} probabilities: all become logarithms."
            )
        if plan.reducer.gives_logits:
            notes.append(f"What comes out are logits: a {kind} makes probabilities of them.")
    if plan.reduce == "vote":
        notes.append(
            "What comes out are shares of the votes. A model that finds several classes equally likely splits its vote."
            if answer.family is Family.CLASSES
            else "What comes out are shares of the votes for yes, which is above 0.5."
        )
    if plan.labels is not None:
        for number, member in enumerate(members):
            if plan.labels.moved(number) and None not in plan.labels.places[number]:
                notes.append(f"The classes of {member.name} are put in the order of {members[0].name}.")
            elif plan.labels.moved(number):
                missing = [
                    label
                    for label, place in zip(plan.labels.labels, plan.labels.places[number], strict=True)
                    if place is None
                ]
                rule = "gives them 0" if plan.unknown == ZERO else "they are left to the models that know them"
                more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
                notes.append(f"{member.name} does not know {', '.join(missing[:3])}{more}: {rule}.")
    return notes


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _give(names: Sequence[str]) -> str:
    return "gives" if len(names) == 1 else "give"


def _shown(shape: Sequence[int | None]) -> str:
    return f"({', '.join(['batch', *('any' if size is None else str(size) for size in shape[1:])])})"
