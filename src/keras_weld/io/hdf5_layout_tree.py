"""The tree of nodes through which HDF5 finds a group's links by their names."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import TypeVar

from keras_weld.io import hdf5_kinds as kinds

_Item = TypeVar("_Item")


def add_tree(head: bytearray, links: Sequence[bytes], offsets: Sequence[int]) -> int:
    """Leaves of a few links each, and levels of nodes above them until there is one.

    A node has a key before, between and after its children: the last name before, and in, each of them.

    Args:
        head: what it is appended to.
        links: the links, sorted by their names.
        offsets: where the names are kept: first the empty name, then that of each link.

    Returns:
        The place of the uppermost node.
    """
    places, keys = [], [0]
    for some in _portions(links, kinds.LEAF_LINKS):
        places.append(len(head))
        keys.append(offsets[min(len(places) * kinds.LEAF_LINKS, len(links))])
        leaf = struct.pack("<4sBxH", b"SNOD", 1, len(some)) + b"".join(some)
        head += leaf.ljust(kinds.LEAF_SIZE, b"\0")
    level = 0
    while True:
        places, keys = _add_level(head, level, places, keys)
        if len(places) == 1:
            return places[0]
        level += 1


def _add_level(
    head: bytearray, level: int, children: Sequence[int], keys: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Nodes with these children; gives their places and their keys."""
    portions = list(_portions(children, kinds.NODE_CHILDREN)) or [()]
    begin = len(head)
    places = [begin + number * kinds.NODE_SIZE for number in range(len(portions))]
    around = [kinds.NOWHERE, *places, kinds.NOWHERE]
    outer, at = [keys[0]], 0
    for number, some in enumerate(portions):
        entries = [keys[at]]
        for child in some:
            at += 1
            entries += [child, keys[at]]
        outer.append(keys[at])
        node = struct.pack("<4sBBHQQ", b"TREE", 0, level, len(some), around[number], around[number + 2])
        head += (node + struct.pack(f"<{len(entries)}Q", *entries)).ljust(kinds.NODE_SIZE, b"\0")
    return places, outer


def _portions(of: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    return (of[at : at + size] for at in range(0, len(of), size))
