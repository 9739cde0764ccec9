"""What the file of a model tells of the meaning of its outputs, also where its layers are in its own code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.meaning import Meaning, meaning_by_loss, meaning_told
from keras_weld.checks.training import Loss, loss_of
from keras_weld.core.lineage import gives_of

if TYPE_CHECKING:
    from keras_weld.compose.member import Member
    from keras_weld.compose.parts import Part


def meanings_of(member: Member, known: Candidate) -> list[Meaning | None]:
    """What each output of a model means; None where nothing tells.

    Args:
        member: the model.
        known: what its file tells.
    """
    if ports := known.summary.outputs:
        return [port.meaning for port in ports]
    from keras_weld.compose.parts import part_of

    part = part_of(member)
    return [meaning_at(part, number, known) for number in range(len(part.names))]


def meaning_at(part: Part, number: int, known: Candidate) -> Meaning | None:
    """What one output of a model means: by its layers, else by its loss, else by its lineage; None if nothing tells.

    Args:
        part: the model.
        number: which of its outputs.
        known: what its file tells.
    """
    ports = known.summary.outputs
    if len(ports) == len(part.names):
        return ports[number].meaning
    loss, width = loss_on(part, number, known), part.model.outputs[number].shape[-1]
    by_loss = None if loss is None else meaning_by_loss(loss, width)
    if by_loss is not None and by_loss.is_clear:
        return by_loss
    return meaning_told(gives_of(known.summary.lineage).get(part.names[number], ""), width) or by_loss


def loss_on(part: Part, number: int, known: Candidate) -> Loss | None:
    """The loss that one output of a model was compiled with, if its file tells."""
    return loss_of(known.state.compile_config, part.names[number], number, len(part.names))
