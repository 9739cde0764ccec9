"""What every command shares: options, JSON, consoles, notes and the progress bar.

Click is all that is imported at the top, so that `weld --help` stays quick; rich comes with the first line
that needs it.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import click

from keras_weld.cli.interrupt import listening, raise_if_pressed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDTH = 100
"""Columns of what is shown when it does not go to a terminal."""

_FIGURES = ", loss "
"""What divides, in what is told of a training, the epoch from its figures."""

_JSON_ASKED = "keras_weld.json"


def _remember_json(context: click.Context, _: click.Parameter, asked: bool) -> bool:
    """Let the place that shows errors know that JSON was asked for; `meta` is shared by all contexts."""
    context.meta[_JSON_ASKED] = asked
    return asked


def json_asked(context: click.Context) -> bool:
    """Whether the command that runs in `context` was given `--json`."""
    return bool(context.meta.get(_JSON_ASKED, False))


json_option = click.option("--json", "as_json", is_flag=True, callback=_remember_json, help="Print the result as JSON.")
limit_option = click.option(
    "--limit",
    multiple=True,
    metavar="NAME=SIZE",
    help="Raise one limit on what a file may contain, such as json_bytes=300MB. May be repeated.",
)
unsafe_option = click.option(
    "--unsafe",
    is_flag=True,
    help="Also load models that carry Python code (Lambda layers). The code runs with your rights: "
    "only for files that you trust like a program.",
)
custom_option = click.option(
    "--custom",
    multiple=True,
    metavar="MODULE:CLASS",
    help="A class or function of your own that the model needs, such as my_layers:Attention. May be repeated.",
)


@cache
def console() -> Console:
    """The rich console of standard output: for what a command was asked for."""
    return _make_console(stderr=False)


@cache
def error_console() -> Console:
    """The rich console of standard error: for errors and progress."""
    return _make_console(stderr=True)


def _make_console(*, stderr: bool) -> Console:
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            raise  # what rich is handling: it would end with 1 itself, which is a command's "no"

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH
    return Screen(stderr=stderr, highlight=False, width=width)


def emit_json(value: object) -> None:
    """Print `value` as JSON: keys in their declared order, two spaces of indent."""
    speaks = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=not speaks, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """`value` as plain JSON values.

    Dataclasses and mappings become objects, sets are sorted, paths and dtypes are given as text, enumerations
    by value, NumPy scalars and arrays as numbers. JSON has no infinities and no NaN: they become null.

    Raises:
        TypeError: for a value that has no plain form.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    if callable(getattr(value, "as_dict", None)) and not isinstance(value, type):
        return plain(value.as_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "tolist"):  # NumPy's arrays and scalars, without importing NumPy to ask
        return plain(value.tolist())
    if hasattr(value, "itemsize") and hasattr(value, "name"):  # NumPy's dtypes
        return str(value.name)
    raise TypeError(f"{type(value).__name__} has no plain JSON form: {value!r}")


def _key(key: Any) -> str:
    value = plain(key)
    return value if isinstance(value, str) else json.dumps(value)


def notes(lines: Iterable[str]) -> None:
    """Show one line for each thing that was left out, taken from elsewhere or changed on the way."""
    if not sys.stdout.isatty():
        for line in lines:
            click.echo(f"Note: {line}")  # on one line, so that it can be searched for, and without rich
        return
    from rich.text import Text

    for line in lines:
        console().print(Text.assemble(("Note: ", "yellow"), line))


def show_table(table: Table) -> None:
    """Show a table; off a terminal without spaces at the ends of its lines."""
    screen = console()
    if screen.is_terminal:
        screen.print(table)
        return
    with screen.capture() as captured:
        screen.print(table)
    for line in captured.get().splitlines():
        screen.out(line.rstrip(), highlight=False)


class Report(Protocol):
    """How a long step tells how far it is."""

    def __call__(self, done: float, total: float | None = None, what: str | None = None) -> None:
        """Show that `done` of `total` is done; `what` replaces the description."""


@contextmanager
def progress(description: str, *, total: float | None = None, quiet: bool = False) -> Iterator[Report]:
    """A progress bar on standard error that goes away when it is done.

    Args:
        description: what is being done, shown before the bar.
        total: how much there is to do; None shows a moving bar until the first report names it.
        quiet: show nothing; pass the command's `--json` here.

    Yields:
        A function to call with what is done so far. Where standard error is no terminal, nothing is shown but a line
        for each epoch of a training. It raises KeyboardInterrupt if Ctrl-C was pressed and something swallowed it.

    Example:
        >>> with progress("Evaluating", total=len(models)) as report:
        ...     for index, model in enumerate(models):
        ...         evaluate(model)
        ...         report(index + 1)
    """
    with listening():
        if quiet:
            yield _say_nothing
        elif not sys.stderr.isatty():
            epochs = _Epochs()
            try:
                yield epochs
            finally:
                epochs.show()
        else:
            with _bar(description, total) as report:
                yield report
        raise_if_pressed()  # nothing may have been reported after something swallowed it


@contextmanager
def _bar(description: str, total: float | None) -> Iterator[Report]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=error_console(), transient=True) as bar:
        task = bar.add_task(description, total=total)

        def report(done: float, total: float | None = None, what: str | None = None) -> None:
            raise_if_pressed()
            bar.update(task, completed=done, total=total, description=what)

        yield report


class _Epochs:
    """Where there is no terminal, shows of each epoch of a training the last that is told: how it ended."""

    def __init__(self) -> None:
        self._epoch = self._told = ""

    def __call__(self, done: float, total: float | None = None, what: str | None = None) -> None:
        """Keep what is told of an epoch until something else is told."""
        raise_if_pressed()
        epoch, figures, _ = (what or "").partition(_FIGURES)
        if epoch != self._epoch:
            self.show()
        self._epoch, self._told = epoch, (what or "") if figures else ""

    def show(self) -> None:
        """Show what was told last, if it was of an epoch."""
        if self._told:
            click.echo(self._told, err=True)
        self._told = ""


def _say_nothing(done: float, total: float | None = None, what: str | None = None) -> None:
    """What `progress` hands out when nobody is looking."""
    raise_if_pressed()
