"""How much a file may ask for before it is refused; each limit can be raised by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from keras_weld.errors import LimitError, UsageError

KB, MB, GB = 1 << 10, 1 << 20, 1 << 30
_UNITS = {"": 1, "k": KB, "kb": KB, "m": MB, "mb": MB, "g": GB, "gb": GB, "t": 1 << 40, "tb": 1 << 40}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model file may contain.

    Attributes:
        members: files inside a `.keras` archive.
        assets_bytes: bytes of all assets (vocabularies) together.
        json_bytes: bytes of one JSON text.
        json_depth: nesting of a JSON text.
        json_items: values in a JSON text.
        inflated_bytes: bytes that one deflated member or compressed dataset may unpack to.
        ratio: how many times its stored size a deflated member or compressed dataset may unpack to, once it
            is larger than a megabyte.
        objects: groups and datasets in one HDF5 file.
        depth: nesting of groups in an HDF5 file.
        attribute_bytes: bytes of one HDF5 attribute.
        tensor_bytes: bytes of one tensor.
        dimension: the largest size that a layer's config may ask for (units, filters, vocabulary).
    """

    members: int = 4096
    assets_bytes: int = 1 * GB
    json_bytes: int = 16 * MB
    json_depth: int = 200
    json_items: int = 1_000_000
    inflated_bytes: int = 1 * GB
    ratio: int = 200
    objects: int = 30_000
    depth: int = 64
    attribute_bytes: int = 16 * MB
    tensor_bytes: int = 16 * GB
    dimension: int = 16_777_216

    def check(self, name: str, value: int, what: str) -> None:
        """Refuse `value` if it is above the limit called `name`.

        Raises:
            LimitError: naming the limit and how to raise it.
        """
        limit = getattr(self, name)
        if value > limit:
            raise LimitError(
                f"{what} is above the limit `{name}`.",
                expected=f"at most {limit:,}",
                found=f"{value:,}",
                remedy=f"If you trust the file, raise it: --limit {name}={value} "
                f"(in Python: limits=weld.Limits({name}={value})).",
            )

    @classmethod
    def parse(cls, settings: Iterable[str]) -> Limits:
        """Limits from texts such as `json_bytes=300MB`.

        Raises:
            UsageError: for a name that is not a limit or a value that is not a size.
        """
        values: dict[str, int] = {}
        names = [field.name for field in fields(cls)]
        for setting in settings:
            name, _, text = setting.partition("=")
            match = re.fullmatch(r"([0-9_]+)\s*([a-z]*)", text.strip().lower())
            if name not in names or match is None or match[2] not in _UNITS:
                raise UsageError(
                    "A limit is given as NAME=SIZE.",
                    expected="NAME one of " + ", ".join(names) + "; SIZE such as 5000, 300MB, 2GB",
                    found=setting,
                    remedy="For example: --limit json_bytes=300MB",
                )
            values[name] = int(match[1]) * _UNITS[match[2]]
        return replace(cls(), **values)


UNLIMITED = Limits(**dict.fromkeys(Limits.__slots__, 1 << 62))
"""Limits for a file that this process has just written."""
