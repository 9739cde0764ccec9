"""Keep what libraries say below Python off the screen, unless they fail."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hush(speaking: tuple[type[Exception], ...] = ()) -> Iterator[int | None]:
    """Hold back what is written to standard error, also by C++ code; if the block fails, show it.

    TensorFlow reports on processors and libraries there, whatever its log level is. With WELD_DEBUG set, or
    without a standard error, nothing is held back.

    Args:
        speaking: errors that tell their reason themselves, before which nothing needs to be shown.

    Yields:
        The descriptor of what standard error was, for what must be said meanwhile; None if nothing is held back.

    Example:
        >>> with hush():  # doctest: +SKIP
        ...     import tensorflow
    """
    screen = None if os.environ.get("WELD_DEBUG") else _copy_of_screen()
    if screen is None:
        yield None
        return
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield screen
        except speaking:
            raise
        except BaseException:
            _flush()
            said.seek(0)
            os.write(screen, said.read())
            raise
        finally:
            _flush()
            os.dup2(screen, 2)
            os.close(screen)


def _copy_of_screen() -> int | None:
    _flush()
    try:
        return os.dup(2)
    except OSError:
        return None


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
