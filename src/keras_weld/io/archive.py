"""The zip archive behind `.keras`: its directory is checked before a byte of its members is believed."""

from __future__ import annotations

import mmap
import os
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from keras_weld.errors import DamagedFileError, LimitError, UnsafeFileError, WrongKindError, add_context
from keras_weld.io.limits import MB, Limits

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
ASSETS = "assets/"
_EXPECTED = (CONFIG, METADATA, WEIGHTS)
_LOCAL = struct.Struct("<4s5H3I2H")
_END = struct.Struct("<4s4H2IH")
_ENCRYPTED, _SIZES_FOLLOW = 0x1, 0x8
_UNKNOWN = 0xFFFFFFFF
_PIECE = 1 << 24


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside an archive.

    Attributes:
        name: its name in the archive.
        start: where its bytes begin in the archive file.
        stored: bytes that it takes there.
        size: bytes that it has when unpacked.
        crc: CRC-32 of the unpacked bytes.
        deflated: whether it is compressed.
    """

    name: str
    start: int
    stored: int
    size: int
    crc: int
    deflated: bool


@dataclass(frozen=True)
class Archive:
    """A `.keras` file whose directory has been checked."""

    path: Path
    file: BinaryIO
    members: dict[str, Member]
    limits: Limits

    def read(self, name: str) -> bytes:
        """The unpacked bytes of a member.

        Raises:
            DamagedFileError: if it is not there, or its bytes are not the ones that were written.
        """
        member = self.members.get(name)
        if member is None:
            raise DamagedFileError(
                f"The archive holds no {name}.",
                file=self.path,
                expected=", ".join(_EXPECTED),
                found=", ".join(self.members) or "nothing",
                remedy="Save the model again with model.save().",
            )
        data = os.pread(self.file.fileno(), member.stored, member.start)
        if member.deflated:
            data = _inflate(data, member, self.path)
        if len(data) != member.size or zlib.crc32(data) != member.crc:
            raise self._damaged(name, member, len(data), zlib.crc32(data))
        return data

    def verify(self) -> None:
        """Read all bytes of the weights and the assets, and hold them against their checksums.

        The other members, and weights that are compressed, are held against them when they are read.

        Raises:
            DamagedFileError: if they are not the ones that were written.
        """
        for name, member in self.members.items():
            if name == WEIGHTS and not member.deflated and member.size:
                found = checksum(self.path, member.start, member.size)
                if found != member.crc:
                    raise self._damaged(name, member, member.size, found)
            elif name.startswith(ASSETS):
                self.read(name)

    def _damaged(self, name: str, member: Member, size: int, crc: int) -> DamagedFileError:
        return DamagedFileError(
            f"{name} is damaged: its checksum does not match.",
            file=self.path,
            expected=f"{member.size:,} bytes with CRC {member.crc:08x}",
            found=f"{size:,} bytes with CRC {crc:08x}",
            remedy="Copy the file again from where it came from.",
        )

    @property
    def assets(self) -> list[str]:
        """Names of the assets, without the folder in front."""
        return [name.removeprefix(ASSETS) for name in self.members if name.startswith(ASSETS)]


def checksum(path: Path, start: int, size: int) -> int:
    """CRC-32 of a part of a file, from mapped pages: nothing is copied."""
    page = start - start % mmap.ALLOCATIONGRANULARITY
    crc = 0
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), start + size - page, access=mmap.ACCESS_READ, offset=page) as pages,
        memoryview(pages) as whole,
    ):
        for at in range(start - page, start - page + size, _PIECE):
            with whole[at : min(at + _PIECE, start - page + size)] as piece:
                crc = zlib.crc32(piece, crc)
    return crc


def _inflate(data: bytes, member: Member, path: Path) -> bytes:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(data, member.size + 1)
    except zlib.error as error:
        raise DamagedFileError(
            f"{member.name} cannot be unpacked.",
            file=path,
            found=str(error),
            remedy="Copy the file again from where it came from.",
        ) from error
    if len(unpacked) > member.size:
        raise UnsafeFileError(
            f"{member.name} unpacks to more than the archive says.",
            file=path,
            expected=f"{member.size:,} bytes",
            found="more",
            remedy="Do not use this file; it was not made by Keras.",
        )
    return unpacked


def open_archive(path: Path, limits: Limits) -> Archive:
    """Open a `.keras` file and check its directory.

    Raises:
        DamagedFileError: if it is not a whole archive.
        WrongKindError: if it is an archive of something else.
        UnsafeFileError: for members that no Keras archive has, or that overlap or lie about themselves.
        LimitError: if a member is larger than the limits allow.
    """
    file = path.open("rb", buffering=0)
    try:
        with add_context(file=path):
            _check_count(file, limits)
            try:
                with zipfile.ZipFile(file) as directory:
                    infos, end = directory.infolist(), directory.start_dir
            except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
                raise DamagedFileError(
                    "The archive is damaged or cut short.",
                    found=str(error),
                    remedy="Copy the file again from where it came from; it may not have been written whole.",
                ) from error
            return Archive(path, file, _check(file, infos, end, limits), limits)
    except BaseException:
        file.close()
        raise


def _check_count(file: BinaryIO, limits: Limits) -> None:
    # Python's zipfile makes an object of every entry before anybody can count them.
    size = os.fstat(file.fileno()).st_size
    tail = os.pread(file.fileno(), min(size, 66_000), max(0, size - 66_000))
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise DamagedFileError(
            "The archive is cut short: its directory is missing.",
            expected="a zip directory at the end of the file",
            found=f"{size:,} bytes without one",
            remedy="Copy the file again from where it came from; it may not have been written whole.",
        )
    end = _END.unpack_from(tail, at)
    # Every entry takes at least 46 bytes of the directory, whatever the count field says.
    directory_bytes = end[5]
    if end[5] == _UNKNOWN:
        record = tail.rfind(b"PK\x06\x06", 0, at)
        directory_bytes = struct.unpack_from("<Q", tail, record + 40)[0] if record >= 0 else size
    limits.check(
        "members",
        max(end[4] if end[4] != 0xFFFF else 0, directory_bytes // 512),
        "The number of files in the archive",
    )


def _check(file: BinaryIO, infos: list[zipfile.ZipInfo], end: int, limits: Limits) -> dict[str, Member]:
    limits.check("members", len(infos), "The number of files in the archive")
    names = {info.filename for info in infos}
    if not names.intersection(_EXPECTED):
        raise WrongKindError(
            "This is an archive, but not one of Keras.",
            expected=", ".join(_EXPECTED),
            found=", ".join(sorted(names)[:5]) or "an empty archive",
            remedy="Give a file that model.save() wrote.",
        )
    members: dict[str, Member] = {}
    assets = 0
    for info in infos:
        _check_name(info)
        if info.filename in members:
            raise UnsafeFileError(f"The archive holds {info.filename} twice.", remedy=_NOT_KERAS)
        if info.is_dir():
            continue
        _check_size(info, limits)
        if info.filename.startswith(ASSETS):
            assets += info.file_size
        members[info.filename] = _locate(file, info)
    limits.check("assets_bytes", assets, "The size of the assets")
    _check_overlap(members, end)
    return members


_NOT_KERAS = "Do not use this file unless you know who made it; Keras does not write such archives."


def _check_name(info: zipfile.ZipInfo) -> None:
    name = info.filename
    parts = name.rstrip("/").split("/")
    allowed = name in _EXPECTED or name == ASSETS or name.startswith(ASSETS)
    if not allowed or ".." in parts or "" in parts or "\\" in name or ":" in name:
        raise UnsafeFileError(
            "The archive holds a file that no Keras archive has.",
            expected=", ".join((*_EXPECTED, ASSETS + "…")),
            found=name,
            remedy=_NOT_KERAS,
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise UnsafeFileError(f"{name} in the archive is a link.", remedy=_NOT_KERAS)
    if info.flag_bits & _ENCRYPTED:
        raise UnsafeFileError(f"{name} in the archive is encrypted.", remedy="Decrypt the archive first.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsafeFileError(
            f"{name} in the archive is compressed in a way that Keras does not use.",
            expected="stored or deflated",
            found=f"method {info.compress_type}",
            remedy="Unpack the archive and pack it again: zip -0 -r model.keras *",
        )


def _check_size(info: zipfile.ZipInfo, limits: Limits) -> None:
    name, what = info.filename, f"The size of {info.filename}"
    if name in (CONFIG, METADATA):
        limits.check("json_bytes", info.file_size, what)
    if info.compress_type == zipfile.ZIP_STORED:
        if info.file_size != info.compress_size:
            raise DamagedFileError(
                f"{name} is stored with two different sizes.",
                expected=f"{info.file_size:,} bytes",
                found=f"{info.compress_size:,} bytes",
                remedy=_NOT_KERAS,
            )
        return
    limits.check("inflated_bytes", info.file_size, what)
    if info.file_size > MB and info.file_size > limits.ratio * max(1, info.compress_size):
        ratio = info.file_size // max(1, info.compress_size)
        raise LimitError(
            f"{name} unpacks to far more than it stores, which is above the limit `ratio`.",
            expected=f"at most {limits.ratio} times",
            found=f"{info.file_size:,} bytes from {info.compress_size:,} ({ratio:,} times)",
            remedy=f"If you trust the file, raise it: --limit ratio={ratio + 1}",
        )


def _locate(file: BinaryIO, info: zipfile.ZipInfo) -> Member:
    raw = os.pread(file.fileno(), _LOCAL.size, max(0, info.header_offset))
    if len(raw) < _LOCAL.size or info.header_offset < 0:
        raise DamagedFileError(
            "The archive is cut short.",
            found=f"no room for {info.filename}",
            remedy="Copy the file again from where it came from; it may not have been written whole.",
        )
    (magic, _, flags, method, _, _, _, stored, size, name_bytes, extra_bytes) = _LOCAL.unpack(raw)
    name = os.pread(file.fileno(), name_bytes, info.header_offset + _LOCAL.size)
    sizes_agree = flags & _SIZES_FOLLOW or (
        stored in (info.compress_size, _UNKNOWN) and size in (info.file_size, _UNKNOWN)
    )
    if (
        magic != b"PK\x03\x04"
        or method != info.compress_type
        or name != info.orig_filename.encode("utf-8" if flags & 0x800 else "cp437", "replace")
        or not sizes_agree
    ):
        raise UnsafeFileError(
            f"The archive says two different things of {info.filename}.",
            expected="the same name, size and method in the directory and before the data",
            found=f"{name!r}, {size:,} bytes against {info.file_size:,}",
            remedy=_NOT_KERAS,
        )
    return Member(
        name=info.filename,
        start=info.header_offset + _LOCAL.size + name_bytes + extra_bytes,
        stored=info.compress_size,
        size=info.file_size,
        crc=info.CRC,
        deflated=info.compress_type == zipfile.ZIP_DEFLATED,
    )


def _check_overlap(members: dict[str, Member], end: int) -> None:
    reached = 0
    for member in sorted(members.values(), key=lambda member: member.start):
        if member.start - _LOCAL.size - len(member.name) < reached:
            raise UnsafeFileError(f"{member.name} overlaps another file in the archive.", remedy=_NOT_KERAS)
        reached = member.start + member.stored
        if reached > end:
            raise DamagedFileError(
                f"{member.name} runs past the end of the archive.",
                expected=f"at most {end:,} bytes",
                found=f"{reached:,} bytes",
                remedy="Copy the file again from where it came from.",
            )
