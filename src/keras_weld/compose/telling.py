"""What a person should know of how several answers became one."""

from __future__ import annotations

from collections.abc import Sequence

from keras_weld.compose.answers import Answer
from keras_weld.compose.forms import Family
from keras_weld.compose.labels import ZERO
from keras_weld.compose.member import Member
from keras_weld.compose.plan import Plan


def told_of(members: Sequence[Member], answer: Answer, plan: Plan) -> list[str]:
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


def order_assumed(answers: Sequence[Answer], plans: Sequence[Plan], count: int) -> list[str]:
    """That models which do not name their classes are taken to number them alike; nothing in their files can show it.

    Args:
        answers: the answers of all models.
        plans: how each becomes one.
        count: how many models there are.
    """
    assumed = count > 1 and any(
        plan.labels is None and answer.family is not Family.VALUES and answer.tensors[0].shape[-1] != 1
        for answer, plan in zip(answers, plans, strict=True)
    )
    return ["The classes are taken to be in one order in all models; --labels names them."] if assumed else []


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _give(names: Sequence[str]) -> str:
    return "gives" if len(names) == 1 else "give"
