"""One list of classes for models that number them differently, or do not all know the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras_weld.errors import IncompatibleModelsError, UsageError

REFUSE, ZERO, KNOWN = UNKNOWN_RULES = ("refuse", "zero", "known")
"""What is done with a class that only some models know."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the classes of several models become one list.

    Attributes:
        labels: the classes of the result in order.
        places: by model: for each class of the result, the number that the model gives it, or None.
    """

    labels: tuple[str, ...]
    places: tuple[tuple[int | None, ...], ...]

    @property
    def complete(self) -> bool:
        """Whether every model knows every class."""
        return all(None not in places for places in self.places)

    def moved(self, model: int) -> bool:
        """Whether a model numbers its classes otherwise than the result."""
        return self.places[model] != tuple(range(len(self.labels)))


def align(labels: Sequence[Sequence[str]], names: Sequence[str], unknown: str = REFUSE) -> Alignment:
    """Bring the classes of several models into the order of the first, and those that it lacks behind them.

    Args:
        labels: for each model, the names of its classes in its order.
        names: the models' names, for messages.
        unknown: what is done with a class that only some models know: "refuse", "zero", or "known".

    Raises:
        UsageError: for another rule, or a model with two classes of one name.
        IncompatibleModelsError: if a class is not known to all, and the rule is "refuse".

    Example:
        >>> align([["cat", "dog"], ["dog", "cat"]], ["a", "b"]).places
        ((0, 1), (1, 0))
    """
    if unknown not in UNKNOWN_RULES:
        raise UsageError("There is no such rule for classes.", expected=", ".join(UNKNOWN_RULES), found=unknown)
    for name, own in zip(names, labels, strict=True):
        twice = sorted({label for label in own if list(own).count(label) > 1})
        if twice:
            raise UsageError(
                f"{name} has two classes of one name, so which is which cannot be told.",
                expected="different names",
                found=", ".join(twice),
                remedy="Give every class a name of its own in the list of labels.",
            )
    together = tuple(dict.fromkeys(label for own in labels for label in own))
    if unknown == REFUSE:
        _require_all(labels, names, together)
    numbers = [{label: number for number, label in enumerate(own)} for own in labels]
    return Alignment(together, tuple(tuple(own.get(label) for label in together) for own in numbers))


def require_as_many(count: int, width: int | None, file: str, output: str) -> None:
    """Refuse another number of labels than a model has classes; the one number of a yes-or-no model has two labels.

    Args:
        count: how many labels there are.
        width: how many numbers the model gives.
        file: the model's file, for messages.
        output: the output's name.

    Raises:
        IncompatibleModelsError: naming both numbers.
    """
    if width != count and (width, count) != (1, 2):
        raise IncompatibleModelsError(
            "There are not as many labels as the model has classes.",
            file=file,
            layer=output,
            expected=f"{width} labels",
            found=f"{count} labels",
            remedy="Give the labels of every model, one a line, in the order of its outputs.",
        )


def _require_all(labels: Sequence[Sequence[str]], names: Sequence[str], together: Sequence[str]) -> None:
    for name, own in zip(names, labels, strict=True):
        missing = [label for label in together if label not in own]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise IncompatibleModelsError(
                "Some classes are known to some of the models only.",
                expected=f"all {len(together)} classes",
                found=f"{name} does not know {', '.join(missing[:3])}{more}",
                remedy="Say what to do: --unknown zero (who does not know a class gives it 0) or --unknown known "
                "(a class is left to those who know it).",
            )
