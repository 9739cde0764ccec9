"""The one rule of writing: temporary name in the same folder, flush, verify, rename."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from keras_weld.errors import WeldError, WriteError

PREFIX = ".part-"
_THIS_SYSTEM = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")
# What a system says when it refuses to write; without a file's name, as it is from an open file.
_OF_WRITING = {errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.ENAMETOOLONG, errno.EIO, getattr(errno, "EDQUOT", -1)}


@cache
def _host() -> str:
    """Tells apart everything within which a process number means one process.

    A folder may be shared by machines of similar names, or by containers that each count their processes.
    """
    told = [platform.node()]
    for place in _THIS_SYSTEM:
        with suppress(OSError, UnicodeDecodeError):
            told.append(Path(place).read_text())
    with suppress(OSError, AttributeError):  # not on Windows
        told.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\0".join(told).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def temporary_name(name: str) -> str:
    """A name for what will become `name`; `remove_abandoned` knows it by it once this process was killed."""
    return f"{PREFIX}{_host()}-{os.getpid()}-{os.urandom(4).hex()}-{_end_of(name)}"


def another(temporary: Path) -> Path:
    """A second temporary path for what `temporary` will become; removed likewise if this process is killed."""
    host, pid, _, end = temporary.name.removeprefix(PREFIX).split("-", 3)
    return temporary.with_name(f"{PREFIX}{host}-{pid}-{os.urandom(4).hex()}-{end}")


def _end_of(name: str) -> str:
    """The end of a name, suffix included: with what stands before it, it must not be too long for a name."""
    return name[-40:]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def remove_abandoned(target: Path) -> None:
    """Remove the temporary files that processes of this machine left behind when they were killed."""
    if os.name == "nt":  # there, os.kill(pid, 0) is not a question
        return
    start = f"{PREFIX}{_host()}-"
    with suppress(OSError):
        for left in target.parent.iterdir():
            if not left.name.startswith(start):
                continue
            pid, _, rest = left.name.removeprefix(start).partition("-")
            if rest[9:] == _end_of(target.name) and pid.isdecimal() and not _is_running(int(pid)):
                with suppress(OSError):
                    shutil.rmtree(left) if left.is_dir() else left.unlink()


def sync_file(path: Path) -> None:
    """Have the system write a file's pages to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def syncing(path: Path) -> Iterator[None]:
    """Have the system write a file's pages to the disk while the block runs; the end waits for both."""
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(sync_file, path)
        yield
        written.result()


def sync_folder(path: Path) -> None:
    """Have the system write a folder's entries to the disk, where it can."""
    if os.name == "nt":
        return
    with suppress(OSError):  # some network file systems do not know it, and a folder may be closed to readers
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def require_place(path: str | os.PathLike[str]) -> None:
    """Refuse a path at which no file can come to stand.

    Raises:
        WriteError: if the folder is missing, or a folder or a device has this name.
    """
    target = Path(path).resolve()
    if not target.parent.is_dir():
        raise folder_missing(path)
    if target.is_dir():
        raise WriteError("A folder has this name.", file=path, remedy="Choose another name for the output.")
    if target.exists() and not target.is_file():
        raise WriteError(
            "A device, pipe or socket has this name; a file would take its place.",
            file=path,
            found=os.fspath(target),
            remedy="Choose another name for the output.",
        )


@contextmanager
def atomic_path(path: str | os.PathLike[str], verify: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, flush it and rename it to `path`.

    What another file is to blame for (a source that cannot be read) comes out of the block as it is.
    An exception in the block, or in `verify`, removes the temporary file and leaves what was there. A kill at
    any moment leaves the old file or the new one, and perhaps a temporary one that the next write removes.

    Args:
        path: what is to be written. A link is followed.
        verify: called with the temporary path when it is whole, before it is renamed.

    Raises:
        WriteError: if the folder is missing, or the system refuses (disk full, no permission).

    Example:
        >>> with atomic_path("model.keras") as temporary:  # doctest: +SKIP
        ...     temporary.write_bytes(data)
    """
    require_place(path)
    target = Path(path).resolve()
    remove_abandoned(target)
    temporary = target.with_name(temporary_name(target.name))
    written = False
    with naming(path):
        try:
            yield temporary
            written = True
            with syncing(temporary):
                if verify is not None:
                    verify(temporary)
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
            sync_folder(target.parent)
        except OSError as error:
            if not written and not _is_of_writing(error, temporary, target):
                raise
            raise not_written(path, error) from error
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name what is to be written, instead of its temporary name, in every refusal from the block."""
    try:
        yield
    except WeldError as error:
        if error.file is not None and PREFIX in error.file:
            error.file = os.fspath(path)
        raise


def folder_missing(path: str | os.PathLike[str]) -> WriteError:
    """What to raise where the folder that a file is to be written into is not there."""
    folder = Path(path).resolve().parent
    in_the_way = next((one for one in (folder, *folder.parents) if one.exists() and not one.is_dir()), None)
    if in_the_way is not None:
        return WriteError(
            "What the file is to be written into is no folder.",
            file=path,
            expected=f"a folder {in_the_way}",
            found="a file of this name",
            remedy="Choose another folder for the output.",
        )
    return WriteError(
        "The folder to write into is not there.",
        file=path,
        found=f"no folder {folder}",
        remedy=f"Make it first: mkdir -p {folder}",
    )


def not_written(path: str | os.PathLike[str], error: OSError) -> WriteError:
    """What to raise where the system refused to write."""
    return WriteError(
        "The file could not be written; what was there before is untouched.",
        file=path,
        found=str(error),
        remedy="Check the free space and the permissions of the folder.",
    )


def _is_of_writing(error: OSError, temporary: Path, target: Path) -> bool:
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    if any(Path(name).name in (temporary.name, target.name) for name in names) or temporary.name in str(error):
        return True
    told = re.search(r"errno = (\d+)", str(error))  # by HDF5
    number = int(told[1]) if told else error.errno
    return number in _OF_WRITING and (not names or number != errno.EIO)
