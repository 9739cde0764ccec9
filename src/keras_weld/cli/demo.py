"""`weld demo`: real models on real digits, merged and judged, with every command that does the same."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_weld.cli.command import Command
from keras_weld.cli.frame import Report, console, emit_json, json_option, progress, show_table
from keras_weld.cli.interrupt import listening, raise_if_pressed
from keras_weld.cli.ranges import IntegerRange

if TYPE_CHECKING:
    from rich.table import Table

    from keras_weld.recipes.demo_result import DemoResult, Line, Row


_WIDE = 98
"""Columns that the whole table takes."""


@click.command("demo", cls=Command)
@click.option(
    "--folder",
    type=Path,
    default=Path("weld-demo"),
    metavar="FOLDER",
    help="Where the files go; other files in it are left alone.",
)
@click.option("--seed", type=IntegerRange(min=0), default=0, help="What everything random is drawn by.")
@json_option
def command(folder: Path, seed: int, as_json: bool) -> None:
    """Train small models on real digits, merge them, and judge the merges.

    Three models are trained from one start, one from another, and one is saved after each epoch. They are
    inspected, checked, merged and judged, and each step shows the command that does the same. All files are
    left in the folder to play with. Takes about half a minute, needs no network.

    Example:
        weld demo
        weld demo --folder try-2 --seed 2
    """
    from keras_weld.cli.backend import start_backend
    from keras_weld.recipes.demo import demo
    from keras_weld.recipes.demo_needs import require_installed

    require_installed()
    # With oneDNN, TensorFlow's figures hang on the processor; and it greets, on JAX too, where Keras imports
    # it to save a model.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    with _Screen(quiet=as_json) as screen:
        screen.report(0, None, "Starting Keras")
        start_backend()
        result = demo(folder, seed=seed, progress=screen.report, say=screen.say)
    if as_json:
        emit_json(result)
    else:
        _show(result)


class _Screen:
    """Shows lines, and between them a progress bar; never both at once."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar = ExitStack()
        self._report: Report | None = None
        self._listening = ExitStack()

    def __enter__(self) -> _Screen:
        # From here to the end: a bar listens only while it is up.
        self._listening.enter_context(listening())
        return self

    def __exit__(self, *_: object) -> None:
        with self._listening:
            self._take_down()

    def report(self, done: int, total: int | None, what: str) -> None:
        """Show how far it is.

        Raises:
            KeyboardInterrupt: if Ctrl-C was pressed and something swallowed it.
        """
        raise_if_pressed()
        if self._report is None:
            self._report = self._bar.enter_context(progress(what, total=total, quiet=self._quiet))
        self._report(done, total, what)

    def say(self, line: Line) -> None:
        """Show a line."""
        self._take_down()
        if not self._quiet:
            _say(line)

    def _take_down(self) -> None:
        self._bar.close()
        self._report = None


def _say(line: Line) -> None:
    from rich.text import Text

    screen = console()
    # Commands are never broken into lines, so that they can be copied.
    if line.kind == "step":
        screen.print()
        screen.print(Text(line.text, "bold"), soft_wrap=True)
    elif line.kind == "command":
        screen.print(Text.assemble(("$ ", "dim"), (line.text, "cyan")), soft_wrap=True)
    elif line.kind == "warning":
        _paragraph(f"Warning: {line.text}", "red")
    else:
        _paragraph(line.text)


def _show(result: DemoResult) -> None:
    from rich.text import Text

    screen = console()
    screen.print()
    show_table(_table(result.rows, narrow=screen.width < _WIDE))
    screen.print(Text("What happened", "bold"))
    for sentence in result.sentences:
        _paragraph(sentence)
    screen.print()
    files = f"{len(result.files)} files are left in {result.folder} to play with"
    screen.print(Text(files, "bold"), soft_wrap=True)
    _paragraph(", ".join(_folded(result.files)))
    screen.print()
    screen.print(Text("Try next", "bold"))
    for suggestion in result.next:
        _paragraph(f"{suggestion.why}:")
        screen.print(Text.assemble(("$ ", "dim"), (suggestion.command, "cyan")), soft_wrap=True)
    screen.print()
    screen.print(Text(f"Took {result.seconds:.0f} seconds on {result.backend}.", "dim"))


def _paragraph(text: str, style: str = "") -> None:
    """Indented, and broken into lines on a terminal alone."""
    from rich.padding import Padding
    from rich.text import Text

    screen = console()
    if screen.is_terminal:
        screen.print(Padding(Text(text, style), (0, 0, 0, 2)))
    else:
        screen.print(Text(f"  {text}", style), soft_wrap=True)


def _table(rows: tuple[Row, ...], *, narrow: bool) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title="On the test images: accuracy in %, differences in points, with 95 % intervals",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("model", no_wrap=not narrow)
    if not narrow:
        table.add_column("what it is", overflow="fold")
    table.add_column("accuracy", justify="right", no_wrap=True)
    table.add_column("against best source", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=not narrow)
    for row, following in zip(rows, (*rows[1:], None), strict=True):
        table.add_row(
            row.file.rpartition("/")[2],
            *(() if narrow else (row.what,)),
            f"{row.accuracy:.1f} ({row.low:.1f} to {row.high:.1f})",
            _difference(row),
            row.verdict or ("best source" if row.best_source else ""),
            style="bold" if row.merge else "",
            end_section=row.merge and (following is None or not following.merge),
        )
    return table


def _difference(row: Row) -> str:
    if row.difference is None or row.difference_low is None or row.difference_high is None:
        return ""
    ends = f"{row.difference_low:+.1f} to {row.difference_high:+.1f}"
    return f"{row.difference:+.1f} ({ends})"


def _folded(files: tuple[str, ...]) -> list[str]:
    """The files, with those of a folder as first … last."""
    shown: list[str] = []
    for file in files:
        parent = file.rpartition("/")[0]
        inside = [other for other in files if parent and other.rpartition("/")[0] == parent]
        text = f"{inside[0]} to {inside[-1]}" if inside else file
        if text not in shown:
            shown.append(text)
    return shown
