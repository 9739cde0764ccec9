"""One thing that a check found: whether it stands in the way, where it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from keras_weld.errors import WeldError


class Severity(StrEnum):
    """How much a finding matters."""

    REFUSAL = "refusal"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        severity: a refusal makes the merge impossible; a warning makes its result doubtful; a note is good
            to know.
        text: what it is, one sentence.
        file: the file it is about.
        layer: the layer it is about, named as the first model names it.
        expected: what the first model has, or what would be right.
        found: what is there instead.
        remedy: what to do.
    """

    severity: Severity
    text: str
    file: str | None = None
    layer: str | None = None
    expected: str | None = None
    found: str | None = None
    remedy: str | None = None


def refusal(
    text: str,
    *,
    file: str | None = None,
    layer: str | None = None,
    expected: object = None,
    found: object = None,
    remedy: str | None = None,
) -> Finding:
    """A finding that makes the merge impossible."""
    return Finding(Severity.REFUSAL, text, file, layer, _text(expected), _text(found), remedy)


def refused_as(error: WeldError, file: str) -> Finding:
    """The same as a finding that makes the merge impossible, of what a file would be refused for.

    Args:
        error: the refusal.
        file: the file it is about.
    """
    return refusal(
        error.problem,
        file=file,
        layer=error.layer,
        expected=error.expected,
        found=error.found,
        remedy=error.remedy,
    )


def warning(
    text: str,
    *,
    file: str | None = None,
    layer: str | None = None,
    expected: object = None,
    found: object = None,
    remedy: str | None = None,
) -> Finding:
    """A finding that makes the result doubtful."""
    return Finding(Severity.WARNING, text, file, layer, _text(expected), _text(found), remedy)


def note(
    text: str,
    *,
    file: str | None = None,
    layer: str | None = None,
    expected: object = None,
    found: object = None,
    remedy: str | None = None,
) -> Finding:
    """A finding that is good to know."""
    return Finding(Severity.NOTE, text, file, layer, _text(expected), _text(found), remedy)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
