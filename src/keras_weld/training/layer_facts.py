"""The layers of a model with their settings, as plain JSON; and which of them another model has otherwise, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import keras

_SHOWN = 4  # layers that are named on either side
_NOT_SETTINGS = ("name", "layers", "input_layers", "output_layers")


def layers_of(model: keras.Model) -> list[dict[str, Any]]:
    """Name, class and settings of each layer, in their order; of a model that cannot tell them, its variables."""
    try:
        told = json.loads(model.to_json())
    except Exception:  # whatever get_config of a class of the user's own raises
        return [
            {"name": one.path, "class": "variable", "settings": {"shape": _text(list(one.shape))}}
            for one in model.variables
        ]
    return list(_layers(told["config"], ""))


def words_of_layers(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """What one model has otherwise than another, for either side: settings that differ, layers that the other lacks."""
    texts: tuple[list[str], list[str]] = ([], [])
    before, after = ([json.dumps([one["class"], one["settings"]]) for one in side] for side in (old, new))
    for change, first, last, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if change == "equal":
            continue
        pairs = min(last - first, end - start)
        for one, other in zip(old[first : first + pairs], new[start : start + pairs], strict=True):
            for side, text in zip(texts, _pair(one, other), strict=True):
                side.append(text)
        texts[0].extend(_layer(one, None) for one in old[first + pairs : last])
        texts[1].extend(_layer(one, None) for one in new[start + pairs : end])
    if not any(texts):
        return "its layers as they were connected", "the same layers, connected otherwise"
    return _joined(texts[0]), _joined(texts[1])


def _layers(config: Mapping[str, Any], path: str) -> Iterator[dict[str, Any]]:
    for layer in config.get("layers", ()):
        inner = layer.get("config", {})
        name = path + str(inner.get("name", layer.get("name", "")))
        settings = {key: _text(value) for key, value in inner.items() if key not in _NOT_SETTINGS and value is not None}
        yield {"name": name, "class": layer.get("class_name", ""), "settings": settings}
        if isinstance(inner.get("layers"), list):
            yield from _layers(inner, f"{name}/")


def _text(value: Any) -> str:
    """A setting as text; an object as its class, with its own settings."""
    if isinstance(value, Mapping) and "class_name" in value:
        config = value.get("config")
        inner = config if isinstance(config, Mapping) else {} if config is None else {"name": config}
        given = ", ".join(f"{key}={_text(one)}" for key, one in inner.items() if one is not None)
        return f"{value['class_name']}({given})" if given else str(value["class_name"])
    return value if isinstance(value, str) else json.dumps(value)


def _pair(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, str]:
    if one["class"] != other["class"]:
        return _layer(one, None), _layer(other, None)
    before, after = one["settings"], other["settings"]
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return _layer(one, names), _layer(other, names)


def _layer(layer: Mapping[str, Any], names: Sequence[str] | None) -> str:
    text = f"{layer['name']} ({layer['class']})"
    settings = ", ".join(f"{name} {layer['settings'].get(name)}" for name in names or ())
    return f"{text}: {settings}" if settings else text


def _joined(texts: Sequence[str]) -> str:
    rest = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + rest if texts else "no such layer"
