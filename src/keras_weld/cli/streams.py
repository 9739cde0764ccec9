"""Standard output and standard error that are closed, full, or without a reader."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from keras_weld.errors import WeldError

OUTPUT = "standard output"
CLOSED = "Error: Standard output is closed; send it to /dev/null to have nothing shown."


def prepare() -> bool:
    """Make the two fit for whatever is shown; False if standard output is closed, which nothing can go on with.

    The first file that is opened would take its place.
    """
    if sys.stderr is None:  # closed by the shell; whoever did that wants to hear nothing
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may have letters that the terminal lacks
        for name in ("write", "flush"):
            setattr(sys.stdout, name, _named(getattr(sys.stdout, name)))
    return sys.stdout is not None


def _named(method: Callable[..., Any]) -> Callable[..., Any]:
    """The same method, whose errors name standard output as those of other files do their names."""

    def call(*given: Any) -> Any:
        try:
            return method(*given)
        except OSError as error:
            error.filename = OUTPUT
            raise

    return call


def say(tell: Callable[[], object]) -> None:
    """Show something on standard error, as far as it can be written to: the exit code tells in any case."""
    try:
        tell()
    except OSError:
        throw_away(sys.stderr)


def written(write: Callable[[], object]) -> bool:
    """Whether something could be written on standard output; if not, as on a full disk, all of it is thrown away."""
    try:
        write()
        sys.stdout.flush()
    except OSError:
        throw_away(sys.stdout)
        return False
    return True


def throw_away(stream: TextIO) -> None:
    """Have nothing more go out: Python flushes once more when it ends, and that must find an open file."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def not_written(error: OSError) -> WeldError:
    """What to tell where standard output cannot be written to."""
    return WeldError(
        "Standard output could not be written to; files that the command wrote are there.",
        file=OUTPUT,
        found=error.strerror,
        remedy="Send it to where there is room, or to /dev/null to have nothing shown.",
    )
