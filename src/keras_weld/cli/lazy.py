"""A group of commands that imports a command's file when the command is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Finds a command as `command` in the file of its name; `--help` alone imports them all.

    Args:
        words: what click takes.
        lazy: names of commands, in the order in which they are listed.
        settings: the rest that click takes.
    """

    def __init__(self, *words: Any, lazy: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*words, **settings)
        self._lazy = tuple(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None if there is none."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        found: click.Command = import_module(f"keras_weld.cli.{cmd_name.replace('-', '_')}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the command line names first; one that is not there is refused with what is close."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(name, self.list_commands(ctx), n=1)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)
