"""A run belongs to one process at a time: a lock that the system takes back when the process is gone, even killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_weld.errors import TrainingError, UsageError, WriteError

try:
    import fcntl
except ImportError:  # not on Windows: there, runs are not locked
    fcntl = None  # type: ignore[assignment]

LOCK = "lock"
_HELD: dict[Path, Any] = {}  # the open files of what this process has
_PATIENCE = 1.0  # seconds; whoever only looks whether a run is held takes the lock for a moment


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Inside the block, the run is this process's.

    Raises:
        TrainingError: if another process has it.
    """
    hold(folder)
    try:
        yield
    finally:
        release(folder)


def hold(folder: Path) -> None:
    """Make the run this process's until it is released, or the process ends; to hold it twice is to hold it once.

    Raises:
        TrainingError: if another process has it.
        UsageError: if it is a file, or lies in one.
        WriteError: if the folder cannot be made.
    """
    if folder.resolve() in _HELD:
        return
    file = _opened(folder)
    try:
        _take(file, folder)
    except TrainingError:
        file.close()
        raise
    _HELD[folder.resolve()] = file


def release(folder: Path) -> None:
    """Let others have the run."""
    file = _HELD.pop(folder.resolve(), None)
    if file is not None:
        file.close()


def is_held(folder: Path) -> bool:
    """Whether a live process has the run."""
    try:
        with (folder / LOCK).open() as file:
            return not _lock(file, shared=True)
    except OSError:
        return False


def _opened(folder: Path) -> Any:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK).open("a+")
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(
            "A run is a folder, and this is a file, or lies in one.",
            file=folder,
            expected="a folder, or a name that nothing has yet",
            found="a file",
            remedy="Give another name: run='run'.",
        ) from error
    except OSError as error:
        raise WriteError(
            "The folder of the run cannot be written in.",
            file=folder,
            found=str(error),
            remedy="Check its permissions and the free space, or name another folder.",
        ) from error


def _take(file: Any, folder: Path) -> None:
    patience = time.monotonic() + _PATIENCE
    while not _lock(file, shared=False):
        if time.monotonic() > patience:
            file.seek(0)
            raise TrainingError(
                "Another process is training this run.",
                file=folder,
                found=f"process {file.read().strip() or 'unknown'}",
                remedy="Wait for it, end it, or give this training another folder.",
            )
        time.sleep(0.05)
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()


def _lock(file: Any, *, shared: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
