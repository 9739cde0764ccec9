"""A folder written as one: under a temporary name, flushed, verified, and then put in the place of the old one."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_weld.errors import WriteError
from keras_weld.io.atomic import (
    folder_missing,
    naming,
    not_written,
    remove_abandoned,
    sync_file,
    sync_folder,
    temporary_name,
)

_HERE = -100  # AT_FDCWD: a path is taken from the folder we are in
_EXCHANGE = 2  # RENAME_EXCHANGE on Linux, RENAME_SWAP on macOS


@contextmanager
def atomic_folder(path: str | os.PathLike[str], verify: Callable[[Path], None]) -> Iterator[Path]:
    """Give the path of a folder to be made beside `path`; when the block ends well, put it in `path`'s place.

    Where the system can exchange two names in one step (Linux, macOS), a kill at any moment leaves the old folder
    or the new one. Elsewhere there is a moment in which the old one has a temporary name.

    Args:
        path: what is to be written; what stands there is replaced.
        verify: called with the folder when it is whole.

    Raises:
        WriteError: if the folder above is missing, a file has the name, or the system refuses.
    """
    target = Path(path).resolve()
    if not target.parent.is_dir():
        raise folder_missing(path)
    if target.exists() and not target.is_dir():
        raise WriteError("A file has the name of this folder.", file=path, remedy="Choose another name.")
    remove_abandoned(target)
    temporary = target.with_name(temporary_name(target.name))
    with naming(path):
        try:
            yield temporary
            verify(temporary)
            sync_tree(temporary)
            _put_in_place(temporary, target)
            sync_folder(target.parent)
        except OSError as error:
            raise not_written(path, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Have the system write every file and folder below to the disk."""
    for place, _, names in os.walk(folder):
        for name in names:
            sync_file(Path(place, name))
        sync_folder(Path(place))


def _put_in_place(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
    elif not _exchanged(temporary, target):
        aside = target.with_name(temporary_name(target.name))
        target.rename(aside)
        temporary.rename(target)
        shutil.rmtree(aside, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system cannot."""
    names = os.fsencode(one), os.fsencode(other)
    library: Any = ctypes.CDLL(None) if os.name == "posix" else None
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        return bool(library.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE) == 0)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return bool(library.renamex_np(*names, _EXCHANGE) == 0)
    return False
