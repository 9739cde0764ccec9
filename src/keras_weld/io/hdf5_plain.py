"""The structure of an HDF5 file as Keras writes it, read from its bytes without the HDF5 library.

h5py writes in the oldest versions of the format unless it is told otherwise: a group is a tree of nodes, whose
leaves hold links sorted by name, and a heap with the names; a tensor is a header and its values in one piece. That
much is read here, and no more. Whatever is not exactly so, down to bytes that nobody reads, ends the attempt, and
the file is walked with the HDF5 library, which judges it. So nothing is accepted here that would be refused there.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from keras_weld.core.dtypes import BFLOAT16, Dtype
from keras_weld.io import hdf5_kinds as kinds
from keras_weld.io.hdf5_file import Hdf5, Stored, natural
from keras_weld.io.hdf5_plain_texts import PlainTexts
from keras_weld.io.limits import Limits

_START = struct.Struct(f"<{len(kinds.BEGIN)}s4Q QQIIQQ")
_PREFIX = struct.Struct("<BBHIII")
_MESSAGE = struct.Struct("<HHI")
_TWO = struct.Struct("<QQ")
_NODE = struct.Struct("<4sBBHQQ")
_NODE_ENTRIES = [struct.Struct(f"<{2 * used + 1}Q") for used in range(kinds.NODE_CHILDREN + 1)]
_LEAF = struct.Struct("<4sHH")
_LINK = struct.Struct("<QQIIQQ")
_HEAP = struct.Struct("<4sIQQQ")
_LAYOUT = struct.Struct("<BBQQIH")
_TEXT_TYPE = struct.Struct("<BBHI")
_SPACES = [struct.Struct(f"<{rank}Q") for rank in range(33)]
_FILLS = {bytes([2, when, how, 1, 0, 0, 0, 0]) for when in (1, 2, 3) for how in (0, 1, 2)}
_OF_TENSORS = {kinds.SPACE, kinds.TYPE, kinds.FILL, kinds.LAYOUT}
_KNOWN = {*_OF_TENSORS, kinds.LINKS, kinds.MODIFIED}
_DEEPEST, _LONGEST = 8, 1 << 40  # of a tree of nodes; of a side of a tensor that has no values

Links = list[tuple[str, int, tuple[int, int] | None]]  # name, header, the group's tree and heap where told twice


class _DoubtError(Exception):
    """Something is not exactly as Keras writes it."""


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
    except (_DoubtError, struct.error, IndexError, ValueError):
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
        self.end = len(data)
        self.taken = 0
        self.pieces: list[tuple[int, int]] = []

    def run(self) -> None:
        begin, base, free, self.end, driver, name, root, cached, zero, *at = _START.unpack_from(self.data)
        if (begin, base, free, driver) != (kinds.BEGIN, 0, kinds.NOWHERE, kinds.NOWHERE):
            raise _DoubtError
        if (name, cached, zero) != (0, 1, 0) or self.end > len(self.data):
            raise _DoubtError
        self._claim(0, _START.size)
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
                raise _DoubtError
            if len(links) > 1:
                links.sort(key=lambda link: natural(link[0]), reverse=True)  # the last is taken up first
            before = f"{path}/" if path else ""
            waiting.extend((before + name, place, again) for name, place, again in links)
            depths.extend([depth + 1] * len(links))
        self._require_apart()

    def _claim(self, place: int, size: int) -> None:
        """Note that a part of the file is taken up; parts never overlap, so they are no larger than the file."""
        self.taken += size
        if place + size > self.end or self.taken > self.end:
            raise _DoubtError
        self.pieces.append((place, place + size))

    def _require_apart(self) -> None:
        self.pieces.sort()
        if any(end > begin for (_, end), (begin, _) in pairwise(self.pieces)):
            raise _DoubtError

    def _object(self, path: str, header: int, cached: tuple[int, int] | None) -> Links | None:
        """The links of a group, None for a tensor."""
        found, attributes = self._header(header)
        if kinds.LINKS in found:
            if len(found) > 1:
                raise _DoubtError
            tree, heap = _TWO.unpack(found[kinds.LINKS])
            if cached not in (None, (tree, heap)):
                raise _DoubtError
            self.texts.messages[path] = attributes
            return self._links(tree, heap)
        if cached is not None:
            raise _DoubtError
        self.datasets[path] = self._tensor(path, header, found, attributes)
        return None

    def _header(self, place: int) -> tuple[dict[int, bytes], Sequence[bytes]]:
        """The messages of an object by their kinds, and its attributes."""
        version, zero, count, links, size, padding = _PREFIX.unpack_from(self.data, place)
        if version != 1 or zero or links != 1 or padding:
            raise _DoubtError
        self._claim(place, _PREFIX.size + size)
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
                    raise _DoubtError
                if kind == kinds.NIL:
                    continue
                message = piece[at - length : at]
                if kind == kinds.ATTRIBUTE:
                    attributes.append(message)
                elif kind == kinds.CONTINUED:
                    more = _TWO.unpack(message)
                    self._claim(*more)
                    pieces.append(more)
                elif kind in found or kind not in _KNOWN:
                    raise _DoubtError
                else:
                    found[kind] = message
        if count:
            raise _DoubtError
        return found, attributes

    def _links(self, tree: int, heap: int) -> Links:
        names = self._names(heap)

        def name_at(offset: int) -> bytes:
            return names[offset : names.index(0, offset)]

        links: Links = []
        keys, leaves = self._leaves(tree)
        last = name_at(keys[0])
        if last:
            raise _DoubtError
        for number, leaf in enumerate(leaves):
            self._claim(leaf, kinds.LEAF_SIZE)
            magic, version, count = _LEAF.unpack_from(self.data, leaf)
            if magic != b"SNOD" or version != 1 or not 0 < count <= kinds.LEAF_LINKS:
                raise _DoubtError
            last = max(last, name_at(keys[number]))
            begin = leaf + _LEAF.size
            for link in _LINK.iter_unpack(self.data[begin : begin + count * _LINK.size]):
                offset, header, cached, zero, first, second = link
                name = name_at(offset)
                if name <= last or cached > 1 or zero or name in (b".", b"..") or b"/" in name:
                    raise _DoubtError
                links.append((name.decode(), header, (first, second) if cached else None))
                last = name
            if last > name_at(keys[number + 1]):
                raise _DoubtError
        return links

    def _names(self, heap: int) -> bytes:
        """The bytes in which the names of a group lie; the room that is left in them is in order."""
        self._claim(heap, kinds.HEAP_SIZE)
        magic, version, size, free, place = _HEAP.unpack_from(self.data, heap)
        if magic != b"HEAP" or version:
            raise _DoubtError
        self._claim(place, size)
        names = bytes(self.data[place : place + size])
        reached = 0
        while free != kinds.NO_FREE_ROOM:
            if free < reached:
                raise _DoubtError
            following, room = _TWO.unpack_from(names, free)
            reached = free + room
            if room < _TWO.size or reached > size:
                raise _DoubtError
            free = following
        return names

    def _leaves(self, root: int) -> tuple[list[int], list[int]]:
        """The keys and children of a tree's lowest nodes, one key more than children."""
        level = self.data[root + 5]
        if level > _DEEPEST:
            raise _DoubtError
        keys, nodes = self._nodes([root], level, None)
        while level:
            level -= 1
            keys, nodes = self._nodes(nodes, level, keys)
        return keys, nodes

    def _nodes(self, places: list[int], level: int, above: list[int] | None) -> tuple[list[int], list[int]]:
        """The keys and children of all nodes of one level, which are linked from left to right.

        Args:
            places: where they are.
            level: theirs; the lowest is 0.
            above: their keys as the nodes above tell them.
        """
        keys: list[int] = []
        children: list[int] = []
        around = [kinds.NOWHERE, *places, kinds.NOWHERE]
        for number, place in enumerate(places):
            self._claim(place, kinds.NODE_SIZE)
            magic, kind, its_level, used, left, right = _NODE.unpack_from(self.data, place)
            if magic != b"TREE" or kind or its_level != level:
                raise _DoubtError
            if (left, right) != (around[number], around[number + 2]) or (not used and above):
                raise _DoubtError
            entries = _NODE_ENTRIES[used].unpack_from(self.data, place + _NODE.size)
            if above and (entries[0], entries[-1]) != (above[number], above[number + 1]):
                raise _DoubtError
            keys[-1:] = entries[::2]
            children.extend(entries[1::2])
        if level and not children:
            raise _DoubtError
        return keys, children

    def _tensor(self, path: str, header: int, found: dict[int, bytes], attributes: Sequence[bytes]) -> Stored:
        modified = found.pop(kinds.MODIFIED, b"\1" + bytes(7))
        if found.keys() != _OF_TENSORS or found[kinds.FILL] not in _FILLS or modified[:4] != b"\1\0\0\0":
            raise _DoubtError
        shape = _shape(found[kinds.SPACE])
        dtype = self._dtype(found[kinds.TYPE], attributes)
        version, way, place, size, *zeros = _LAYOUT.unpack(found[kinds.LAYOUT])
        stored = Stored(path, shape, dtype, self.start + place if size and self.mapped else None, header)
        if version != 3 or way != 1 or any(zeros) or len(modified) != 8 or size != stored.nbytes:
            raise _DoubtError
        if size > self.limits.tensor_bytes:
            raise _DoubtError
        if size:
            self._claim(place, size)
        elif place != kinds.NOWHERE or max(shape) > _LONGEST:
            raise _DoubtError
        return stored

    def _dtype(self, message: bytes, attributes: Sequence[bytes]) -> Dtype:
        dtype = kinds.DTYPES.get(message)
        if dtype is None:
            return _short_text(message)
        if dtype.kind != "V":
            return dtype
        name = self.texts.among(attributes, "dtype", self.limits)
        if name is None:
            return dtype
        if name != "bfloat16" or dtype.itemsize != BFLOAT16.itemsize:
            raise _DoubtError
        return BFLOAT16


def _shape(message: bytes) -> tuple[int, ...]:
    version, rank, bounded = message[:3]
    sides = _SPACES[rank]
    if version != 1 or bounded > 1 or any(message[3:8]) or len(message) != 8 + sides.size * (1 + bounded):
        raise _DoubtError
    shape = sides.unpack_from(message, 8)
    if bounded and message[8 : 8 + sides.size] != message[8 + sides.size :]:
        raise _DoubtError
    return shape


def _short_text(message: bytes) -> Dtype:
    form, how, zeros, size = _TEXT_TYPE.unpack(message)
    if form != kinds.FIXED_TEXT or how & 15 > 1 or how >> 4 > 1 or zeros or not 0 < size < 1 << 16:
        raise _DoubtError
    return np.dtype(f"S{size}")
