"""What keras-weld says when it cannot go on.

Every refusal is a `WeldError`. Each carries the file, the layer, what was expected, what was found and
what to do about it, so that the deep code can say "7 != 6" and the code above it adds where.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FIELDS = ("file", "layer", "expected", "found", "remedy")


class WeldError(Exception):
    """A refusal, written for the person at the keyboard.

    Args:
        problem: what went wrong, one sentence.
        file: the file it happened in.
        layer: the layer or tensor it is about, named as the user's model names it.
        expected: what would have been right.
        found: what was there instead.
        remedy: what to do next.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | os.PathLike[str] | None = None,
        layer: str | None = None,
        expected: object = None,
        found: object = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.file = None if file is None else os.fspath(file)
        self.layer = layer
        self.expected = None if expected is None else str(expected)
        self.found = None if found is None else str(found)
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [self.problem]
        for field in FIELDS:
            value = getattr(self, field)
            if value is not None:
                lines.append(f"  {field + ':':<10}{value}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values, for `--json`."""
        found = {field: getattr(self, field) for field in FIELDS}
        return {"error": type(self).__name__, "problem": self.problem, **found}


class MissingFileError(WeldError):
    """A file or folder that was named is not there."""


class DamagedFileError(WeldError):
    """A file is empty, cut short, or its parts contradict each other."""


class WrongKindError(WeldError):
    """A file is of another kind than its name says, or of none that can be read."""


class UnsafeFileError(WeldError):
    """A file holds something that no saved model needs and that could do harm."""


class LimitError(UnsafeFileError):
    """A file is larger than a limit that can be raised by name."""


class UnknownClassError(UnsafeFileError):
    """A file asks for a class or function that is neither built in nor was passed in."""


class ShapeMismatchError(WeldError):
    """A tensor has another shape than its model or its counterpart."""


class OptimizerStateError(WeldError):
    """What a file keeps of an optimizer does not fit the optimizer that it describes; the model itself does."""


class IncompatibleModelsError(WeldError):
    """The models cannot be merged the way that was asked for."""


class UsageError(WeldError):
    """An option has a value that makes no sense."""


class MissingExtraError(WeldError):
    """An optional package is needed and not installed."""


class DataError(WeldError):
    """The data cannot be read, or does not fit the model."""


class TrainingError(WeldError):
    """Training cannot go on, and nothing was gained that could be kept."""


class WriteError(WeldError):
    """A file could not be written; what was there before is still there."""


@contextmanager
def add_context(**context: Any) -> Iterator[None]:
    """Fill in the fields that an error raised below leaves open (file, layer, remedy, …)."""
    try:
        yield
    except WeldError as error:
        for field, value in context.items():
            if getattr(error, field) is None and value is not None:
                setattr(error, field, os.fspath(value) if field == "file" else str(value))
        raise
