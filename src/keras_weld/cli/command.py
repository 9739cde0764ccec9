"""A command whose help is its docstring, and which describes its arguments as click describes options."""

from __future__ import annotations

import inspect
from typing import Any

import click

from keras_weld.cli.several_words import SeveralWords


class Argument(click.Argument):
    """An argument with a help text.

    Args:
        declarations: its name, as click takes it.
        help: what it is, one or two sentences.
        settings: the rest that click takes.
    """

    def __init__(self, declarations: Any, *, help: str, **settings: Any) -> None:
        super().__init__(declarations, **settings)
        # Not as `help`: newer versions of click would show that a second time.
        self.about = f"{help}  [required]" if self.required else help

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """The value in its type; an empty one, as an unset variable of the shell gives, would be taken for a folder."""
        if value == "" or (isinstance(value, list | tuple) and "" in value):
            raise click.BadParameter("an empty text names nothing.", ctx=ctx, param=self)
        return super().type_cast_value(ctx, value)

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The argument as the line of usage shows it."""
        more = "" if self.nargs == 1 else "..."
        return [f"{{{self.human_readable_name}}}{more}"]


class Command(click.Command):
    """A command with its arguments above its options, and with the help that `help_text` makes of a docstring."""

    def __init__(self, name: str | None, *, help: str | None = None, **settings: Any) -> None:
        super().__init__(name, help=help_text(help), **settings)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read a command line; an option of several words may have them all behind it."""
        for option in self.get_params(ctx):
            if isinstance(option, SeveralWords):
                args = option.spread(self, ctx, args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command takes."""
        arguments = [one for one in self.get_params(ctx) if isinstance(one, Argument)]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl([(one.human_readable_name, one.about) for one in arguments])
        super().format_options(ctx, formatter)


def help_text(docstring: str | None) -> str:
    """A command's help out of its docstring: examples keep their lines, sections on Python are left out."""
    kept = []
    section = ""
    for paragraph in inspect.cleandoc(docstring or "").replace("\b\n", "").split("\n\n"):
        if not paragraph.startswith(" "):
            section = paragraph.split("\n", 1)[0]
        if section in ("Args:", "Returns:", "Raises:"):
            continue
        keep_lines = section in ("Example:", "Examples:") or paragraph.startswith(" ")
        kept.append("\b\n" + paragraph if keep_lines else paragraph)
    return "\n\n".join(kept)
