"""How an evaluation is shown: tables, notes, and the verdict in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_weld.cli.frame import console, notes, show_table

if TYPE_CHECKING:
    from keras_weld.recipes.judgement import Evaluation, Judged, Row


_BREAKABLE = len(" source")
"""What may go onto a second line in the last column; nothing else is broken."""


def show_evaluation(found: Evaluation) -> None:
    """Show a table for each split, the notes, and the verdict last."""
    screen = console()
    for split in found.splits:
        table = _table(found, split)
        if table.__rich_measure__(screen, screen.options).maximum - _BREAKABLE <= screen.width:
            show_table(table)
        else:
            _show_lines(found, split)
        screen.print()
    notes(found.notes)
    if found.notes:
        screen.print()
    screen.print(found.sentence, style="bold", soft_wrap=not screen.is_terminal)


def _show_lines(found: Evaluation, split: Judged) -> None:
    """The table as lines, for a screen that is too narrow for it: no name, figure or verdict is cut off."""
    screen = console()
    screen.print(_title(split), style="italic", soft_wrap=True)
    unit = f" {found.unit}" if found.unit else ""
    for row in split.rows:
        screen.print(row.model, style="bold", soft_wrap=True, highlight=False)
        figure = f"{found.metric} {_figure(found, row.value)}{unit} ({_span(found, row.low, row.high)})"
        screen.print(f"  {figure}", soft_wrap=True, highlight=False)
        if found.best_source is not None:
            screen.print("  " + " ".join(filter(None, _compared(found, row))), soft_wrap=True, highlight=False)


def _title(split: Judged) -> str:
    where = "" if split.name == "all" else f"{split.name}, "
    return f"{where}{split.count:,} example{'' if split.count == 1 else 's'}"


def _table(found: Evaluation, split: Judged) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=_title(split), title_justify="left", box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold", min_width=10)
    unit = f" in {found.unit}" if found.unit else ""
    table.add_column(f"{found.metric}{unit} (95 % interval)", justify="right", no_wrap=True)
    if found.best_source is not None:
        table.add_column("difference (95 % interval)", justify="right", no_wrap=True)
        table.add_column("verdict", min_width=len("best single"))
    for row in split.rows:
        cells = [row.model, f"{_figure(found, row.value)}  ({_span(found, row.low, row.high)})"]
        table.add_row(*cells, *(_compared(found, row) if found.best_source is not None else ()))
    return table


def _compared(found: Evaluation, row: Row) -> tuple[str, str]:
    if row.difference is None or row.difference_low is None or row.difference_high is None:
        return "", "best single source"
    low, high = (_figure(found, end, sign="+") for end in (row.difference_low, row.difference_high))
    return f"{_figure(found, row.difference, sign='+')}  ({low} to {high})", row.verdict or ""


def _span(found: Evaluation, low: float, high: float) -> str:
    return f"{_figure(found, low)} to {_figure(found, high)}"


def _figure(found: Evaluation, value: float, sign: str = "") -> str:
    """Two places for percent, three or four digits for the rest."""
    digits = ".2f" if found.unit == "%" else ".3g" if sign else ".4g"
    text = format(value, sign + digits)
    return text.replace("-0.00", "+0.00") if float(text) == 0 else text
