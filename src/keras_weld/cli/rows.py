"""Labelled rows and columns of text: plain, aligned, without spaces at the end of a line."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from keras_weld.cli.frame import console

Row = tuple[str, str]

_STYLES = {
    "error": "red",
    "refusal": "red",
    "note": "yellow",
    "warning": "yellow",
    "runs code": "red",
    "refused": "red",
}
_NARROWEST = 20


def harmless(text: str) -> str:
    """Text out of a file without what a terminal would obey: escape sequences, line ends, reversals."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def print_rows(rows: Sequence[Row], *, indent: int = 2, labels: int = 0) -> None:
    """Print each row as its label and its text, wrapped to the screen; an empty label is one left out.

    Args:
        rows: labels and texts.
        indent: spaces before each label.
        labels: columns for the labels at least.
    """
    from rich.text import Text

    screen = console()
    width = max([labels, *(len(label) for label, _ in rows)])
    start = indent + width + 2
    room = max(_NARROWEST, screen.width - start)
    shown = ""
    for label, value in rows:
        shown = label or shown
        lines = textwrap.wrap(harmless(value), room, break_long_words=False, break_on_hyphens=False) or [""]
        for number, line in enumerate(lines):
            head = f"{'':{indent}}{label if number == 0 else '':{width}}  "
            styled = Text.assemble((head, "dim"), (line, _STYLES.get(shown, "")))
            screen.print(styled, soft_wrap=True)


def print_columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), indent: int = 2) -> None:
    """Print rows in columns as wide as their widest entry; the first row is the heading.

    Args:
        rows: texts, as many in each row.
        right: numbers of the columns that are aligned on the right.
        indent: spaces before the first column.
    """
    from rich.text import Text

    rows = [[harmless(cell) for cell in row] for row in rows]
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [
            f"{cell:>{width}}" if column in right else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = " " * indent + "  ".join(cells).rstrip()
        console().print(Text(line, "dim" if number == 0 else ""), soft_wrap=True)
