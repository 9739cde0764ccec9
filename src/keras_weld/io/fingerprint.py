"""SHA-256 of a model file; of a folder, or of sharded weights, by the names and contents of their files."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from types import TracebackType

_MAP, _LARGEST_MAP = ".weights.json", 100_000_000
_PIECE = 1 << 23  # large, since between two pieces the interpreter is asked for


def sha256_of(path: Path, stop: Event | None = None) -> str:
    """The SHA-256 of a file's bytes; for several files, of every one's name and SHA-256 in sorted order.

    Args:
        path: a file, a folder, or the map of sharded weights, whose shards are part of it.
        stop: when set, the work is broken off.

    Returns:
        64 hexadecimal digits.

    Raises:
        InterruptedError: if it was broken off.
    """
    if path.is_dir():
        return _of_files(path, sorted(entry for entry in path.rglob("*") if entry.is_file()), stop)
    if path.name.endswith(_MAP):
        return _of_files(path.parent, [path, *_shards(path)], stop)
    return _of_file(path, stop)


def _of_files(folder: Path, files: Iterable[Path], stop: Event | None) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(
            f"{file.relative_to(folder).as_posix()}\0{_of_file(file, stop)}\n".encode("utf-8", "surrogateescape")
        )
    return total.hexdigest()


def _shards(map_: Path) -> list[Path]:
    """The shards that a map names, as far as it is one; what is wrong with it, its reader tells."""
    with map_.open("rb") as file, suppress(ValueError, AttributeError, TypeError):
        places = json.loads(file.read(_LARGEST_MAP))["weight_map"].values()
        names = {name for place in places for name in ([place] if isinstance(place, str) else place)}
        beside = sorted(name for name in names if Path(name).name == name)
        return [map_.with_name(name) for name in beside if map_.with_name(name).is_file()]
    return []


def _of_file(path: Path, stop: Event | None) -> str:
    total = hashlib.sha256()
    if path.stat().st_size == 0:  # nothing to map
        return total.hexdigest()
    with (
        path.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as pages,
        memoryview(pages) as content,
    ):
        for at in range(0, len(content), _PIECE):
            if stop is not None and stop.is_set():
                raise InterruptedError("The fingerprint is not needed any more.")
            with content[at : at + _PIECE] as piece:
                total.update(piece)
    return total.hexdigest()


class Fingerprints:
    """The SHA-256 of many files, worked out on another core while something else goes on.

    Hashing a file is reading it all; begun before NumPy and h5py are imported, it costs no waiting.

    Args:
        paths: the files and folders; what is not a path, or is not there, is passed over.
    """

    def __init__(self, paths: Iterable[object]) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._stop = Event()
        files = [Path(path) for path in paths if isinstance(path, str | os.PathLike)]
        self._found: dict[Path, Future[str]] = {
            path: self._pool.submit(sha256_of, path, self._stop) for path in files if path.exists()
        }

    def __enter__(self) -> Fingerprints:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A person who gave a wrong folder, or pressed Ctrl-C, does not wait for the rest.
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def of(self, path: object) -> str | None:
        """The digest of one of them; None for what is not a path."""
        if not isinstance(path, str | os.PathLike):
            return None
        where = Path(path)
        return self._found[where].result() if where in self._found else sha256_of(where)
