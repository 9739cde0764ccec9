"""Something outside that can be read from its beginning, again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from keras_weld.data.elements import Form, form_of
from keras_weld.errors import DataError, WeldError

Read = TypeVar("Read")


@dataclass
class Source:
    """Something that can be read from its beginning as often as is needed.

    What it gives may differ from epoch to epoch: a `tf.data.Dataset` that shuffles draws an order for each pass, a
    `PyDataset` may shuffle in `on_epoch_end`.

    Attributes:
        start: called for each pass; gives the elements.
        origin: what the user calls it, for messages.
        batched: whether an element is a batch or one example; None to tell by the first one.
        count: number of examples, where it is known.
        endless: whether it never ends.
        finished: called after each epoch of training, and for each that is left out.
        by_pass: whether a pass that was begun takes the place of that call.
        epoch: how many epochs are over.
        placed: given a place, or None for the beginning, gives the elements from there on, each with the place after
            it; None where there are no places. A place is made of numbers, texts, bytes, lists and dicts.
        numbered: the elements by number, with a length, where they can be had so without a pass.
    """

    start: Callable[[], Iterable[Any]]
    origin: str
    batched: bool | None = None
    count: int | None = None
    endless: bool = False
    finished: Callable[[], object] | None = None
    by_pass: bool = False
    epoch: int = 0
    placed: Callable[[Any], Iterator[tuple[Any, Any]]] | None = None
    numbered: Sequence[Any] | None = None

    @cached_property
    def form(self) -> Form:
        """What the elements look like; the first one is read for it, once."""
        return form_of(next(self.elements()), self.origin, self.batched)

    def epoch_elements(self, epoch: int) -> Iterator[Any]:
        """One pass in an epoch of training."""
        self.move_to(epoch)
        self.epoch += self.by_pass
        return self.elements()

    def move_to(self, epoch: int) -> None:
        """Have done what the source does after each epoch, for those before this one."""
        while self.epoch < epoch:
            if self.finished is not None:
                self.finished()
            self.epoch += 1

    def elements(self) -> Iterator[Any]:
        """One pass.

        Raises:
            DataError: if the source fails, or gives nothing.
        """
        given = False
        for element in self.guarded(self.start):
            given = True
            yield element
        if not given:
            raise DataError(
                "The data gave no examples.",
                file=self.origin,
                remedy="If it is an iterator, which can be read once only, pass a function that makes a new one "
                "each time.",
            )

    def guarded(self, start: Callable[[], Iterable[Read]]) -> Iterator[Read]:
        """What is read, with failures told as those of the data.

        Raises:
            DataError: if reading fails.
        """
        try:
            yield from start()
        except WeldError:
            raise
        except Exception as error:  # whatever the user's pipeline raises
            raise DataError(
                "The data failed while it was read.",
                file=self.origin,
                found=f"{type(error).__name__}: {error}",
            ) from error


def is_used_up(value: Any) -> bool:
    """Whether something can be iterated over once only."""
    return hasattr(value, "__next__")


def used_up(value: Any, origin: str) -> DataError:
    """What to say of something that can be iterated over once only."""
    return DataError(
        "The data can be read once only, and it is read once for each model and each epoch.",
        file=origin,
        expected="something that starts anew each time it is iterated over",
        found=type(value).__name__,
        remedy="Pass the function that makes it: data=make_batches, not data=make_batches().",
    )


def made_anew(make: Callable[[], Any], origin: str) -> Callable[[], Any]:
    """The function, held to making something new each time where what it makes can be read once only."""
    last: list[Any] = []

    def start() -> Any:
        made = make()
        if last and made is last[0]:
            raise used_up(made, origin)
        last[:] = [made] if is_used_up(made) else []
        return made

    return start
