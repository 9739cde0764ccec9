"""The curves of a run as a picture: losses, metrics and learning rate, with its interruptions marked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from keras_weld.errors import UsageError
from keras_weld.recipes.drawing import figure_class, picture_at, write_picture
from keras_weld.recipes.run_record import RunRecord
from keras_weld.recipes.runs import FIGURES

_WIDTH, _HEIGHT = 8.0, 2.6  # inches; the height is that of one panel


def plot(record: RunRecord, out: str | os.PathLike[str]) -> Path:
    """Draw a run.

    Args:
        record: the run.
        out: the file to write: `.png`, `.svg` or `.pdf`.

    Returns:
        The file.

    Raises:
        MissingExtraError: if Matplotlib is not installed.
        UsageError: if there is nothing to draw yet, or the name asks for another format.
        WriteError: if it cannot be written.
    """
    target = picture_at(out)
    panels = panels_of(record)
    if not panels:
        raise UsageError(
            "No epoch of the run is finished, so there is nothing to draw.",
            file=record.run.path,
            remedy="Wait for the first epoch's end.",
        )
    figure = figure_class()((_WIDTH, 0.8 + _HEIGHT * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        _draw(axis, title, curves, record)
    axes[-1].set_xlabel("epoch")
    figure.suptitle(record.run.path, fontsize="medium")
    write_picture(figure, target)
    return target


def panels_of(record: RunRecord) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """What is drawn: for each panel its curves, each as epochs from 1 and values.

    Losses share a panel, a metric of training and of validation share one, the learning rate is the last.
    """
    panels: dict[str, dict[str, list[tuple[int, float]]]] = {}
    names = dict.fromkeys(name for entry in record.epochs for name in entry if name not in FIGURES)
    for name in [*names, "rate"]:
        curve = [(entry["epoch"] + 1, entry[name]) for entry in record.epochs if isinstance(entry.get(name), float)]
        if curve:
            title = "learning rate" if name == "rate" else name.removeprefix("val_")
            panels.setdefault(title, {})[name] = curve
    return panels


def _draw(axis: Any, title: str, curves: dict[str, list[tuple[int, float]]], record: RunRecord) -> None:
    marked = set()
    for place, how in record.resumed:
        # An epoch's values stand at its end: what happened in the middle of the third is at 2.5.
        label = None if how in marked else how
        axis.axvline(place, color="0.6", linestyle=":" if how == "interrupted" else "--", linewidth=1, label=label)
        marked.add(how)
    for name, curve in curves.items():
        label = {"rate": "learning rate"}.get(name, "validation" if name.startswith("val_") else "training")
        axis.plot([epoch for epoch, _ in curve], [value for _, value in curve], marker=".", label=label)
    axis.set_ylabel(title)
    if title == "learning rate" and all(value > 0 for _, value in curves["rate"]):
        axis.set_yscale("log")
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")
