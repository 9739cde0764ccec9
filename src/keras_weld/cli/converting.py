"""What `convert`, `save` and `load` share: options, and how it is told what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_weld.cli.frame import custom_option, emit_json, json_option, limit_option, notes, unsafe_option

if TYPE_CHECKING:
    from keras_weld.recipes.convert import Converted

OUT = "What to write: a name ending in .keras, .h5, .weights.h5, .weights.json, .json, .yaml or .savedmodel."
which_option = click.option(
    "--which",
    metavar='last|best|"epoch N"|"highest METRIC"',
    help="Of a run, which model: by default the last. Its checkpoint has to be kept.",
)
architecture_option = click.option(
    "--architecture", type=Path, metavar="FILE", help="The architecture, for weights that come without one."
)
_OPTIONS = (
    which_option,
    architecture_option,
    click.option(
        "--shard-size",
        type=click.FloatRange(min=0, min_open=True),
        default=5.0,
        help="For .weights.json, in gigabytes.",
    ),
    click.option("--no-overwrite", is_flag=True, help="Refuse to replace a file that is there."),
    custom_option,
    unsafe_option,
    json_option,
    limit_option,
)


def converting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator that gives a command the options of converting."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def convert_and_tell(
    source: str,
    out: str,
    *,
    which: str | None,
    architecture: Path | None,
    shard_size: float,
    no_overwrite: bool,
    custom: tuple[str, ...],
    unsafe: bool,
    as_json: bool,
    limit: tuple[str, ...],
) -> None:
    """Convert, and tell what was written."""
    from keras_weld.cli.backend import start_backend

    start_backend()
    from keras_weld.core.importing import current_folder_importable
    from keras_weld.io.limits import Limits
    from keras_weld.recipes.convert import convert

    with current_folder_importable():
        done = convert(
            source,
            out,
            which=which,
            architecture=architecture,
            custom_objects=list(custom) or None,
            unsafe=unsafe,
            limits=Limits.parse(limit),
            overwrite=not no_overwrite,
            max_shard_size=shard_size,
        )
    if as_json:
        emit_json(done)
        return
    _show(done)


def _show(done: Converted) -> None:
    by = f", written by Keras {done.keras_version}" if done.keras_version else ""
    click.echo(f"Wrote {done.path} ({done.kind}) from {done.source} ({done.source_kind}{by}).")
    if done.reloaded is not None:
        click.echo(f"Loaded again, it answers the same: outputs differ by {done.reloaded:.2g} at most.")
    if done.difference is not None:
        click.echo(
            f"The original, computed with tf_keras, answers the same: outputs differ by {done.difference:.2g} at most. "
            f"It ran with {', '.join(done.guards)}."
        )
    notes(done.notes)
