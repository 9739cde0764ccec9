"""`weld inspect`: what goes into a saved model, what comes out, and how large and how trained it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.frame import console, emit_json, json_option, limit_option, plain
from keras_weld.cli.rows import harmless, print_columns, print_rows
from keras_weld.errors import FIELDS, WeldError

if TYPE_CHECKING:
    from keras_weld.checks.ports import Port
    from keras_weld.checks.summary import Summary
    from keras_weld.recipes.inspect import Inspection

REFUSED = 2


@click.command("inspect", cls=Command)
@click.argument(
    "files",
    cls=Argument,
    nargs=-1,
    required=True,
    type=Path,
    metavar="FILE",
    help="Saved models in any format, or folders.",
)
@click.option("--layers", is_flag=True, help="List every layer with its parameters.")
@json_option
@limit_option
def command(files: tuple[Path, ...], layers: bool, as_json: bool, limit: tuple[str, ...]) -> None:
    """Show what saved models hold: nothing is built or run, and Keras is not imported.

    Inputs and outputs with their shapes, what the outputs mean, layers and parameters, optimizer, versions,
    SHA-256, and how the model was made if keras-weld made it. If several files are given, all are shown, and
    the exit code is 2 if one of them cannot be read.

    Example:
        weld inspect model.keras
        weld inspect --layers old-model.h5
        weld inspect checkpoints/*.keras --json
    """
    from keras_weld.io.limits import Limits
    from keras_weld.recipes.inspect import inspect

    limits = Limits.parse(limit)
    if len(files) == 1:
        found = inspect(files[0], limits=limits)
        if as_json:
            emit_json(found)
        else:
            _show(found, layers)
        return
    results: list[Inspection | WeldError] = []
    for file in files:
        try:
            results.append(inspect(file, limits=limits))
        except WeldError as error:
            results.append(error)
        if not as_json:
            _show_one_of_many(results[-1], layers, first=len(results) == 1)
    if as_json:
        emit_json([plain(result) for result in results])
    if any(isinstance(result, WeldError) for result in results):
        raise Exit(REFUSED)


def _show_one_of_many(result: Inspection | WeldError, layers: bool, *, first: bool) -> None:
    if not first:
        console().print()
    if isinstance(result, WeldError):
        _headline(result.file or "a file", "cannot be read", "red")
        rows = [("error", result.problem)]
        rows += [(name, str(value)) for name in FIELDS[1:] if (value := getattr(result, name)) is not None]
        print_rows(rows)
    else:
        _show(result, layers)


def _show(found: Inspection, layers: bool) -> None:
    _headline(found.path, f"{found.kind}, {size(found.bytes)}", "dim")
    print_rows(_rows(found))
    if layers:
        console().print()
        _print_layers(found.summary)


def _headline(path: str, what: str, style: str) -> None:
    from rich.text import Text

    console().print(Text.assemble((harmless(path), "bold"), "  ", (what, style)), soft_wrap=True)


def _rows(found: Inspection) -> list[tuple[str, str]]:
    summary = found.summary
    rows = [(label, value) for label, value in _ports(summary)]
    rows += [("prepares", f"{step.text} ({step.layer})") for step in summary.preprocessing]
    rows.append(("parameters", _parameters(summary)))
    if summary.layers:
        rows.append(("layers", _classes(summary)))
    rows += _training(summary)
    if summary.keras_version or summary.date_saved:
        version = f"Keras {summary.keras_version}" if summary.keras_version else "an unknown version of Keras"
        rows.append(("written by", version + (f", {summary.date_saved}" if summary.date_saved else "")))
    if summary.custom:
        rows.append(("own classes", ", ".join(summary.custom)))
    rows += [("runs code", text) for text in found.executable]
    rows += [("gone in Keras 3", text) for text in found.older]
    rows += [("refused", text) for text in found.problems]
    if summary.lineage:
        rows += _lineage(summary.lineage)
    if found.sha256:
        rows.append(("sha-256", found.sha256))
    rows += [("note", text) for text in summary.notes]
    return _labelled_once(rows)


def _ports(summary: Summary) -> Iterator[tuple[str, str]]:
    for port in summary.inputs:
        yield "goes in", _port(port)
    for port in summary.outputs:
        meaning = port.meaning
        yield "comes out", _port(port) + (f": {meaning.text} ({meaning.why})" if meaning else "")


def _port(port: Port) -> str:
    return f"{port.name} {shape(port.shape)}" + (f" {port.dtype}" if port.dtype else "")


def _parameters(summary: Summary) -> str:
    counts = summary.parameters
    if not counts.total:
        return "none"
    dtypes = ", ".join(counts.dtypes)
    parts = f"{counts.trainable:,} trainable, {counts.non_trainable:,} not"
    return f"{counts.total:,} ({parts}), {size(counts.bytes)}, {dtypes}"


def _classes(summary: Summary) -> str:
    known = Counter(row.class_name for row in summary.layers if row.class_name)
    shown = [f"{count} {name}" for name, count in known.most_common(6)]
    more = len(known) - len(shown)
    listed = ", ".join([*shown, f"{more} more kinds"] if more > 0 else shown)
    return f"{len(summary.layers)}" + (f": {listed}" if listed else "")


def _training(summary: Summary) -> Iterator[tuple[str, str]]:
    if summary.losses or summary.metrics:
        metrics = f"; metrics {', '.join(summary.metrics)}" if summary.metrics else ""
        yield "compiled", f"loss {', '.join(summary.losses) or 'unknown'}{metrics}"
    optimizer = summary.optimizer
    if optimizer is None:
        return
    parts = [optimizer.name or "of an unknown class"]
    if optimizer.learning_rate is not None:
        parts.append(f"learning rate {optimizer.learning_rate:.4g}")
    if optimizer.schedule:
        parts.append(f"by {optimizer.schedule}")
    if optimizer.step is not None:
        parts.append(f"step {optimizer.step:,}")
    if optimizer.scales_loss:
        parts.append("the loss scaled for float16")
    stored = f"{optimizer.variables} variables, {size(optimizer.bytes)}" if optimizer.variables else "no state"
    yield "optimizer", f"{', '.join(parts)} ({stored} in the file)"


def _lineage(lineage: Any) -> Iterator[tuple[str, str]]:
    sources = [one for one in lineage.get("sources") or [] if isinstance(one, dict)]
    made = f", {lineage['made']}" if lineage.get("made") else ""
    models = "1 model" if len(sources) == 1 else f"{len(sources)} models"
    yield "made by", f"weld {lineage.get('version', '')}, {lineage.get('method')} of {models}{made}"
    for source in sources:
        weight = f", share {source['weight']:g}" if isinstance(source.get("weight"), int | float) else ""
        digest = f", sha-256 {str(source['sha256'])[:12]}..." if source.get("sha256") else ""
        yield "from", f"{source.get('path')}{weight}{digest}"
    for stage in _dicts(lineage.get("stages")):
        epochs = len(stage.get("history") or ())
        kept = "kept" if stage.get("kept") else "not kept"
        yield "trained", f"{stage.get('part')}, {epochs} epochs at {stage.get('rate'):g}, {kept}"
    for note in lineage.get("notes") or ():
        yield "told", str(note)
    for evaluation in _dicts(lineage.get("evaluations")):
        yield "judged", str(evaluation.get("sentence"))


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _labelled_once(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out a label that is the same as the one above, except of notes and warnings."""
    kept = ("note", "refused", "runs code", "told")
    return [
        ("" if number and rows[number - 1][0] == label and label not in kept else label, value)
        for number, (label, value) in enumerate(rows)
    ]


def _print_layers(summary: Summary) -> None:
    rows = [("layer", "class", "parameters")]
    for row in summary.layers:
        frozen = " (frozen)" if row.parameters and not row.trainable else ""
        rows.append((row.name, row.class_name or "", f"{row.parameters:,}{frozen}"))
    print_columns(rows)


def size(count: int) -> str:
    """A number of bytes for people: `102.6 MB`.

    Example:
        >>> size(1536), size(102_600_000)
        ('1.5 KB', '102.6 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    value = float(count)
    for unit in ("KB", "MB", "GB"):
        value /= 1000
        if value < 999.95 or unit == "GB":
            break
    return f"{value:.1f} {unit}"


def shape(value: tuple[int | None, ...] | None) -> str:
    """A shape for people: `(batch, 224, 224, 3)`.

    Example:
        >>> shape((None, None, 3))
        '(batch, any, 3)'
    """
    if value is None:
        return "(unknown shape)"
    names = ["any" if axis is None else str(axis) for axis in value]
    if value and value[0] is None:
        names[0] = "batch"
    return f"({', '.join(names)})"
