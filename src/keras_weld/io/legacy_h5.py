"""The `.h5` files of Keras 1, 2 and 3: a whole model, or weights alone.

Weights lie under their layer's name, in the order of the group's `weight_names`. Where the file has the
architecture, each is also given the path that Keras 3 would store it under, so that files of both kinds can
be matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from keras_weld.core.graph import ModelGraph
from keras_weld.core.layer_variables import sub_layers_of, variables_of
from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.core.tensor import Role, TensorSpec
from keras_weld.errors import DamagedFileError
from keras_weld.io.hdf5 import Hdf5, Stored
from keras_weld.io.json_text import checked_compile_config, parse_json
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits
from keras_weld.io.newer_config import with_operations
from keras_weld.io.shared_kernels import Expected, Known, told_once
from keras_weld.io.weights_file import root_entries

_WEIGHTS, _OPTIMIZER, _TOP = "model_weights", "optimizer_weights", "top_level_model_weights"
_FROZEN = re.compile(r"(moving|running)_(mean|variance|std)|count|seed_generator_state|vector_u")
# Keras 1 wrote dense_1_W and dense_1_b.
_OLD_NAMES = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}

_KERAS_1 = re.compile(r"(?P<layer>[^/]+)_(?P<variable>[WUb](_[a-z]+)?|gamma|beta|alphas|running_(mean|std))")


def read_legacy(content: Hdf5, limits: Limits) -> ModelState:
    """The state in a legacy `.h5` file that is open and checked.

    Raises:
        DamagedFileError: if a weight that the file names is not there.
    """
    config = _json(content, "", "model_config", limits)
    config = config if isinstance(config, dict) else None
    training = checked_compile_config(_json(content, "", "training_config", limits))
    top = _WEIGHTS if _WEIGHTS in content.groups else ""
    tensors: dict[str, LazyTensor] = {}
    graph = ModelGraph.from_config(with_operations(config, _with_weights(content, top))) if config else None
    expected = expected_by_layer(graph) if graph else {}
    for layer in content.texts(top, "layer_names") or []:
        group = f"{top}/{layer}".strip("/")
        _add(tensors, content, group, layer, expected.get(layer))
    extra = f"{top}/{_TOP}".strip("/")
    if extra in content.groups:
        _add(tensors, content, extra, "", None)
    if _OPTIMIZER in content.groups:
        _add_optimizer(tensors, content)
    versions = {name: content.attribute("", name) for name in ("keras_version", "backend")}
    if top and versions["keras_version"] is None:
        versions = {name: content.attribute(top, name) for name in versions}
    return ModelState(
        source=str(content.path),
        kind=Kind.LEGACY_MODEL if config else Kind.LEGACY_WEIGHTS,
        tensors=tensors,
        config=config,
        compile_config=training,
        metadata={**versions, **root_entries(content)},
        closers=(content.close,),
        known_graph=graph,
    )


def _with_weights(content: Hdf5, top: str) -> set[str]:
    """Names of the layers that have weights in the file, and of those inside them."""
    found: set[str] = set()
    for layer in content.texts(top, "layer_names") or []:
        names = content.texts(f"{top}/{layer}".strip("/"), "weight_names") or []
        found.update([layer] if names else [], *(name.split("/")[:-1] for name in names))
    return found


def _json(content: Hdf5, group: str, name: str, limits: Limits) -> Any:
    text = content.attribute(group, name)
    if not isinstance(text, str):
        return None
    return parse_json(text.encode("utf-8", "surrogateescape"), limits, name)


def _add(tensors: dict[str, LazyTensor], content: Hdf5, group: str, layer: str, expected: Expected | None) -> None:
    names = content.texts(group, "weight_names") or []
    once, shared = told_once(expected or [])
    fitting: list[tuple[str, Known | None]] = [*(fit_names(names, once, _orders(once)) or ())]
    fitting += [(weight, shared[known]) for weight, known in fitting if known in shared]
    fitting = fitting or [(weight, None) for weight in names]
    for weight, known in fitting:
        at = f"{group}/{weight}"
        if at not in content.datasets:
            raise DamagedFileError(
                "A weight that the file names is not there.",
                file=content.path,
                layer=layer,
                expected=at,
                remedy="Copy the file again from where it came from; it may not have been written whole.",
            )
        stored = content.datasets[at]
        path, name, role = known or (
            at,
            f"{layer}/{_short_name(weight, layer)}".strip("/"),
            _role(weight, stored),
        )
        if name in tensors:
            name = at
        spec = TensorSpec(name, stored.shape, stored.dtype, role, path, layer)
        tensors[name] = LazyTensor(spec, partial(content.read, at))


def _role(weight: str, stored: Stored) -> Role:
    if "seed_generator" in weight:
        return Role.SEED_STATE
    return Role.NON_TRAINABLE if _FROZEN.search(weight) or stored.dtype.kind in "iub" else Role.TRAINABLE


def _short_name(weight: str, layer: str) -> str:
    """`kernel` for `dense/kernel:0` (Keras 2), `dense/kernel` (Keras 3) and `dense_1_W` (Keras 1)."""
    name = re.sub(r":\d+$", "", weight).removeprefix(f"{layer}/")
    old = _KERAS_1.fullmatch(name)
    if old is None:
        return name
    variable = _OLD_NAMES.get(old["variable"], old["variable"])
    return variable if old["layer"] == layer else f"{old['layer']}/{variable}"


def fit_names(
    names: list[str], expected: Expected | None, orders: Sequence[Sequence[Known]]
) -> list[tuple[str, Known]] | None:
    """Each of the file's names with the variable that it is, in the model's order; None if they do not fit.

    Args:
        names: the file's names, in its order.
        expected: the variables that the architecture has, in the model's order.
        orders: in which orders the file may have them. These count where the names do not tell layer and variable
            (`head/dense/kernel:0`, Keras 1: `dense_1_W`).
    """
    if not expected or len(expected) != len(names):
        return None
    by_name = {known: weight for weight, known in meant_by(names, expected).items() if known is not None}
    if len(by_name) == len(names):
        return [(by_name[one], one) for one, _ in expected]
    if by_name:
        return None  # some names tell where they belong, so the order would be a guess
    for order in orders:
        if all(agree(weight, name) for weight, (_, name, _) in zip(names, order, strict=True)):
            where = dict(zip(order, names, strict=True))
            return [(where[one], one) for one, _ in expected]
    return None


def meant_by(names: Sequence[str], expected: Expected) -> dict[str, Known | None]:
    """For each of the file's names the variable that it means; None where it means none, or may mean several."""
    meant: dict[str, list[Known]] = {}
    for one, owner in expected:
        for written in _written_names(owner, one[1].rpartition("/")[2]):
            meant.setdefault(written, []).append(one)
    return {weight: _one_meant(weight, meant) for weight in names}


def _orders(expected: Expected) -> list[list[Known]]:
    """In which orders Keras wrote a layer's variables: all that is trained first; early versions, as they come."""
    as_they_come = [known for known, _ in expected]
    return [sorted(as_they_come, key=lambda one: one[2] is not Role.TRAINABLE), as_they_come]


def _written_names(owner: str, variable: str) -> list[str]:
    """How Keras wrote a variable: `head/dense_1/kernel`, `dense_1/kernel`, `dense_1_W`, `dense_1_kernel`."""
    layers = owner.split("/")
    new = ["/".join([*layers[-count:], variable]) for count in range(1, len(layers) + 1)]
    old = [f"{layers[-1]}_{old}" for old, name in _OLD_NAMES.items() if name == variable]
    if variable == "kernel":  # of a DepthwiseConv2D, in Keras 2
        old.append(f"{layers[-1]}/depthwise_kernel")
    if variable == "embeddings":  # in Keras 1
        old.append(f"{layers[-1]}_W")
    return [*new, f"{layers[-1]}_{variable}", *old]


def _one_meant(weight: str, meant: Mapping[str, list[Known]]) -> Known | None:
    """The variable that a name means by as much of its end as tells; None if nothing or several are meant."""
    parts = re.sub(r":\d+$", "", weight).split("/")
    for count in range(len(parts), 0, -1):
        known = meant.get("/".join(parts[-count:]), [])
        if len(known) == 1:
            return known[0]
    return None


def agree(weight: str, name: str) -> bool:
    """Whether a file's name for a variable ends like the variable's own."""
    last = re.sub(r":\d+$", "", weight).rpartition("/")[2]
    return last == name.rpartition("/")[2]


def expected_by_layer(graph: ModelGraph) -> dict[str, Expected]:
    """For every layer of the outer model: the variables that it and what is inside it have."""
    expected: dict[str, Expected] = {}
    for layer in graph.walk():
        name = layer.path_name
        variables = _expand(layer.storage_path, name, name, layer.class_name, layer.config)
        expected.setdefault(layer.path_name.split("/")[0], []).extend(variables)
    return expected


def _expand(
    group: str, name: str, owner: str, class_name: str, config: Mapping[str, Any]
) -> Iterator[tuple[Known, str]]:
    for number, (variable, role) in enumerate(variables_of(class_name, dict(config)) or ()):
        yield (f"{group}/vars/{number}", f"{name}/{variable}", role), owner
    for attribute, part_class, part_config in sub_layers_of(class_name, dict(config)) or ():
        part = f"{owner}/{part_config.get('name') or attribute}"
        yield from _expand(f"{group}/{attribute}", f"{name}/{attribute}", part, part_class, part_config)


def _add_optimizer(tensors: dict[str, LazyTensor], content: Hdf5) -> None:
    for weight in content.texts(_OPTIMIZER, "weight_names") or []:
        at = f"{_OPTIMIZER}/{weight}"
        if at not in content.datasets:
            continue
        stored = content.datasets[at]
        last = re.sub(r":\d+$", "", weight)
        short = "iteration" if last.rpartition("/")[2] in ("iter", "iterations", "iteration") else last
        if last.rpartition("/")[2] == "learning_rate":
            short = "learning_rate"
        if f"optimizer/{short}" in tensors:  # an optimizer inside another has a counter and a rate too
            short = last
        spec = TensorSpec(f"optimizer/{short}", stored.shape, stored.dtype, Role.OPTIMIZER, at)
        tensors[spec.name] = LazyTensor(spec, partial(content.read, at))
