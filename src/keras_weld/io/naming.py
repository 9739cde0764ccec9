"""Names, roles and order for the tensors of a file in Keras 3's layout.

The layout stores a layer's variables as `layers/conv2d_1/vars/0`, `…/1`: what each is called and what it is
for follows from the layer's class and configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from keras_weld.core.graph import ModelGraph
from keras_weld.core.layer_variables import sub_layers_of, variables_of
from keras_weld.core.tensor import Role, TensorSpec
from keras_weld.io.guessed_layers import guess_variables
from keras_weld.io.hdf5 import Stored
from keras_weld.io.written_order import Order, written_order

OPTIMIZER = "optimizer"
_OPTIMIZER_NAMES = ("iteration", "learning_rate")
_OLD_LAYERS = "_layer_checkpoint_dependencies"  # Keras 2.12 to 2.15 called `layers` so
# Of MultiHeadAttention in Keras 2. GroupQueryAttention has such names to this day.
_OLD_PARTS = re.compile(r"(multi_head_attention(?:_\d+)?)/_(query|key|value|output)_dense(?=/|$)")
_OF_TRAINING = {OPTIMIZER: Role.OPTIMIZER, "metrics": Role.METRIC, "compile_metrics": Role.METRIC}
_INTEGERS = "iub"

Variables = list[tuple[str, Role]]


@dataclass(frozen=True, slots=True)
class _Place:
    """What is known of the layer behind one group.

    Attributes:
        name: of the layer or the part of it, outer models first.
        layer: of the layer, outer models first.
        variables: of a class that is known.
        frozen: whether its configuration says that it is not trained.
        guessed: whether the class was guessed, since there is no configuration.
    """

    name: str
    layer: str
    variables: Variables | None
    frozen: bool = False
    guessed: bool = False


def storage_path(path: str) -> str:
    """The path that Keras 3 would use, for a path in a file of any version of the layout."""
    return _OLD_PARTS.sub(r"\1/\2_dense", path.replace("\\", "/").replace(_OLD_LAYERS, "layers"))


def name_tensors(
    datasets: Mapping[str, Stored],
    graph: ModelGraph | None,
    owner: Callable[[str], str | None],
) -> dict[str, TensorSpec]:
    """Specs for the datasets of a file in Keras 3's layout, by the path in the file, in the model's order.

    Where the architecture does not tell the order, as in a file of weights alone, it is that of writing.

    Args:
        datasets: as found in the file.
        graph: the architecture, if the file has it.
        owner: gives the layer's name that is kept with a `vars` group, by the group's path in the file.
    """
    groups: dict[str, list[str]] = {}
    for path in datasets:
        groups.setdefault(path.rpartition("/")[0], []).append(path)
    places = dict(_known_places(graph)) if graph else {}
    order = {group: number for number, group in enumerate(places)}
    written = written_order(datasets.values())

    def position(group: str) -> tuple[bool, int, Order]:
        known = order.get(_nearest(_layer_of(group), places), len(order))
        return _training_role(group) is not None, known, written[group]

    specs: dict[str, TensorSpec] = {}
    names: set[str] = set()
    for group in sorted(groups, key=position):
        place = _find_place(group, places, owner, len(groups[group]))
        for number, path in enumerate(groups[group]):
            spec = _spec(datasets[path], place, number, _training_role(group))
            while spec.name in names:  # two layers of one name can occur in subclassed models
                spec = replace(spec, name=spec.path if spec.name != spec.path else f"{spec.name}'")
            names.add(spec.name)
            specs[path] = spec
    return specs


def _training_role(group: str) -> Role | None:
    """The role of tensors that belong to the training, not to the model; None for the model's own."""
    return _OF_TRAINING.get(storage_path(group).split("/")[0])


def _layer_of(group: str) -> str:
    """The layer's group: `layers/dense` for `layers/dense/vars`."""
    return re.sub(r"(^|/)vars$", "", storage_path(group))


def _nearest(group: str, places: Mapping[str, _Place]) -> str:
    """The group itself or the nearest above it that is known; "" if none is."""
    while group and group not in places:
        group = group.rpartition("/")[0]
    return group


def _known_places(graph: ModelGraph) -> Iterator[tuple[str, _Place]]:
    for layer in graph.walk():
        yield from _expand(layer.storage_path, layer.path_name, layer.path_name, layer.class_name, layer.config)


def _expand(
    group: str, name: str, layer: str, class_name: str, config: Mapping[str, Any]
) -> Iterable[tuple[str, _Place]]:
    frozen = config.get("trainable") is False
    yield group, _Place(name, layer, variables_of(class_name, dict(config)), frozen)
    for attribute, part_class, part_config in sub_layers_of(class_name, dict(config)) or ():
        yield from _expand(f"{group}/{attribute}", f"{name}/{attribute}", layer, part_class, part_config)


def _find_place(group: str, places: Mapping[str, _Place], owner: Callable[[str], str | None], count: int) -> _Place:
    key = _layer_of(group)
    if _training_role(group) is not None:
        return _Place(key, "", None)
    if key in places:
        return places[key]
    variables = guess_variables(key, count)
    above = _nearest(key, places)
    if above:  # part of a layer that is not built in: named after the nearest layer that is known
        known = places[above]
        name = f"{known.name}/{key.removeprefix(above + '/')}"
        return _Place(name, known.layer, variables, known.frozen, guessed=True)
    named = _named_path(group, owner)
    return _Place(named, named, variables, guessed=True)


def _named_path(group: str, owner: Callable[[str], str | None]) -> str:
    """`backbone/conv1` for `layers/functional/layers/conv2d/vars`, from the names kept in the file."""
    parts = group.removesuffix("/vars").split("/") if group != "vars" else []
    names = []
    for end, part in enumerate(parts, 1):
        if part in ("layers", _OLD_LAYERS):
            continue
        names.append(owner("/".join([*parts[:end], "vars"])) or part)
    return "/".join(names)


def _spec(stored: Stored, place: _Place, number: int, training: Role | None) -> TensorSpec:
    index = stored.path.rpartition("/")[2]
    number = int(index) if index.isdecimal() else number
    variables = place.variables if place.variables and number < len(place.variables) else None
    whole = stored.dtype.kind in _INTEGERS
    if training is not None:
        scalar = training is Role.OPTIMIZER and number < len(_OPTIMIZER_NAMES) and not stored.shape
        name, role = _OPTIMIZER_NAMES[number] if scalar else index, training
    elif variables:
        name, role = variables[number]
        if place.frozen or (place.guessed and whole):
            role = Role.NON_TRAINABLE
    else:
        name, role = index, Role.NON_TRAINABLE if place.frozen or whole else Role.TRAINABLE
    return TensorSpec(
        name=f"{place.name}/{name}" if place.name else name,
        shape=stored.shape,
        dtype=stored.dtype,
        role=role,
        path=storage_path(stored.path),
        layer=place.layer,
    )
