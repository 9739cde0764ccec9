"""Ctrl-C that is heard even where something swallows it.

Keras has an `except: pass` where training on JAX spends its time, and an import that is interrupted may come
out as an ImportError. So the press is remembered, and raised once more at the next report of progress.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
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
    if not _Press.listeners:
        _Press.heard = False
    _Press.listeners += 1
    try:
        with _handled_by(_hear):
            yield
    finally:
        _Press.listeners -= 1


@contextmanager
def ending_at_once(screen: int) -> Iterator[None]:
    """Inside the block, end the process where it stands when Ctrl-C is pressed; nothing may be half-written.

    For the import of a backend: raised there, an exception may go through C++ code that crashes over it.

    Args:
        screen: the file descriptor to tell it on.
    """

    def end(*_: object) -> None:
        # A progress bar may be up, which has hidden the cursor.
        clear = "\r\x1b[2K\x1b[?25h" if os.isatty(screen) else ""
        os.write(screen, f"{clear}{MESSAGE}\n".encode())
        os._exit(INTERRUPTED)

    with _handled_by(end):
        yield


@contextmanager
def _handled_by(handler: Callable[..., None]) -> Iterator[None]:
    former = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(former):
        yield
        return
    try:
        signal.signal(signal.SIGINT, handler)
        yield
    finally:
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
