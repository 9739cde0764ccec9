"""What several models say, side by side in one graph, and that it is about the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras_weld.compose.forms import Family, Form
from keras_weld.compose.member import Member
from keras_weld.errors import IncompatibleModelsError
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
        by_name: whether the result gives a dict of its outputs, as the first model does.
    """

    members: Sequence[Member]
    inputs: Sequence[Tensor]
    answers: Sequence[Answer]
    notes: Sequence[str]
    how: str
    by_name: bool = False


def check_alike(members: Sequence[Member], answer: Answer) -> None:
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
