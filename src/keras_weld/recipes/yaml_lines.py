"""YAML as plain values, with the line of each: JSON is YAML too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from keras_weld.errors import UsageError

Place = tuple[str | int, ...]
"""Keys and numbers from the outside in: `("callbacks", 0, "patience")`."""

_EXPONENT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML's safe loader, for which `1e-3` is a number, as it is everywhere but in YAML 1.1."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))


def read_yaml(text: str, file: str) -> tuple[Any, dict[Place, int]]:
    """The values of a text, and the line of each from 1.

    Args:
        text: YAML or JSON.
        file: what it is called, for messages.

    Raises:
        UsageError: if it cannot be read, or has a key twice.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        if node is None:
            return None, lines
        _enter(node, (), lines, file, set())
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UsageError(
            "The recipe is not YAML.",
            file=file if mark is None else f"{file}, line {mark.line + 1}",
            expected="one field a line, such as `epochs: 10`, with the same indent for what belongs together",
            found=error.problem or str(error),
            remedy="Correct the line, or the one above it.",
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError("The recipe is not YAML.", file=file, found=str(error)) from error
    finally:
        loader.dispose()


def _enter(node: yaml.Node, place: Place, lines: dict[Place, int], file: str, seen: set[int]) -> None:
    """Enter the lines of a node and of what is in it; one that is named again by an alias is entered once."""
    lines.setdefault(place, node.start_mark.line + 1)
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, one in enumerate(node.value):
            _enter(one, (*place, number), lines, file, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            line = key.start_mark.line + 1
            if inner in lines:
                raise UsageError(
                    "A field is given twice.",
                    file=where(file, lines, inner),
                    expected="each field once",
                    found=f"lines {lines[inner]} and {line}",
                    remedy="Take one of them out.",
                )
            lines[inner] = line
            _enter(value, inner, lines, file, seen)


def where(file: str, lines: Mapping[Place, int], place: Place) -> str:
    """A place in a file as people write it: `recipe.yaml, line 7, field callbacks[0].patience`.

    Example:
        >>> where("recipe.yaml", {("callbacks",): 7}, ("callbacks", 0, "patience"))
        'recipe.yaml, line 7, field callbacks[0].patience'
    """
    known = next((lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in lines), None)
    line = "" if known is None else f", line {known}"
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
    return f"{file}{line}" + (f", field {field}" if field else "")
