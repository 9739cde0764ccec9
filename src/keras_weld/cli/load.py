"""`weld load`: whether saved models load, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.converting import architecture_option, which_option
from keras_weld.cli.frame import custom_option, emit_json, json_option, limit_option, progress, unsafe_option
from keras_weld.cli.inspect import shape
from keras_weld.cli.rows import print_rows
from keras_weld.errors import FIELDS

if TYPE_CHECKING:
    from keras_weld.recipes.loaded import Loaded

DOES_NOT_LOAD = 1


@click.command("load", cls=Command)
@click.argument(
    "models",
    cls=Argument,
    nargs=-1,
    required=True,
    metavar="MODEL|RUN",
    help="Saved models in any format, or folders of runs.",
)
@which_option
@architecture_option
@custom_option
@unsafe_option
@json_option
@limit_option
def command(
    models: tuple[str, ...],
    which: str | None,
    architecture: Path | None,
    custom: tuple[str, ...],
    unsafe: bool,
    as_json: bool,
    limit: tuple[str, ...],
) -> None:
    """Load saved models for real, and tell what comes back.

    The exit code is 1 if one does not load. Each is scanned, built with the backend, filled, and asked for an answer
    to made-up inputs, as `weld.load` does it in Python. Told are weights, losses, the optimizer with its step and
    learning rate, classes of your own, and what was left out or could not be carried over. `weld inspect` looks into
    a file without building anything.

    Example:
        weld load model.keras
        weld load old.h5 --custom my_layers:Attention
        weld load weights.h5 --architecture model.json
        weld load run/ --which best
    """
    from keras_weld.cli.backend import start_backend
    from keras_weld.io.limits import Limits

    limits = Limits.parse(limit)
    with progress("Starting Keras", quiet=as_json) as report:
        start_backend()
        from keras_weld.core.importing import current_folder_importable
        from keras_weld.recipes.loaded import try_loading

        found = []
        for number, model in enumerate(models):
            report(number, len(models), f"Loading {model}")
            with current_folder_importable():
                found.append(
                    try_loading(
                        model,
                        which=which,
                        architecture=architecture,
                        custom_objects=list(custom) or None,
                        unsafe=unsafe,
                        limits=limits,
                    )
                )
    if as_json:
        emit_json(found[0] if len(found) == 1 else found)
    else:
        for one in found:
            _show(one)
    if not all(one.loads for one in found):
        raise Exit(DOES_NOT_LOAD)


def _show(found: Loaded) -> None:
    about = [found.kind or "", f"written by Keras {found.keras_version}" if found.keras_version else ""]
    told = ", ".join(text for text in about if text)
    click.echo(f"{found.path}{f' ({told})' if told else ''} {'loads' if found.loads else 'does not load'}.")
    print_rows(list(_rows(found)))


def _rows(found: Loaded) -> Iterator[tuple[str, str]]:
    if found.error is not None:
        yield "error", found.error.problem
        for name in FIELDS[1:]:
            if (value := getattr(found.error, name)) is not None and name != "file":
                yield name, str(value)
        return
    yield "model", f"{found.model}, {found.layers} layers, {found.parameters:,} parameters"
    if found.inputs:
        yield "goes in", ", ".join(shape(one) for one in found.inputs)
    if found.outputs:
        answered = " (made-up inputs are answered)" if found.answers else ""
        yield "comes out", ", ".join(shape(one) for one in found.outputs) + answered
    if found.optimizer is None:
        yield "compiled", "no"
    else:
        yield "compiled", f"loss {found.loss}" + (f"; metrics {', '.join(found.metrics)}" if found.metrics else "")
        one = found.optimizer
        rate = f"learning rate {one.learning_rate:.4g}"
        scaled = ", the loss scaled for float16" if one.scales_loss else ""
        yield "optimizer", f"{one.name}, step {one.step:,}, {rate}{scaled}, {one.variables} variables"
    if found.custom:
        yield "own classes", ", ".join(found.custom)
    for note in found.notes:
        yield "note", note
