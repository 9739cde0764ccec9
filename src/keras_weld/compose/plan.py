"""How the answers of several models become one, and whether that makes sense for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from keras_weld.compose.answers import Answer
from keras_weld.compose.forms import Family, Form
from keras_weld.compose.labels import KNOWN, ZERO, Alignment, require_as_many
from keras_weld.compose.member import Member
from keras_weld.compose.reducers import REDUCERS, Reducer
from keras_weld.compose.stacking import Combiner
from keras_weld.errors import IncompatibleModelsError, UsageError


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


def given_form(answer: Answer, plan: Plan) -> Form:
    """What the numbers that come out are."""
    if answer.family is Family.VALUES:
        return Form.VALUES
    if answer.family is Family.CLASSES:
        return Form.LOGITS if plan.reducer.gives_logits else Form.PROBABILITIES
    return Form.INDEPENDENT_LOGITS if plan.reducer.gives_logits else Form.INDEPENDENT


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
                remedy="weld fuse joins features of any models."
                if len(tensor.shape) != len(first)
                else "If they know different classes, name them: --labels a.txt --labels b.txt --unknown zero "
                "(or known). weld fuse joins features of any models.",
            )


def _check_labels(members: Sequence[Member], answer: Answer, plan: Plan, labels: Alignment) -> None:
    if answer.family is Family.VALUES:
        raise UsageError(
            "Labels name classes, and this output gives values.", layer=answer.name, found="labels for values"
        )
    for member, tensor, places in zip(members, answer.tensors, labels.places, strict=True):
        known = sum(place is not None for place in places)
        require_as_many(known, tensor.shape[-1], member.source, answer.name)
        if tensor.shape[-1] == 1 and not labels.complete:
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


def _shown(shape: Sequence[int | None]) -> str:
    return f"({', '.join(['batch', *('any' if size is None else str(size) for size in shape[1:])])})"
