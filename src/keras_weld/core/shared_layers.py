"""Tells when two entries of a model's config are one layer in memory, which Keras stores only once."""

from __future__ import annotations

from typing import Any

_ID = "shared_object_id"


class SharedLayers:
    """Remembers the layers met so far.

    Keras marks both entries of a shared layer with one `shared_object_id`, but loses the mark of the first
    one when that lies in a model inside. So one mark is enough, if class, name and options agree.
    """

    def __init__(self) -> None:
        self._met: dict[tuple[str, str], list[tuple[int | None, Any]]] = {}

    def seen(self, class_name: str, name: str, config: dict[str, Any], shared_id: int | None) -> bool:
        """Whether this layer was met before; it is remembered now."""
        met = self._met.setdefault((class_name, name), [])
        for other_id, other in met:
            if shared_id is None and other_id is None:
                continue
            if shared_id is not None and other_id is not None:
                if shared_id == other_id:
                    return True
            elif _without_ids(config) == _without_ids(other):
                return True
        met.append((shared_id, config))
        return False


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_ids(item) for key, item in value.items() if key != _ID}
    if isinstance(value, list):
        return [_without_ids(item) for item in value]
    return value
