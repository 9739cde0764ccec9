"""How many classes a new head tells apart, where the user does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.meaning import LOGITS, PROBABILITIES, Kind, Meaning
from keras_weld.checks.training import Loss, loss_of
from keras_weld.data.split import Split
from keras_weld.errors import UsageError
from keras_weld.recipes.meanings import loss_on, meaning_at
from keras_weld.recipes.sources import Sources

if TYPE_CHECKING:
    from keras_weld.compose.member import Member


@dataclass(frozen=True, slots=True)
class _Told:
    """What one source tells.

    Attributes:
        classes: how many classes it tells apart; None if its file does not say that it does.
        numbers: how many numbers it gives, where they may stand for classes.
    """

    classes: int | None = None
    numbers: int | None = None

    def __str__(self) -> str:
        if self.classes is not None:
            return str(self.classes)
        return "not told" if self.numbers is None else f"{self.numbers} numbers, which may be no classes"


def class_count(
    sources: Sources, outputs: Mapping[str, str], activation: str, examples: Sequence[Split] = ()
) -> tuple[int, list[str]]:
    """The number of classes for a new head, and what to know of how it was found.

    It is what every source tells apart; else what the examples say; else what some sources tell apart, where the
    others give as many numbers of unknown meaning.

    Args:
        sources: the sources.
        outputs: by name of a source with several outputs, the one that counts.
        activation: of the new head.
        examples: what it will be trained on and judged by, if anything.

    Raises:
        UsageError: if nothing tells; says what each source does tell.
    """
    told = {
        member.name: _told(member, known, outputs.get(member.name))
        for member, known in zip(sources.members, sources.candidates, strict=True)
    }
    counts = {one.classes for one in told.values()}
    if len(counts) == 1 and (count := counts.pop()) is not None:
        return count, []
    if (count := _in_data(examples, activation == "softmax")) is not None:
        return count, [f"The new head gives {count} numbers, as the targets of the data ask for (--classes says else)."]
    known = {one.classes for one in told.values() if one.classes is not None}
    if len(known) == 1 and known == {one.classes or one.numbers for one in told.values()}:
        untold = [name for name, one in told.items() if one.classes is None]
        (count,) = known
        return count, [f"{', '.join(untold)}: that the {count} numbers are classes is not told, but taken."]
    raise UsageError(
        "How many classes the new head tells apart is not known.",
        expected="a number: --classes 10 (classes=10)",
        found=", ".join(f"{name}: {one}" for name, one in told.items()),
        remedy=f"Give the number of classes in your data{_or_the_output(sources, outputs)}.",
    )


def _told(member: Member, known: Candidate, output: str | None) -> _Told:
    """What a source with one output, or with one that is named, tells."""
    from keras_weld.compose.fuse import outputs_of
    from keras_weld.compose.parts import part_of

    if ports := known.summary.outputs:
        chosen = outputs_of(member, [port.name for port in ports], output)
        if len(chosen) != 1:
            return _Told()
        port = ports[chosen[0]]
        loss = loss_of(known.state.compile_config, port.name, chosen[0], len(ports))
        return _counted(port.meaning, loss, port.shape[-1] if port.shape is not None and len(port.shape) == 2 else None)
    part = part_of(member)
    shape = part.model.outputs[0].shape
    if len(part.names) != 1 or len(shape) != 2:
        return _Told()
    return _counted(meaning_at(part, 0, known), loss_on(part, 0, known), shape[-1])


def _counted(meaning: Meaning | None, loss: Loss | None, width: int | None) -> _Told:
    if meaning is not None and meaning.kind in (*PROBABILITIES, *LOGITS):
        return _Told(meaning.classes)
    if loss is not None and loss.name.endswith("crossentropy"):
        return _Told(width)  # whether these are logits does not matter here
    return _Told(numbers=width if meaning is None or meaning.kind in (Kind.OPEN, Kind.UNKNOWN) else None)


def _in_data(examples: Sequence[Split], labels: bool) -> int | None:
    """How many numbers the targets of all examples ask for."""
    asked = [_asked_for(split, labels) for split in examples]
    return None if None in asked else max((count for count in asked if count is not None), default=None)


def _asked_for(split: Split, labels: bool) -> int | None:
    """How many numbers targets ask for, where that is known without reading a source to its end."""
    if labels and split.classes is not None:
        return len(split.classes)
    if not split.at_hand or len(split.targets) != 1:
        return None
    (targets,) = split.targets
    columns = targets.size // max(1, len(targets))
    if targets.ndim > 2 or not columns:
        return None
    if columns > 1 or not labels:
        return columns
    are_labels = targets.dtype.kind in "iubf" and (targets >= 0).all() and (targets == np.floor(targets)).all()
    return int(targets.max()) + 1 if are_labels else None


def _or_the_output(sources: Sources, outputs: Mapping[str, str]) -> str:
    """What else to do where a source has several outputs, of which none is named."""
    for member, known in zip(sources.members, sources.candidates, strict=True):
        names = [port.name for port in known.summary.outputs]
        if len(names) > 1 and member.name not in outputs:
            return f", or name the output that counts: --output {member.name}:{names[0]} (of {', '.join(names)})"
    return ""
