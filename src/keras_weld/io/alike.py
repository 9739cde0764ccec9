"""What was made of the last files, for the next that has the same bytes in the same place.

Checkpoints of one run, and models that are to be averaged, are alike but for the values of their tensors: what
describes them is read and understood once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Made = TypeVar("Made")

_memory: ContextVar[dict[Hashable, object] | None] = ContextVar("_memory", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Inside the block, `made_once` keeps what it made."""
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def made_once(key: Hashable, make: Callable[[], Made], *, kind: type[Made]) -> Made:
    """What `make()` gives; inside `remembering()` it is called once for each key.

    Args:
        key: all that the result depends on, the bytes themselves included: equal bytes have equal meaning.
        make: makes it. What it gives is shared, and must not be changed.
        kind: its type, which keeps apart what is made of the same bytes.
    """
    memory = _memory.get()
    if memory is None:
        return make()
    kept = memory.get((kind, key))
    if not isinstance(kept, kind):
        kept = memory[(kind, key)] = make()
    return kept
