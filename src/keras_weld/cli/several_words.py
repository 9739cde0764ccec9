"""An option that takes a word each time it is given, or all of its words at once."""

from __future__ import annotations

from collections.abc import Sequence

import click


class SeveralWords(click.Option):
    """An option that may be repeated, or be given once with several words behind it: `A B --labels a.txt b.txt`.

    Words behind it belong to it up to the next option, if it is given once and the command's arguments stand before
    it. Otherwise each time takes one word, as click has it.
    """

    def spread(self, command: click.Command, context: click.Context, words: Sequence[str]) -> list[str]:
        """A command line with this option before each of its words.

        Args:
            command: the command.
            context: of the call.
            words: the command line.
        """
        given = list(words)
        places = [number for number, word in enumerate(given) if word in self.opts]
        if len(places) != 1 or "--" in given:
            return given
        (place,) = places
        end = next((number for number in range(place + 1, len(given)) if given[number].startswith("-")), len(given))
        own = given[place + 1 : end]
        if len(own) < 2 or not _has_arguments(command, context, given[:place]):
            return given
        repeated = [part for word in own for part in (given[place], word)]
        return [*given[:place], *repeated, *given[end:]]


def _has_arguments(command: click.Command, context: click.Context, words: Sequence[str]) -> bool:
    """Whether words hold one that is neither an option nor an option's value."""
    found, _, _ = command.make_parser(context).parse_args(list(words))
    arguments = [one.name for one in command.get_params(context) if isinstance(one, click.Argument)]
    # What is not given is a mark of click's own in newer versions, and nothing in older ones.
    return any(isinstance(found.get(str(name)), str | tuple | list) and found.get(str(name)) for name in arguments)
