"""The one lookup table: plug-ins by name, in the order they were entered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from keras_weld.errors import UsageError

Entry = TypeVar("Entry")


class Table(Mapping[str, Entry]):
    """Entries of one kind by name; entry points of other packages join when a name is looked for that is not here.

    Args:
        what: what an entry is, for messages ("metric").
        group: the entry-point group that other packages may add to, or None.
    """

    def __init__(self, what: str, group: str | None = None) -> None:
        self._what = what
        self._group = group
        self._entries: dict[str, Entry] = {}
        self._loaded = group is None

    def add(self, name: str) -> Callable[[Entry], Entry]:
        """Decorator that enters what it decorates under `name`.

        Raises:
            UsageError: if the name is taken.
        """

        def enter(entry: Entry) -> Entry:
            if name in self._entries:
                raise UsageError(f"There are two entries called {name!r} in the table of {self._what}s.")
            self._entries[name] = entry
            return entry

        return enter

    def _all(self) -> dict[str, Entry]:
        if not self._loaded and self._group is not None:
            self._loaded = True
            from importlib.metadata import entry_points  # takes longer to import than many merges take

            for point in entry_points(group=self._group):
                self.add(point.name)(point.load())
        return self._entries

    def __getitem__(self, name: str) -> Entry:
        if name in self._entries:
            return self._entries[name]
        entries = self._all()
        if name not in entries:
            raise UsageError(
                f"There is no {self._what} called {name!r}.",
                expected="one of " + ", ".join(entries),
                found=name,
                remedy="Choose one of these.",
            )
        return entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._all()

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())
