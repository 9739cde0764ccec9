"""Walk a model's configuration and find every object and function that Keras would make from it.

Nothing is imported or built. The walk does not recurse, so that a deep configuration costs no more than a
wide one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Where Keras takes a plain text as the name of something: by key, the kind that it looks among.
_TEXT_KINDS = {
    "activation": "activations",
    "recurrent_activation": "activations",
    "inner_activation": "activations",
    "fn": "losses",
    "init": "initializers",
    "inner_init": "initializers",
    "forget_bias_init": "initializers",
    "depthwise_init": "initializers",
    "pointwise_init": "initializers",
}
_COMPILE_KINDS = {
    "loss": "losses",
    "metrics": "metrics",
    "weighted_metrics": "metrics",
    "optimizer": "optimizers",
}
_ENDINGS = {
    "_initializer": "initializers",
    "_regularizer": "regularizers",
    "_constraint": "constraints",
}
_COMPILE = "compile_config"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a model something is.

    Attributes:
        layer: the layer's name, or "" outside of layers.
        number: which of its model's layers it is, from 1.
        model: the model that the layer belongs to, outer models first (`outer/backbone`).
        trail: the keys that lead from the layer to the thing, outermost first.
    """

    layer: str = ""
    number: int = 0
    model: str = ""
    trail: tuple[str, ...] = ()

    def __str__(self) -> str:
        inside = self.model or "the model"
        if self.layer:
            inside = f'layer "{self.layer}" (number {self.number} of "{self.model or "the model"}")'
        elif self.model:
            inside = f'"{self.model}"'
        if _COMPILE in self.trail:
            inside = "the compile settings"
        last = next((key for key in reversed(self.trail) if key != _COMPILE), None)
        return f"{last} of {inside}" if last else inside


@dataclass(frozen=True, slots=True)
class Object:
    """A dictionary that Keras would turn into an object: it has `class_name` and `config`."""

    raw: dict[str, Any]
    place: Place

    @property
    def is_layer(self) -> bool:
        """Whether it stands where a model lists its layers."""
        return bool(self.place.layer) and not self.place.trail


@dataclass(frozen=True, slots=True)
class Text:
    """A text where Keras would look up a function or class of `kind` by it."""

    text: str
    kind: str
    place: Place
    owner: Object | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of an object's configuration with its value, a number or text."""

    key: str
    value: int | str
    owner: Object


@dataclass(frozen=True, slots=True)
class _Step:
    value: Any
    place: Place
    owner: Object | None
    key: str
    kind: str | None
    depth: int


class TooDeepError(Exception):
    """A configuration is nested deeper than allowed."""


def walk(config: Any, *, depth: int, size: int = 0, compiled: bool = False) -> Iterator[Object | Text | Entry]:
    """Everything in a configuration that Keras would act upon, outer before inner.

    Args:
        config: the model's configuration, or how it was compiled.
        depth: how deep it may be nested.
        size: numbers up to this are not given.
        compiled: whether it is how the model was compiled.

    Raises:
        TooDeepError: if it is nested deeper than `depth`.
    """
    start = Place(trail=(_COMPILE,)) if compiled else Place()
    steps = [_Step(config, start, None, "", None, 0)]
    while steps:
        step = steps.pop()
        if step.depth > depth:
            raise TooDeepError
        inner, found = (_open_dict if isinstance(step.value, dict) else _open_list)(step, size)
        yield from found
        steps.extend(reversed(inner))


def _open_dict(step: _Step, size: int) -> tuple[list[_Step], list[Object | Text | Entry]]:
    value: dict[str, Any] = step.value
    if "class_name" in value and "config" in value:
        return _open_object(step, value)
    inner: list[_Step] = []
    found: list[Object | Text | Entry] = []
    for key, item in value.items():
        if item.__class__ is int and item <= size:
            continue
        _sort_out(step, key, item, _kind_of(key, step), inner, found)
    return inner, found


def _open_object(step: _Step, value: dict[str, Any]) -> tuple[list[_Step], list[Object | Text | Entry]]:
    config = value["config"]
    found = Object(value, step.place)
    holds_layers = isinstance(config, list) or (isinstance(config, dict) and isinstance(config.get("layers"), list))
    place = step.place
    if holds_layers:
        name = name_of(value)
        outer = f"{place.model}/{name}" if place.model and place.layer else name
        place = Place(model=outer, trail=place.trail[:1] if _COMPILE in place.trail else ())
    inner: list[_Step] = []
    entries: list[Object | Text | Entry] = [found]
    for key, item in value.items():
        at = place if key == "config" else step.place
        if key == "config" and isinstance(config, dict | list):
            inner.append(_Step(config, at, found, "layers" if isinstance(config, list) else "", None, step.depth + 1))
        elif key == _COMPILE and isinstance(item, dict):
            trail = Place(model=place.model, trail=(_COMPILE,))
            inner.append(_Step(item, trail, None, "", None, step.depth + 1))
        elif isinstance(item, dict | list):
            # What a layer is called with are values, not sizes.
            owner = None if key == "inbound_nodes" else found
            inner.append(_Step(item, at, owner, key, None, step.depth + 1))
    return inner, entries


def _open_list(step: _Step, size: int) -> tuple[list[_Step], list[Object | Text | Entry]]:
    inner: list[_Step] = []
    found: list[Object | Text | Entry] = []
    listing = step.key == "layers" and not step.place.layer
    for number, item in enumerate(step.value, 1):
        if isinstance(item, dict | list):
            place = step.place
            if listing and isinstance(item, dict):
                place = Place(name_of(item), number, step.place.model)
            inner.append(_Step(item, place, step.owner, step.key, step.kind, step.depth + 1))
        elif isinstance(item, str) and step.kind:
            found.append(Text(item, step.kind, step.place, step.owner))
        elif item.__class__ is int and item > size and step.owner is not None:
            found.append(Entry(step.key, item, step.owner))
    return inner, found


def _sort_out(
    step: _Step,
    key: str,
    item: Any,
    kind: str | None,
    inner: list[_Step],
    found: list[Object | Text | Entry],
) -> None:
    if isinstance(item, dict | list):
        layers = key == "layers" and isinstance(item, list)
        trail = step.place.trail if layers or key == "config" else (*step.place.trail, key)
        place = Place(step.place.layer, step.place.number, step.place.model, trail)
        inner.append(_Step(item, place, step.owner, key, kind, step.depth + 1))
        return
    if isinstance(item, str) and kind:
        place = Place(step.place.layer, step.place.number, step.place.model, (*step.place.trail, key))
        found.append(Text(item, kind, place, step.owner))
    elif step.owner is not None and (type(item) is int or isinstance(item, str)):
        found.append(Entry(key, item, step.owner))


def _kind_of(key: str, step: _Step) -> str | None:
    if _COMPILE in step.place.trail and step.owner is None:
        # {"loss": {"output": "mse"}}: names of outputs may be anything, so the kind comes from above.
        return step.kind or _COMPILE_KINDS.get(key)
    ending = next((kind for ending, kind in _ENDINGS.items() if key.endswith(ending)), None)
    return ending or _TEXT_KINDS.get(key)


def name_of(layer: dict[str, Any]) -> str:
    """The name of a layer or model from its entry in a configuration."""
    config = layer.get("config")
    names = (
        layer.get("name"),
        config.get("name") if isinstance(config, dict) else None,
        layer.get("class_name"),
    )
    return next((name for name in names if isinstance(name, str)), "?")
