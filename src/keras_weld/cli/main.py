"""The command `weld`: which commands there are, and how a refusal is shown."""

from __future__ import annotations

import gc
import inspect as python_inspect
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from keras_weld.cli import average, check, demo, evaluate, inspect
from keras_weld.cli.frame import emit_json, error_console, json_asked
from keras_weld.cli.interrupt import INTERRUPTED, MESSAGE, raise_if_pressed
from keras_weld.errors import FIELDS, UsageError, WeldError

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
READER_GONE = 141
"""What a shell reports of a program whose reader went away."""


_JSON_AMONG_WORDS = "keras_weld.json_among_words"
_PARSER_ERROR: Any = typer.BadParameter.__base__
"""What the parser raises of a wrong command line; typer has no name of its own for it."""


class WeldGroup(TyperGroup):
    """Runs a command and shows what it refuses in words instead of a traceback."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the command line up to the command's name.

        Raises:
            typer.Exit: with the exit code, when it is wrong and JSON was asked for, or on Ctrl-C.
        """
        as_json = _among_options("--json", args)
        with _in_words(as_json):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[_JSON_AMONG_WORDS] = as_json
        return context

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for.

        Raises:
            typer.Exit: with the exit code, when the command refuses or is interrupted.
        """
        try:
            with _in_words(ctx.meta.get(_JSON_AMONG_WORDS, False)):
                result = super().invoke(ctx)
            sys.stdout.flush()
        except WeldError as error:
            _refuse(error, as_json=json_asked(ctx))
        except BrokenPipeError:
            _leave_quietly()
        except OSError as error:
            if error.strerror is None:
                raise
            problem = f"The operating system refused: {error.strerror}."
            _refuse(WeldError(problem, file=error.filename), as_json=json_asked(ctx))
        return result


@contextmanager
def _in_words(as_json: bool) -> Iterator[None]:
    """Tell of a Ctrl-C, and make the parser's own refusals like all others."""
    try:
        try:
            yield
        except Exception:
            raise_if_pressed()  # an interrupted import may come out as an error of any kind
            raise
    except KeyboardInterrupt:
        typer.echo(MESSAGE, err=True)
        raise typer.Exit(INTERRUPTED) from None
    except _PARSER_ERROR as error:
        error.message = error.message.replace("Value error, ", "")  # the validator's words, not a person's
        if not as_json:
            raise
        path = error.ctx.command_path if error.ctx else "weld"
        problem = UsageError(error.format_message(), remedy=f"{path} --help shows the options and an example.")
        _refuse(problem, as_json=True)


def _among_options(option: str, words: Sequence[str]) -> bool:
    before = words[: words.index("--")] if "--" in words else words
    return option in before


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
    """Read the command line and run the command."""
    # TensorFlow greets on standard error unless told otherwise before it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    gc.set_threshold(200_000)  # a command is short: collecting its own start-up takes a twentieth of its time
    try:
        app(prog_name="weld")
    except Exception:
        raise_if_pressed()
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
