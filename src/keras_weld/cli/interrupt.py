"""Ctrl-C that is heard even where something swallows it.

Keras has an `except: pass` where training on JAX spends its time, and an import that is interrupted may come
out as an ImportError. So the press is remembered, and raised once more at the next report of progress.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MESSAGE = "Interrupted; nothing was left half-written."
INTERRUPTED = 130
"""Exit code of a command that was interrupted, as a shell has it."""


class _Press:
    """Whether Ctrl-C was pressed since the outermost `listening` began."""

    heard = False
    listeners = 0


@contextmanager
def listening() -> Iterator[None]:
    """Inside the block, remember that Ctrl-C was pressed, besides raising KeyboardInterrupt.

    Does nothing in other threads than the main one, and where SIGINT is ignored, as in a job of the background.
    """
    former = signal.getsignal(signal.SIGINT)
    usable = threading.current_thread() is threading.main_thread() and callable(former)
    if not usable:
        yield
        return
    if not _Press.listeners:
        _Press.heard = False
    _Press.listeners += 1
    try:
        signal.signal(signal.SIGINT, _hear)
        yield
    finally:
        _Press.listeners -= 1
        signal.signal(signal.SIGINT, former)


def raise_if_pressed() -> None:
    """Raise what a Ctrl-C raises, if it was pressed and something swallowed it.

    Raises:
        KeyboardInterrupt: if so.
    """
    if _Press.listeners and _Press.heard and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt


def _hear(*_: object) -> None:
    _Press.heard = True
    raise KeyboardInterrupt
