"""Arrays out of an `.npz` file, with its claims checked before anything is read."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from keras_weld.data.batch import Array
from keras_weld.errors import DamagedFileError, DataError, LimitError, WrongKindError

INFLATED_BYTES = 1 << 30
"""Bytes that one array may unpack to when it is packed tighter than `RATIO`."""
RATIO = 200
"""How many times its stored size a packed array may unpack to once it is above `INFLATED_BYTES`."""

_LOCAL_HEADER = 30
_PACKED = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@dataclass(frozen=True, slots=True)
class _Header:
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    length: int


def require_file(path: Path) -> None:
    """Refuse a file that is not there.

    Raises:
        DataError: naming it.
    """
    if not path.is_file():
        raise DataError("The data file is not there.", file=path, remedy="Check the path.")


class NpzArrays(Mapping[str, Array]):
    """The arrays of an `.npz` file by key, read when asked for.

    Arrays that are stored as they are (`np.savez`) are mapped, not read; packed ones (`np.savez_compressed`)
    are unpacked into memory. Pickled objects are never loaded.

    Args:
        path: the file.
        inflated_bytes: what a packed array may unpack to when it is packed tighter than `ratio`.
        ratio: how many times its stored size it may be then.

    Raises:
        DataError: if the file is missing.
        WrongKindError: if it is no `.npz` file.
    """

    def __init__(self, path: Path, *, inflated_bytes: int = INFLATED_BYTES, ratio: int = RATIO) -> None:
        require_file(path)
        self.path = path
        self._inflated_bytes = inflated_bytes
        self._ratio = ratio
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise WrongKindError(
                "This is not an .npz file, or it was cut short.",
                file=path,
                expected="what numpy.savez or numpy.savez_compressed writes",
                found="an empty file" if path.stat().st_size == 0 else str(error),
                remedy="Write it anew: numpy.savez('data.npz', x=images, y=labels)",
            ) from error
        self._members = {member.filename.removesuffix(".npy"): member for member in members}

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, key: str) -> Array:
        member = self._members[key]
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(member) as stream:
                header = self._header(key, member, stream)
                self._check(key, member, header)
                if member.compress_type == zipfile.ZIP_STORED and all(header.shape):
                    return self._mapped(member, header)
                stream.seek(0)
                array: Array = np.lib.format.read_array(stream, allow_pickle=False)
                return array
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise DamagedFileError(
                f"The array {key!r} cannot be read.",
                file=self.path,
                found=str(error),
                remedy="Write the file anew with numpy.savez.",
            ) from error

    def _header(self, key: str, member: zipfile.ZipInfo, stream: IO[bytes]) -> _Header:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version in ((2, 0), (3, 0)):
            # 3.0 differs from 2.0 in the encoding of field names alone, and only plain numbers are taken
            # here.
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise ValueError(f"unknown .npy version {version}")
        if dtype.hasobject:
            raise DataError(
                f"{key!r} holds pickled Python objects, which can run code when they are loaded.",
                file=self.path,
                expected="plain numbers",
                found=f"dtype {dtype}",
                remedy="Store a plain array: np.asarray(values, dtype='float32').",
            )
        return _Header(tuple(shape), fortran, dtype, stream.tell())

    def _check(self, key: str, member: zipfile.ZipInfo, header: _Header) -> None:
        declared = math.prod(header.shape) * header.dtype.itemsize
        if any(size < 0 for size in header.shape) or declared != member.file_size - header.length:
            raise DamagedFileError(
                f"The array {key!r} declares another size than the file holds.",
                file=self.path,
                expected=f"{declared:,} bytes for shape {header.shape}, dtype {header.dtype}",
                found=f"{member.file_size - header.length:,} bytes",
                remedy="Write the file anew with numpy.savez.",
            )
        tight = member.file_size > self._ratio * max(1, member.compress_size)
        if member.compress_type in _PACKED and tight and declared > self._inflated_bytes:
            raise LimitError(
                f"The array {key!r} unpacks to far more than is stored, above the limit `inflated_bytes`.",
                file=self.path,
                expected=f"at most {self._inflated_bytes:,} bytes, or at most {self._ratio} times what is stored",
                found=f"{declared:,} bytes out of {member.compress_size:,}",
                remedy=f"If you trust the file, raise it: --limit inflated_bytes={declared}",
            )
        if member.compress_type == zipfile.ZIP_STORED and member.compress_size != member.file_size:
            raise DamagedFileError(f"The array {key!r} is stored in a contradictory way.", file=self.path)

    def _mapped(self, member: zipfile.ZipInfo, header: _Header) -> Array:
        """The array as a view of the file's pages: large data need not fit into memory."""
        with self.path.open("rb") as file:
            file.seek(member.header_offset)
            local = file.read(_LOCAL_HEADER)
        start = member.header_offset + _LOCAL_HEADER
        start += int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
        return np.memmap(
            self.path,
            dtype=header.dtype,
            mode="r",
            offset=start + header.length,
            shape=header.shape,
            order="F" if header.fortran else "C",
        )
