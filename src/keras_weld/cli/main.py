"""The command `weld`: which commands there are, and how a refusal is shown."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import click
from click.exceptions import Exit

from keras_weld.cli.frame import emit_json, error_console, json_asked
from keras_weld.cli.interrupt import INTERRUPTED, MESSAGE, raise_if_pressed
from keras_weld.cli.lazy import LazyGroup
from keras_weld.cli.streams import CLOSED, OUTPUT, not_written, prepare, say, throw_away, written
from keras_weld.errors import FIELDS, UsageError, WeldError

COMMANDS = (
    *(
        "inspect",
        "check",
        "average",
        "fuse",
        "ensemble",
        "branch",
        "zip",
        "tune",
        "evaluate",
        "load",
        "save",
        "convert",
    ),
    *("demo", "train", "resume", "runs", "history", "verify-resume"),
)
"""Each is `command` in the file of its name."""

REFUSED = 2
"""Exit code of a refusal and of a wrong option; 1 is a command's own "no"."""
A_BUG = 70
READER_GONE = 141
"""What a shell reports of a program whose reader went away."""


_JSON_AMONG_WORDS = "keras_weld.json_among_words"


class WeldGroup(LazyGroup):
    """Runs a command and shows what it refuses in words instead of a traceback."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the command line up to the command's name.

        Raises:
            Exit: with the exit code, when it is wrong and JSON was asked for, or on Ctrl-C.
        """
        as_json = _among_options("--json", args)
        try:
            with _in_words(as_json):
                context = super().make_context(info_name, args, parent, **extra)
        except BrokenPipeError:  # of what --help and --version show
            _leave_quietly()
        except OSError as error:
            _refuse(_of_the_system(error), as_json=as_json)
        context.meta[_JSON_AMONG_WORDS] = as_json
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for.

        Raises:
            Exit: with the exit code, when the command refuses or is interrupted.
        """
        try:
            with _in_words(ctx.meta.get(_JSON_AMONG_WORDS, False)):
                result = _to_the_end(super().invoke, ctx)
        except WeldError as error:
            _refuse(error, as_json=json_asked(ctx))
        except BrokenPipeError:
            _leave_quietly()
        except OSError as error:
            if error.strerror is None:
                raise
            _refuse(_of_the_system(error), as_json=json_asked(ctx))
        return result


def _to_the_end(invoke: Callable[[click.Context], Any], ctx: click.Context) -> Any:
    """Run a command until all it has shown is out, whatever its answer is."""
    try:
        result = invoke(ctx)
    except Exit:
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return result


def _of_the_system(error: OSError) -> WeldError:
    if error.filename == OUTPUT:
        return not_written(error)
    if isinstance(error, PermissionError):
        return WeldError(
            "The operating system does not allow it.",
            file=error.filename,
            expected="the right to read it, or to write into its folder",
            found=error.strerror,
            remedy="Look at its owner and its rights (ls -l), or work on a copy of your own.",
        )
    return WeldError(f"The operating system refused: {error.strerror}.", file=error.filename)


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
        say(lambda: click.echo(MESSAGE, err=True))
        raise Exit(INTERRUPTED) from None
    except click.UsageError as error:
        if not as_json:
            say(error.show)
            raise Exit(REFUSED) from None
        path = error.ctx.command_path if error.ctx else "weld"
        problem = UsageError(error.format_message(), remedy=f"{path} --help shows the options and an example.")
        _refuse(problem, as_json=True)


def _among_options(option: str, words: Sequence[str]) -> bool:
    before = words[: words.index("--")] if "--" in words else words
    return option in before


def _show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from keras_weld.core.version import __version__

        click.echo(f"keras-weld {__version__}")
        raise Exit


@click.group(
    "weld",
    cls=WeldGroup,
    lazy=COMMANDS,
    epilog="weld COMMAND --help shows a command's options and an example.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def app() -> None:
    """Turn several trained Keras models into one, and see whether the one is better."""


def run() -> None:
    """Read the command line and run the command."""
    # TensorFlow greets on standard error unless told otherwise before it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not prepare():
        say(lambda: click.echo(CLOSED, err=True))
        sys.exit(REFUSED)
    gc.set_threshold(200_000)  # a command is short: collecting its own start-up takes a twentieth of its time
    try:
        app(prog_name="weld")
    except Exception:
        raise_if_pressed()
        say(_report_bug)
        sys.exit(A_BUG)


def _report_bug() -> None:
    traceback.print_exc()
    click.echo(
        "This is a bug in keras-weld, not a mistake of yours. Please report it with the lines above, "
        "the command, and what `weld inspect` says of the files.",
        err=True,
    )


def _refuse(error: WeldError, *, as_json: bool) -> NoReturn:
    if os.environ.get("WELD_DEBUG"):
        say(traceback.print_exc)
    printed = written(partial(emit_json, error.as_dict()) if as_json else sys.stdout.flush)
    if not printed or not as_json:
        say(lambda: _show(error))
    raise Exit(REFUSED) from None


def _show(error: WeldError) -> None:
    if not sys.stderr.isatty():
        click.echo(f"Error: {error}", err=True)  # unwrapped and uncoloured, for logs
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
    throw_away(sys.stdout)
    raise Exit(READER_GONE)
