"""A dataclass out of the plain values that `dataclasses.asdict` and JSON made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")


def made_of(kind: type[Kind], told: Any) -> Kind:
    """The value that was told.

    Args:
        kind: a dataclass, whose fields are plain values, further dataclasses, tuples of one kind, mappings from texts,
            and any of these or None.
        told: a mapping by the names of its fields.

    Raises:
        TypeError: if a field is missing, or there is one too many.
        AttributeError: if it is no mapping.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Place:
        ...     at: tuple[int, ...]
        >>> made_of(Place, {"at": [1, 2]})
        Place(at=(1, 2))
    """
    kinds = get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _made(kinds[name], one) if name in known else one for name, one in told.items()})


def _made(kind: Any, told: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (only,) = [one for one in inner if one is not NoneType]
        return None if told is None else _made(only, told)
    if origin is tuple:
        kinds = [inner[0]] * len(told) if inner[-1] is Ellipsis else inner
        return tuple(_made(one, value) for one, value in zip(kinds, told, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _made(inner[1], value) for name, value in told.items()}
    return made_of(kind, told) if isinstance(kind, type) and is_dataclass(kind) else told
