"""YAML from a file that is not trusted, as Keras up to 2.4 wrote architectures; and plain values as YAML.

Only what its safe loader makes is taken, and tuples, which come as lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from keras_weld.errors import DamagedFileError, LimitError, UnsafeFileError
from keras_weld.io.json_text import parse_json
from keras_weld.io.limits import Limits

_TUPLE, _MERGE = "tag:yaml.org,2002:python/tuple", "tag:yaml.org,2002:merge"


def to_yaml(content: Any) -> str:
    """Plain JSON values as YAML text."""
    import yaml  # here alone, since few need it

    text: str = yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False, allow_unicode=True)
    return text.rstrip("\n")


def parse_yaml(data: bytes, limits: Limits, what: str) -> dict[str, Any] | list[Any]:
    """Parse a YAML text as if it were JSON, with the same limits.

    Args:
        data: the text, UTF-8.
        limits: `json_bytes`, `json_items` and `json_depth` apply, also to what aliases stand for.
        what: what the text is, for messages.

    Raises:
        LimitError: if it is larger or deeper than the limits allow.
        UnsafeFileError: if it asks for Python objects.
        DamagedFileError: if it is not YAML.
    """
    limits.check("json_bytes", len(data), f"The size of {what}")
    content = _load(data, what)
    for count, _ in enumerate(_values(content, limits.json_depth, what), 1):
        if count > limits.json_items:
            limits.check("json_items", count, f"The number of values in {what}")
    try:
        text = json.dumps(content)
    except (TypeError, ValueError) as error:
        raise DamagedFileError(f"{what} holds values that no architecture has.", found=str(error)) from error
    return parse_json(text.encode(), limits, what)


def _load(data: bytes, what: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """PyYAML's safe loader, and tuples; without merge keys, which could multiply."""

        def flatten_mapping(self, node: Any) -> None:
            if any(key.tag == _MERGE for key, _ in node.value):
                raise yaml.constructor.ConstructorError(None, None, "a merge key (<<)", node.start_mark)

    Loader.add_constructor(_TUPLE, yaml.SafeLoader.construct_yaml_seq)
    try:
        return yaml.load(data, Loader)
    except yaml.constructor.ConstructorError as error:
        raise UnsafeFileError(
            f"{what} asks for more than plain values.",
            found=" ".join(str(error).split())[:200],
            remedy="No architecture needs that: write it anew with model.to_json().",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DamagedFileError(
            f"{what} is not well-formed YAML.",
            found=" ".join(str(error).split())[:200],
            remedy="Write the architecture again.",
        ) from error


def _values(content: Any, depth: int, what: str) -> Iterator[Any]:
    """Every value; those behind an alias as often as it is used."""
    yield content
    if not isinstance(content, dict | list | tuple):
        return
    if not depth:
        raise LimitError(
            f"The nesting of {what} is above the limit `json_depth`.",
            remedy="No architecture that Keras saves is nested so deeply.",
        )
    for part in content.values() if isinstance(content, dict) else content:
        yield from _values(part, depth - 1, what)
