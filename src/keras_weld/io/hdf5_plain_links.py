"""The links of a group in an HDF5 file, read from its bytes: a heap with the names, and a tree that sorts them.

HDF5 finds a name by what stands in the tree's nodes, so those are held against the names.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from keras_weld.io import hdf5_kinds as kinds
from keras_weld.io.hdf5_pieces import DoubtError, Pieces

_TWO = struct.Struct("<QQ")
_NODE = struct.Struct("<4sBBHQQ")
_NODE_ENTRIES = [struct.Struct(f"<{2 * used + 1}Q") for used in range(kinds.NODE_CHILDREN + 1)]
_LEAF = struct.Struct("<4sHH")
_LINK = struct.Struct("<QQIIQQ")
_HEAP = struct.Struct("<4sIQQQ")
_DEEPEST = 8  # of a tree of nodes

Links = list[tuple[str, int, tuple[int, int] | None]]
"""Names, headers, and where the link of a group tells it, too, the group's tree and heap."""


@dataclass(frozen=True, slots=True)
class LinkReader:
    """Reads groups.

    Attributes:
        data: all bytes of the HDF5 part.
        pieces: what is taken up of them.
    """

    data: memoryview | bytes
    pieces: Pieces

    def links(self, tree: int, heap: int) -> Links:
        """All links of a group, sorted by name.

        Raises:
            DoubtError: if something is not exactly as Keras writes it.
        """
        names = self._names(heap)

        def name_at(offset: int) -> bytes:
            return names[offset : names.index(0, offset)]

        links: Links = []
        keys, leaves = self._leaves(tree)
        last = name_at(keys[0])
        if last:
            raise DoubtError
        for number, leaf in enumerate(leaves):
            self.pieces.claim(leaf, kinds.LEAF_SIZE)
            magic, version, count = _LEAF.unpack_from(self.data, leaf)
            if magic != b"SNOD" or version != 1 or not 0 < count <= kinds.LEAF_LINKS:
                raise DoubtError
            last = max(last, name_at(keys[number]))
            begin = leaf + _LEAF.size
            for link in _LINK.iter_unpack(self.data[begin : begin + count * _LINK.size]):
                offset, header, cached, zero, first, second = link
                name = name_at(offset)
                if name <= last or cached > 1 or zero or b"/" in name or name.endswith(b"."):
                    raise DoubtError
                links.append((name.decode(), header, (first, second) if cached else None))
                last = name
            if last > name_at(keys[number + 1]):
                raise DoubtError
        return links

    def _names(self, heap: int) -> bytes:
        """The bytes in which the names of a group lie; the room that is left in them is in order."""
        self.pieces.claim(heap, kinds.HEAP_SIZE)
        magic, version, size, free, place = _HEAP.unpack_from(self.data, heap)
        if magic != b"HEAP" or version:
            raise DoubtError
        self.pieces.claim(place, size)
        names = bytes(self.data[place : place + size])
        left = size
        while free != kinds.NO_FREE_ROOM:
            following, room = _TWO.unpack_from(names, free)
            left -= room
            if room < _TWO.size or left < 0 or free + room > size:
                raise DoubtError
            free = following
        return names

    def _leaves(self, root: int) -> tuple[list[int], list[int]]:
        """The keys and children of a tree's lowest nodes, one key more than children."""
        level = self.data[root + 5]
        if level > _DEEPEST:
            raise DoubtError
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
            self.pieces.claim(place, kinds.NODE_SIZE)
            magic, kind, its_level, used, left, right = _NODE.unpack_from(self.data, place)
            if magic != b"TREE" or kind or its_level != level:
                raise DoubtError
            if (left, right) != (around[number], around[number + 2]) or (not used and above):
                raise DoubtError
            entries = _NODE_ENTRIES[used].unpack_from(self.data, place + _NODE.size)
            if above and (entries[0], entries[-1]) != (above[number], above[number + 1]):
                raise DoubtError
            keys[-1:] = entries[::2]
            children.extend(entries[1::2])
        if level and not children:
            raise DoubtError
        return keys, children
