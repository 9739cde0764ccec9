"""Hold the sizes that a model's configuration asks for against what the file has stored, before building."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from keras_weld.core.dtype_policy import quantization_mode
from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.shared_layers import SharedLayers
from keras_weld.core.tensor import Role, TensorSpec
from keras_weld.errors import ShapeMismatchError
from keras_weld.io.expected_shapes import expected_shapes
from keras_weld.io.limits import Limits
from keras_weld.io.shape_rules import Shape

_PACKED = 4  # quantised values lie up to so many in one stored value
_RANK = 64  # what Keras may use for LoRA in a layer smaller than that
_TOLERANCE = 1.25
_SHARED = 8  # a layer that several models share stands in the configuration of each
_SLACK = 1 << 20  # values; small models are not worth a refusal
_REMEDY = (
    "The weights do not belong to this configuration: save the model again, or use the weights that were saved with it."
)


@dataclass
class _Stored:
    """Shapes of some stored tensors, to be asked for with gaps."""

    shapes: set[tuple[int, ...]] = field(default_factory=set)
    values: int = 0
    _by_gaps: dict[tuple[bool, ...], dict[Shape, int]] = field(default_factory=dict)

    def add(self, shape: tuple[int, ...]) -> None:
        self.shapes.add(shape)
        self.values += math.prod(shape)

    def find(self, wanted: Shape) -> int | None:
        """Number of values of the largest stored tensor of that shape, or None if there is none."""
        gaps = tuple(size is None for size in wanted)
        if gaps not in self._by_gaps:
            known: dict[Shape, int] = {}
            for shape in self.shapes:
                if len(shape) == len(gaps):
                    key = tuple(None if gap else size for gap, size in zip(gaps, shape, strict=True))
                    known[key] = max(known.get(key, 0), math.prod(shape))
            self._by_gaps[gaps] = known
        return self._by_gaps[gaps].get(wanted)


class _File:
    """The stored tensors by layer; an outer model also answers for the layers in it, and they for it."""

    def __init__(self, specs: Iterable[TensorSpec]) -> None:
        self.everything = _Stored()
        self._at: dict[str, _Stored] = {}
        self._below: dict[str, _Stored] = {}
        for spec in specs:
            if spec.role in (Role.OPTIMIZER, Role.METRIC):
                continue
            self.everything.add(spec.shape)
            self._at.setdefault(spec.layer, _Stored()).add(spec.shape)
            for above in _prefixes(spec.layer):
                self._below.setdefault(above, _Stored()).add(spec.shape)

    def near(self, layer: str) -> list[_Stored]:
        """What is stored for a layer; for one that the file's names do not tell, everything."""
        above = [self._at[prefix] for prefix in _prefixes(layer)[:-1] if prefix in self._at]
        found = [*([self._below[layer]] if layer in self._below else []), *above]
        return found or [self.everything]


def _prefixes(layer: str) -> list[str]:
    parts = layer.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def check_sizes(
    config: Mapping[str, Any],
    specs: Iterable[TensorSpec],
    file: str | None = None,
    limits: Limits | None = None,
    *,
    weights: bool = True,
) -> None:
    """Refuse a model whose configuration asks for other sizes than the file has stored.

    Args:
        config: the model's architecture.
        specs: what is stored.
        file: the file, for messages.
        limits: `tensor_bytes` applies to a file that is an architecture alone.
        weights: whether the file is one that holds weights.

    Raises:
        ShapeMismatchError: naming the layer, the shape that its configuration asks for, and what is stored.
        LimitError: if an architecture alone asks for a tensor above the limit.
    """
    graph = ModelGraph.from_config(config)
    if weights and _is_unbuilt(graph, config):
        return
    stored = _File(specs)
    asked = asked_once = 0
    shared = SharedLayers()
    limits = limits or Limits()
    for path, layer in _layers(graph, ""):
        expected = expected_shapes(layer.class_name, layer.config, layer.build_config)
        if not expected:
            continue
        if not weights:
            _check_limit(path, expected, limits)
            continue
        values = _check_layer(path, layer, expected, stored.near(path), file)
        asked += values
        if not shared.seen(layer.class_name, layer.name, layer.config, layer.shared_id):
            asked_once += values
        total = stored.everything.values
        if asked_once > _TOLERANCE * total + _SLACK or asked > _SHARED * total + _SLACK:
            raise _too_much(path, max(asked, asked_once), total, file)


def _layers(graph: ModelGraph, path: str) -> Iterator[tuple[str, GraphLayer]]:
    for layer in graph.layers:
        name = f"{path}{layer.name}"
        if layer.graph is not None:
            yield from _layers(layer.graph, f"{name}/")
        elif not layer.is_operation:
            yield name, layer


def _is_unbuilt(graph: ModelGraph, config: Mapping[str, Any]) -> bool:
    """Whether Keras will not build this: a Sequential model that no shape was ever given to."""
    inner = config.get("config")
    told = isinstance(inner, Mapping) and (inner.get("build_input_shape") or inner.get("batch_input_shape"))
    return (
        graph.class_name == "Sequential"
        and not told
        and not config.get("build_config")
        and not any(layer.build_config or layer.graph or _gives_shape(layer) for layer in graph.layers)
    )


def _gives_shape(layer: GraphLayer) -> bool:
    return any(layer.config.get(key) for key in ("batch_shape", "batch_input_shape", "input_shape"))


def _check_limit(path: str, expected: Mapping[str, Shape], limits: Limits) -> None:
    for name, shape in expected.items():
        size = 4 * math.prod(1 if one is None else one for one in shape)
        limits.check("tensor_bytes", size, f"The size of {path}/{name}")


def _check_layer(
    path: str, layer: GraphLayer, expected: Mapping[str, Shape], stored: list[_Stored], file: str | None
) -> int:
    """The number of values that the layer will have."""
    total = 0
    packed, _ = quantization_mode(layer.config)
    for name, shape in expected.items():
        sizes = [size for one in stored if (size := one.find(shape)) is not None]
        if not sizes and packed:
            known = math.prod(1 if size is None else size for size in shape)
            sizes = [one.values for one in stored if one.values * _PACKED >= known]
        if not sizes:
            raise _differs(f"{path}/{name}", shape, stored, file)
        total += max(sizes)
    rank = layer.config.get("lora_rank")
    if type(rank) is int and rank > _RANK:
        _check_rank(path, rank, expected, stored, file)
    return total


def _check_rank(path: str, rank: int, expected: Mapping[str, Shape], stored: list[_Stored], file: str | None) -> None:
    widest = max((size for one in stored for shape in one.shapes for size in shape), default=0)
    last = [shape[-1] for name, shape in expected.items() if name.endswith(("kernel", "embeddings"))]
    allowed = min([widest, *(size for size in last if size is not None)])
    if rank > allowed:
        raise ShapeMismatchError(
            "A layer asks for a LoRA rank that is larger than its kernel.",
            file=file,
            layer=path,
            expected=f"a rank of at most {allowed:,}",
            found=f"{rank:,}",
            remedy="Do not use this file unless you know who made it; Keras does not write such files.",
        )


def _differs(path: str, shape: Shape, stored: list[_Stored], file: str | None) -> ShapeMismatchError:
    nearest = sorted({one for group in stored for one in group.shapes}, key=lambda one: -math.prod(one))[:4]
    return ShapeMismatchError(
        "A layer asks for a tensor of another shape than the file has stored.",
        file=file,
        layer=path,
        expected=f"shape {_words(shape)}, as the configuration says",
        found=", ".join(_words(one) for one in nearest) if nearest else "no tensor for this layer",
        remedy=_REMEDY,
    )


def _too_much(path: str, asked: int, total: int, file: str | None) -> ShapeMismatchError:
    return ShapeMismatchError(
        "The configuration asks for more than the file has stored.",
        file=file,
        layer=path,
        expected=f"{total:,} values, as stored",
        found=f"{asked:,} values up to this layer",
        remedy=_REMEDY,
    )


def _words(shape: Shape) -> str:
    inside = ", ".join("?" if size is None else f"{size:,}".replace(",", "_") for size in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"
