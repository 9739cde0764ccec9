"""SHA-256 of a model file, or of a folder by the names and contents in it."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes; for a folder, of every file's name and SHA-256 in sorted order.

    Args:
        path: a file, the map of sharded weights (its shards are not included), or a folder.

    Returns:
        64 hexadecimal digits.
    """
    if path.is_dir():
        total = hashlib.sha256()
        for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
            total.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
        return total.hexdigest()
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
