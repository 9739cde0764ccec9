"""Have a module imported without its greetings, whoever imports it, and whenever that is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

from keras_weld.core.hush import hush


def hush_import_of(name: str) -> None:
    """From now on, what the first import of a module says on standard error is held back, unless the import fails.

    Keras imports TensorFlow on any backend once it is given data to train on, long after the backend has started.

    Args:
        name: a module that is not in a package. Nothing is done if it is imported already.
    """
    waiting = any(isinstance(one, _Finder) and one.name == name for one in sys.meta_path)
    if name not in sys.modules and not waiting:
        sys.meta_path.insert(0, _Finder(name))


class _Finder(MetaPathFinder):
    """Finds one module the way that the others do, and leaves."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        found = find_spec(fullname)
        if found is not None and found.loader is not None:
            found.loader = _Hushed(found.loader)
        return found


class _Hushed(Loader):
    """A loader under which nothing is said."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with hush():
            self._loader.exec_module(module)
