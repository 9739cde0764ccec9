"""Signs that models which share an input were trained on pixels of different ranges."""

from __future__ import annotations

from collections.abc import Mapping

from keras_weld.checks.candidate import Candidate
from keras_weld.recipes.sources import Sources

_SCALING = ("times", "divided by", "minus", "plus", "normalized")
"""How the words begin that tell of a step by which values get another range."""
_IMAGE = 4  # axes, with the batch


def different_scaling(sources: Sources, inputs: str, ranges: Mapping[str, str]) -> list[str]:
    """A note where some models scale their pixels by themselves, and others take the same pixels as they are.

    Args:
        sources: the models.
        inputs: "shared" or "separate".
        ranges: by model, the range of pixels that the user says it takes.
    """
    if inputs != "shared" or ranges:
        return []
    known = [one for one in zip(sources.members, sources.candidates, strict=True) if _takes_images(one[1])]
    steps = {member.name: _scaling(candidate) for member, candidate in known}
    scaled = [name for name, step in steps.items() if step is not None]
    plain = [name for name, step in steps.items() if step is None]
    if not scaled or not plain:
        return []
    first, other = scaled[0], plain[0]
    return [
        f"{first} scales the pixels that it is given ({steps[first]}), and {', '.join(plain)} "
        f"{'takes' if len(plain) == 1 else 'take'} them as they are. Where one was trained on pixels of another "
        f"range, say so: --range {first}:0..255 --range {other}:0..1"
    ]


def _takes_images(candidate: Candidate) -> bool:
    shapes = [port.shape for port in candidate.summary.inputs]
    return candidate.readable is not None and any(shape is not None and len(shape) == _IMAGE for shape in shapes)


def _scaling(candidate: Candidate) -> str | None:
    """The first step by which a model scales what it is given, in words."""
    texts = [step.text for step in candidate.summary.preprocessing]
    return next((text for text in texts if text.startswith(_SCALING)), None)
