"""The structure of an HDF5 file in Keras's layout, with room for every tensor: all bytes but the tensors' values.

It is what h5py writes by default, the oldest versions of the format, so that every HDF5 library reads it. Texts come
first, then the tensors' headers in the order in which they are given, then groups, each after what is in it; so all
that is pointed to has its place when it is needed. The values follow.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keras_weld.core.dtypes import BFLOAT16, Dtype
from keras_weld.errors import WriteError
from keras_weld.io import hdf5_kinds as kinds
from keras_weld.io.hdf5_layout_tree import add_tree
from keras_weld.io.hdf5_text_heaps import Descriptor, TextHeaps
from keras_weld.io.zip_writer import ALIGN

_START = 96  # bytes of what stands first of all
_SMALL = 4096  # tensors below this are not worth the padding
_MOST_SIDES = 32
_FILL = bytes.fromhex("02 02 02 01 00000000")  # as h5py says that there is no fill value
_OF_TYPES = {dtype: message for message, dtype in kinds.DTYPES.items()} | {BFLOAT16: kinds.TYPES["V2"]}
_LAYOUT = struct.Struct("<BBQQ6x")
_CONSTANT = 1  # the flag of a message that never changes


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor to be written.

    Attributes:
        path: its path in the file, `layers/dense/vars/0`.
        shape: its shape.
        dtype: its dtype.
        owner: name of the layer, kept with its group as Keras does; "" for none.
    """

    path: str
    shape: tuple[int, ...]
    dtype: Dtype
    owner: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies, from the beginning of the HDF5 part.

    Attributes:
        head: all bytes before the first tensor's values.
        places: where the values of each tensor go, by its path; tensors without values have none.
        size: bytes of the whole HDF5 part.
    """

    head: bytes
    places: Mapping[str, int]
    size: int


@dataclass(slots=True)
class _Group:
    children: dict[bytes, _Group | Slot] = field(default_factory=dict)
    texts: list[tuple[str, Descriptor]] = field(default_factory=list)


_Place = tuple[int, int, int]  # of a header, and for a group of its tree and its heap


def lay_out(slots: Sequence[Slot], attributes: Mapping[str, str]) -> Layout:
    """Give everything its place.

    Args:
        slots: the tensors.
        attributes: texts kept at the root.

    Raises:
        WriteError: if two tensors have one path, or one cannot be kept in HDF5.
    """
    root, groups = _grow(slots)
    texts = TextHeaps(_START)
    root.texts = [(name, texts.add(text, name)) for name, text in attributes.items()]
    for path, owner in {slot.path.rpartition("/")[0]: slot.owner for slot in slots if slot.owner}.items():
        groups[path].texts.append(("name", texts.add(owner, path)))
    flags = {slot.path: [("dtype", texts.add("bfloat16", slot.path))] for slot in slots if slot.dtype == BFLOAT16}
    head = bytearray(_START) + texts.closed()
    headers: dict[int, _Place] = {}
    fields = {}
    for slot in slots:
        headers[id(slot)] = (len(head), 0, 0)
        head += _tensor(slot, flags.get(slot.path, []))
        fields[slot.path] = len(head) - _LAYOUT.size + 2  # filled in when all has its place
    for group in reversed(groups.values()):
        headers[id(group)] = _add_group(head, group, headers)
    places, size = _places(slots, len(head))
    for path, place in places.items():
        struct.pack_into("<Q", head, fields[path], place)
    head[:_START] = _beginning(headers[id(root)], size)
    return Layout(bytes(head), places, size)


def _grow(slots: Sequence[Slot]) -> tuple[_Group, dict[str, _Group]]:
    """The root, and all groups by their paths, parents before children."""
    root = _Group()
    groups = {"": root}
    for slot in slots:
        *parents, name = slot.path.split("/")
        path, group = "", root
        for parent in parents:
            path = f"{path}/{parent}" if path else parent
            if path not in groups:
                groups[path] = _Group()
                _put(group, parent, groups[path], slot)
            group = groups[path]
        _put(group, name, slot, slot)
    return root, groups


def _put(group: _Group, name: str, child: _Group | Slot, slot: Slot) -> None:
    try:
        raw = name.encode()
    except UnicodeEncodeError as error:
        raise _unkept("The name of a tensor is not text.", slot, repr(slot.path)) from error
    if not raw or raw.endswith(b".") or b"\0" in raw:  # HDF5 does not find a name that ends in a dot
        raise _unkept("A tensor's path has a part that is no name.", slot, repr(slot.path))
    if raw in group.children:
        raise _unkept("Two tensors are to be kept in one place.", slot, slot.path)
    group.children[raw] = child


def _unkept(problem: str, slot: Slot, found: object) -> WriteError:
    return WriteError(
        problem,
        layer=slot.path,
        found=found,
        remedy="HDF5 cannot keep it so; save the model with another name, shape or dtype for it.",
    )


def _places(slots: Sequence[Slot], at: int) -> tuple[dict[str, int], int]:
    found = {}
    for slot in slots:
        if slot.nbytes:
            at += -at % (8 if slot.nbytes < _SMALL else ALIGN)
            found[slot.path] = at
            at += slot.nbytes
    return found, at


def _beginning(root: _Place, size: int) -> bytes:
    header, tree, heap = root
    ends = struct.pack("<4Q", 0, kinds.NOWHERE, size, kinds.NOWHERE)
    return kinds.BEGIN + ends + _link(0, (header, tree, heap))


def _link(name: int, place: _Place) -> bytes:
    header, tree, heap = place
    return struct.pack("<QQIIQQ", name, header, 1 if tree else 0, 0, tree, heap)


def _header(messages: Sequence[bytes]) -> bytes:
    body = b"".join(messages)
    return struct.pack("<BBHII4x", 1, 0, len(messages), 1, len(body)) + body


def _message(kind: int, body: bytes, flags: int = 0) -> bytes:
    body = _padded(body)
    return struct.pack("<HHB3x", kind, len(body), flags) + body


def _padded(body: bytes) -> bytes:
    return body + bytes(-len(body) % 8)


def _text(name: str, descriptor: Descriptor) -> bytes:
    raw, told = name.encode() + b"\0", len(kinds.UTF8) - 4  # four bytes fill it up
    body = struct.pack("<BBHHH", 1, 0, len(raw), told, len(kinds.SCALAR)) + _padded(raw) + kinds.UTF8 + kinds.SCALAR
    return _message(kinds.ATTRIBUTE, body + descriptor.packed())


def _tensor(slot: Slot, texts: Sequence[tuple[str, Descriptor]]) -> bytes:
    rank = len(slot.shape)
    if rank > _MOST_SIDES:
        raise _unkept("A tensor has too many sides.", slot, f"{rank} sides")
    sides = struct.pack(f"<{rank}Q", *slot.shape)
    return _header(
        [
            _message(kinds.SPACE, struct.pack("<BBB5x", 1, rank, 1 if rank else 0) + sides + sides),
            _message(kinds.TYPE, _type(slot), _CONSTANT),
            _message(kinds.FILL, _FILL, _CONSTANT),
            *(_text(name, descriptor) for name, descriptor in texts),
            _message(kinds.LAYOUT, _LAYOUT.pack(3, 1, kinds.NOWHERE, slot.nbytes)),  # last, so that it is found again
        ]
    )


def _type(slot: Slot) -> bytes:
    if slot.dtype.kind == "S" and slot.dtype.itemsize:
        return struct.pack("<BBHI", kinds.FIXED_TEXT, 1, 0, slot.dtype.itemsize)
    if slot.dtype not in _OF_TYPES:
        raise _unkept("A tensor has a dtype that is not written.", slot, slot.dtype.name)
    return _OF_TYPES[slot.dtype]


def _add_group(head: bytearray, group: _Group, headers: Mapping[int, _Place]) -> _Place:
    children = sorted(group.children.items())
    names = bytearray(8)
    links, offsets = [], [0]
    for raw, child in children:
        links.append(_link(len(names), headers[id(child)]))
        offsets.append(len(names))
        names += _padded(raw + b"\0")
    heap = len(head)
    head += struct.pack("<4s4xQQQ", b"HEAP", len(names), kinds.NO_FREE_ROOM, heap + kinds.HEAP_SIZE) + names
    tree = add_tree(head, links, offsets)
    header = len(head)
    messages = [_message(kinds.LINKS, struct.pack("<QQ", tree, heap))]
    head += _header(messages + [_text(name, descriptor) for name, descriptor in group.texts])
    return header, tree, heap
