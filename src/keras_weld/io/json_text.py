"""JSON from a file that is not trusted: small, shallow and well formed, or refused before it costs much."""

from __future__ import annotations

import json
import re
from typing import Any

from keras_weld.errors import DamagedFileError, LimitError
from keras_weld.io.limits import Limits

_BYTES_AN_ITEM = 32  # what text outside ASCII is charged, since Python then needs up to 4 bytes a character
_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)
_ESCAPE = re.compile(r"\\(?:ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|ud[89a-f][0-9a-f]{2}|.)")  # as Python writes them
_HALF = re.compile(r"\\ud[89a-f][0-9a-f]{2}")
_UNTOLD = r"\ufffd"
_AGAIN = "The file is damaged or was not written by Keras: save the model again."


def parse_json(data: bytes, limits: Limits, what: str) -> dict[str, Any] | list[Any]:
    """Parse a JSON text after checking what it would cost.

    Size and number of values are checked on the bytes, before anything is built from them.

    Args:
        data: the text, UTF-8.
        limits: `json_bytes`, `json_items` and `json_depth` apply. A key counts as a value.
        what: what the text is, for messages (`config.json`).

    Returns:
        The outermost object or array, as plain Python values.

    Raises:
        LimitError: if the text is longer, has more values or is deeper than the limits allow.
        DamagedFileError: if it is not JSON, not UTF-8, or neither an object nor an array.
    """
    limits.check("json_bytes", len(data), f"The size of {what}")
    limits.check("json_items", _count_items(data), f"The number of values in {what}")
    value = _loads(data, limits, what)
    if not isinstance(value, dict | list):
        raise DamagedFileError(
            f"{what} holds a single value.",
            expected="a JSON object or array",
            found=type(value).__name__,
            remedy=_AGAIN,
        )
    _check_depth(value, limits, what)
    return value


def to_json(value: Any, **how: Any) -> str:
    r"""Plain values as JSON that `parse_json` reads.

    A name on disk may have bytes that are no text, of which Python makes half characters; a JSON text in a file may
    have none. Each becomes the character that stands for what cannot be told.

    Args:
        value: plain JSON values.
        how: goes to `json.dumps`.

    Example:
        >>> print(to_json(["a\udcff.keras"]))
        ["a\ufffd.keras"]
    """
    return _ESCAPE.sub(lambda found: _UNTOLD if _HALF.fullmatch(found[0]) else found[0], json.dumps(value, **how))


def checked_compile_config(value: Any) -> dict[str, Any] | None:
    """How a model was compiled, as its file has it; None if it was not.

    Raises:
        DamagedFileError: if it is anything but an object.
    """
    if value is None or isinstance(value, dict):
        return value
    raise DamagedFileError(
        "How the model was compiled is not told as Keras does.",
        expected="an object, or nothing",
        found=f"{type(value).__name__}: {value!r:.60}",
        remedy="Save the model again with model.save().",
    )


def _count_items(data: bytes) -> int:
    """At least the number of values and keys; text outside ASCII and commas inside texts count as well."""
    count = data.count(b",") + data.count(b":") + data.count(b"[") + data.count(b"{")
    return count if data.isascii() else count + len(data) // _BYTES_AN_ITEM


def _loads(data: bytes, limits: Limits, what: str) -> Any:
    if not data.strip():
        raise DamagedFileError(f"{what} is empty.", expected="JSON", found="no text", remedy=_AGAIN)
    if _LONE_SURROGATE.search(data):
        raise DamagedFileError(f"{what} holds half a character.", found="a lone surrogate", remedy=_AGAIN)
    try:
        return json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DamagedFileError(
            f"{what} is not UTF-8 text.", expected="JSON in UTF-8", found=str(error), remedy=_AGAIN
        ) from error
    except RecursionError as error:
        raise _too_deep(limits, what, "so many that reading it was given up") from error
    except ValueError as error:  # malformed, or a number of more digits than Python converts
        raise DamagedFileError(
            f"{what} is not well-formed JSON.", expected="JSON", found=str(error), remedy=_AGAIN
        ) from error


def _check_depth(value: dict[str, Any] | list[Any], limits: Limits, what: str) -> None:
    level: list[Any] = [value]
    for _ in range(limits.json_depth):
        level = [
            item
            for parent in level
            for item in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise _too_deep(limits, what, f"more than {limits.json_depth}")


def _too_deep(limits: Limits, what: str, found: str) -> LimitError:
    return LimitError(
        f"The nesting of {what} is above the limit `json_depth`.",
        expected=f"at most {limits.json_depth} levels",
        found=found,
        remedy="No model that Keras saves is nested so deeply. If you trust the file, raise it: "
        f"--limit json_depth={2 * limits.json_depth}.",
    )
