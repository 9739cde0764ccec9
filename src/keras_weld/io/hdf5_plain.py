"""The structure of an HDF5 file as Keras writes it, read from its bytes without the HDF5 library.

h5py writes in the oldest versions of the format unless it is told otherwise: a group is a tree of nodes, whose
leaves hold links sorted by name, and a heap with the names; a tensor is a header and its values in one piece. That
much is read here, and no more. Whatever is not exactly so, down to bytes that nobody reads, ends the attempt, and
the file is walked with the HDF5 library, which judges it. So nothing is accepted here that would be refused there.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from keras_weld.core.dtypes import BFLOAT16, Dtype
from keras_weld.io import hdf5_kinds as kinds
from keras_weld.io.hdf5_file import Hdf5, Stored, natural
from keras_weld.io.hdf5_pieces import DoubtError, Pieces
from keras_weld.io.hdf5_plain_links import LinkReader, Links
from keras_weld.io.hdf5_plain_texts import PlainTexts
from keras_weld.io.limits import Limits

_START = struct.Struct(f"<{len(kinds.BEGIN)}s4Q QQIIQQ")
_PREFIX = struct.Struct("<BBHIII")
_MESSAGE = struct.Struct("<HHI")
_TWO = struct.Struct("<QQ")
_LAYOUT = struct.Struct("<BBQQIH")
_TEXT_TYPE = struct.Struct("<BBHI")
_SPACES = [struct.Struct(f"<{rank}Q") for rank in range(33)]
_FILLS = {bytes([2, when, how, 1, 0, 0, 0, 0]) for when in (1, 2, 3) for how in (0, 1, 2)}
_OF_TENSORS = {kinds.SPACE, kinds.TYPE, kinds.FILL, kinds.LAYOUT}
_KNOWN = {*_OF_TENSORS, kinds.LINKS, kinds.MODIFIED}
_LONGEST = 1 << 40  # of a side of a tensor that has no values


def parse(file: Hdf5, data: memoryview | bytes) -> bool:
    """Fill in the groups, tensors and texts of a file, if it is exactly as Keras writes one.

    Args:
        file: nothing is changed in it unless all is in order.
        data: all bytes of the HDF5 part.

    Returns:
        Whether it is; if not, nothing is said of the file yet.
    """
    parser = _Parser(data, file.limits, max(0, file.start), file.start >= 0)
    try:
        if len(data) != file.size:
            return False
        parser.run()
    except (DoubtError, struct.error, IndexError, ValueError, OverflowError):
        return False
    file.datasets, file.groups, file.plain_texts = parser.datasets, parser.groups, parser.texts
    return True


class _Parser:
    def __init__(self, data: memoryview | bytes, limits: Limits, start: int, mapped: bool) -> None:
        self.data, self.limits, self.start, self.mapped = data, limits, start, mapped
        self.datasets: dict[str, Stored] = {}
        self.groups: list[str] = []
        self.texts = PlainTexts(data)
        self.objects = 0
        self.pieces = Pieces(len(data))

    def run(self) -> None:
        begin, base, free, end, driver, name, root, cached, zero, *at = _START.unpack_from(self.data)
        if (begin, base, free, driver) != (kinds.BEGIN, 0, kinds.NOWHERE, kinds.NOWHERE):
            raise DoubtError
        if (name, cached, zero) != (0, 1, 0) or end > len(self.data):
            raise DoubtError
        self.pieces = Pieces(end)
        self.pieces.claim(0, _START.size)
        waiting: Links = [("", root, (at[0], at[1]))]
        depths = [0]
        while waiting:
            path, header, cached_at = waiting.pop()
            depth = depths.pop()
            links = self._object(path, header, cached_at)
            if links is None:
                continue
            if path:
                self.groups.append(path)
            self.objects += len(links)
            if depth > self.limits.depth or self.objects > self.limits.objects:
                raise DoubtError
            if len(links) > 1:
                links.sort(key=lambda link: natural(link[0]), reverse=True)  # the last is taken up first
            before = f"{path}/" if path else ""
            waiting.extend((before + name, place, again) for name, place, again in links)
            depths.extend([depth + 1] * len(links))
        self.pieces.require_apart()

    def _object(self, path: str, header: int, cached: tuple[int, int] | None) -> Links | None:
        """The links of a group, None for a tensor."""
        found, attributes = self._header(header)
        if kinds.LINKS in found:
            if len(found) > 1:
                raise DoubtError
            tree, heap = _TWO.unpack(found[kinds.LINKS])
            if cached not in (None, (tree, heap)):
                raise DoubtError
            self.texts.messages[path] = attributes
            return LinkReader(self.data, self.pieces).links(tree, heap)
        if cached is not None:
            raise DoubtError
        self.datasets[path] = self._tensor(path, header, found, attributes)
        return None

    def _header(self, place: int) -> tuple[dict[int, bytes], Sequence[bytes]]:
        """The messages of an object by their kinds, and its attributes."""
        version, zero, count, links, size, padding = _PREFIX.unpack_from(self.data, place)
        if version != 1 or zero or links != 1 or padding:
            raise DoubtError
        self.pieces.claim(place, _PREFIX.size + size)
        found: dict[int, bytes] = {}
        attributes: list[bytes] = []
        pieces = [(place + _PREFIX.size, size)]
        for begin, size in pieces:
            piece = bytes(self.data[begin : begin + size])
            at = 0
            while at < size:
                kind, length, flags = _MESSAGE.unpack_from(piece, at)
                at += 8 + length
                count -= 1
                if flags > 1 or length & 7 or at > size or count < 0:
                    raise DoubtError
                if kind == kinds.NIL:
                    continue
                message = piece[at - length : at]
                if kind == kinds.ATTRIBUTE:
                    attributes.append(message)
                elif kind == kinds.CONTINUED:
                    more = _TWO.unpack(message)
                    self.pieces.claim(*more)
                    pieces.append(more)
                elif kind in found or kind not in _KNOWN:
                    raise DoubtError
                else:
                    found[kind] = message
        if count:
            raise DoubtError
        return found, attributes

    def _tensor(self, path: str, header: int, found: dict[int, bytes], attributes: Sequence[bytes]) -> Stored:
        modified = found.pop(kinds.MODIFIED, b"\1" + bytes(7))
        if found.keys() != _OF_TENSORS or found[kinds.FILL] not in _FILLS or modified[:4] != b"\1\0\0\0":
            raise DoubtError
        shape = _shape(found[kinds.SPACE])
        dtype = self._dtype(found[kinds.TYPE], attributes)
        version, way, place, size, *zeros = _LAYOUT.unpack(found[kinds.LAYOUT])
        stored = Stored(path, shape, dtype, self.start + place if size and self.mapped else None, header)
        if version != 3 or way != 1 or any(zeros) or len(modified) != 8 or size != stored.nbytes:
            raise DoubtError
        if size > self.limits.tensor_bytes:
            raise DoubtError
        if size:
            self.pieces.claim(place, size)
        elif place != kinds.NOWHERE or max(shape) > _LONGEST:
            raise DoubtError
        return stored

    def _dtype(self, message: bytes, attributes: Sequence[bytes]) -> Dtype:
        dtype = kinds.DTYPES.get(message)
        if dtype is None:
            return _short_text(message)
        if dtype.kind != "V":
            return dtype
        name = self.texts.among(attributes, "dtype", self.limits)
        if name is None and dtype.itemsize != BFLOAT16.itemsize:
            return dtype
        if name != "bfloat16" or dtype.itemsize != BFLOAT16.itemsize:
            raise DoubtError
        return BFLOAT16


def _shape(message: bytes) -> tuple[int, ...]:
    version, rank, bounded = message[:3]
    sides = _SPACES[rank]
    if version != 1 or bounded > 1 or any(message[3:8]) or len(message) != 8 + sides.size * (1 + bounded):
        raise DoubtError
    shape = sides.unpack_from(message, 8)
    if bounded and message[8 : 8 + sides.size] != message[8 + sides.size :]:
        raise DoubtError
    return shape


def _short_text(message: bytes) -> Dtype:
    form, how, zeros, size = _TEXT_TYPE.unpack(message)
    if form != kinds.FIXED_TEXT or how & 15 > 1 or how >> 4 > 1 or zeros or not 0 < size < 1 << 16:
        raise DoubtError
    return np.dtype(f"S{size}")
