"""How an evaluation is shown: tables, notes, and the verdict in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_weld.cli.frame import console, notes, show_table

if TYPE_CHECKING:
    from keras_weld.recipes.judgement import Evaluation, Judged, Row


def show_evaluation(found: Evaluation) -> None:
    """Show a table for each split, the notes, and the verdict last."""
    screen = console()
    for split in found.splits:
        show_table(_table(found, split))
        screen.print()
    notes(found.notes)
    if found.notes:
        screen.print()
    screen.print(found.sentence, style="bold", soft_wrap=not screen.is_terminal)


def _table(found: Evaluation, split: Judged) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    where = "" if split.name == "all" else f"{split.name}, "
    table = Table(title=f"{where}{split.count:,} examples", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold", min_width=10)
    unit = f" in {found.unit}" if found.unit else ""
    table.add_column(f"{found.metric}{unit} (95 % interval)", justify="right", no_wrap=True)
    if found.best_source is not None:
        table.add_column("difference (95 % interval)", justify="right", no_wrap=True)
        table.add_column("verdict")
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
