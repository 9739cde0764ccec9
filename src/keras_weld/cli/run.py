"""What the commands around a run share: how a training is told of, and how it goes on after Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from keras_weld.cli.frame import emit_json, notes, plain


@contextmanager
def going_on(words: str) -> Iterator[None]:
    """Inside the block, a Ctrl-C is answered with how the work goes on."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\n{words}", err=True)
        raise


def resumed_by(run: Path) -> str:
    """How a run goes on."""
    return f"The run goes on from its last checkpoint with: weld resume {run}"


def show_trained(run: Path, told: Sequence[str], as_json: bool) -> None:
    """Show what a training has come to, and what a person should know."""
    from keras_weld.recipes.runs import row_of
    from keras_weld.training.run_folder import MODEL

    row = row_of(run)
    if as_json:
        emit_json({"model": run / MODEL, **plain(row), "notes": list(told)})
        return
    figures = [f"{row.epochs_done} epochs"]
    if row.loss is not None:
        figures.append(f"loss {row.loss:.4g}")
    if row.best is not None:
        figures.append(f"best {row.best.metric} {row.best.value:.4g} (epoch {row.best.epoch})")
    click.echo(f"Wrote {run / MODEL}: {', '.join(figures)}.")
    notes(told)
