"""The command `weld`: which commands there are, and how a refusal is shown."""

from __future__ import annotations

import gc
import inspect as python_inspect
import os
import sys
import traceback
from types import ModuleType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from keras_weld.cli import average, check, demo, evaluate, inspect
from keras_weld.cli.frame import emit_json, error_console, json_asked
from keras_weld.errors import FIELDS, WeldError

COMMANDS: tuple[tuple[str, ModuleType], ...] = (
    ("inspect", inspect),
    ("check", check),
    ("average", average),
    ("evaluate", evaluate),
    ("demo", demo),
)

REFUSED = 2
"""Exit code of a refusal and of a wrong option; 1 is a command's own "no"."""
A_BUG = 70
INTERRUPTED = 130
READER_GONE = 141
"""What a shell reports of a program whose reader went away."""


class WeldGroup(TyperGroup):
    """Runs a command and shows what it refuses in words instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for.

        Raises:
            typer.Exit: with the exit code, when the command refuses or is interrupted.
        """
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except WeldError as error:
            _refuse(error, as_json=json_asked(ctx))
        except KeyboardInterrupt:
            typer.echo("Interrupted; nothing was left half-written.", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _leave_quietly()
        except OSError as error:
            if error.strerror is None:
                raise
            problem = f"The operating system refused: {error.strerror}."
            _refuse(WeldError(problem, file=error.filename), as_json=json_asked(ctx))
        return result


app = typer.Typer(
    name="weld",
    cls=WeldGroup,
    help="Turn several trained Keras models into one, and see whether the one is better.",
    epilog="weld COMMAND --help shows a command's options and an example.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help takes half the time, and is what docs/cli.md shows
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(asked: bool) -> None:
    if asked:
        from keras_weld.core.version import __version__

        typer.echo(f"keras-weld {__version__}")
        raise typer.Exit


@app.callback()
def _weld(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass


def help_text(docstring: str | None) -> str:
    """A command's help out of its docstring: examples keep their lines, sections on Python are left out."""
    kept = []
    section = ""
    for paragraph in python_inspect.cleandoc(docstring or "").replace("\b\n", "").split("\n\n"):
        if not paragraph.startswith(" "):
            section = paragraph.split("\n", 1)[0]
        if section in ("Args:", "Returns:", "Raises:"):
            continue
        keep_lines = section in ("Example:", "Examples:") or paragraph.startswith(" ")
        kept.append("\b\n" + paragraph if keep_lines else paragraph)
    return "\n\n".join(kept)


for _name, _module in COMMANDS:
    app.command(_name, cls=getattr(_module, "Command", None), help=help_text(_module.command.__doc__))(_module.command)


def run() -> None:
    """What the script `weld` calls."""
    # TensorFlow greets on standard error unless told otherwise before it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    gc.set_threshold(200_000)  # a command is short: collecting its own start-up takes a twentieth of its time
    try:
        app(prog_name="weld")
    except Exception:
        traceback.print_exc()
        typer.echo(
            "This is a bug in keras-weld, not a mistake of yours. Please report it with the lines above, "
            "the command, and what `weld inspect` says of the files.",
            err=True,
        )
        sys.exit(A_BUG)


def _refuse(error: WeldError, *, as_json: bool) -> NoReturn:
    if os.environ.get("WELD_DEBUG"):
        traceback.print_exc()
    if as_json:
        emit_json(error.as_dict())
    else:
        _show(error)
    raise typer.Exit(REFUSED) from None


def _show(error: WeldError) -> None:
    if not sys.stderr.isatty():
        typer.echo(f"Error: {error}", err=True)  # unwrapped and uncoloured, for logs
        return
    from rich.table import Table
    from rich.text import Text

    screen = error_console()
    screen.print(Text.assemble(("Error: ", "bold red"), (error.problem, "bold")))
    fields = Table.grid(padding=(0, 2, 0, 0))
    fields.add_column(style="dim")
    fields.add_column(overflow="fold")
    for field in FIELDS:
        value = getattr(error, field)
        if value is not None:
            fields.add_row(f"  {field}:", Text(value))
    screen.print(fields)


def _leave_quietly() -> NoReturn:
    # Python flushes standard output once more when it ends; that must find an open file.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(READER_GONE)
