"""Names, roles and order for the tensors of a file in Keras 3's layout.

The layout stores a layer's variables as `layers/conv2d_1/vars/0`, `…/1`: what each is called and what it is
for follows from the layer's class and configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from keras_weld.core.graph import ModelGraph
from keras_weld.core.layer_variables import class_of_group, sub_layers_of, variables_of
from keras_weld.core.tensor import Role, TensorSpec
from keras_weld.io.hdf5 import Stored

OPTIMIZER = "optimizer"
_OPTIMIZER_NAMES = ("iteration", "learning_rate")
_OLD_LAYERS = "_layer_checkpoint_dependencies"  # Keras 2.12 to 2.15 called `layers` so
_OLD_PARTS = re.compile(r"/_(query|key|value|output)_dense(?=/|$)")  # of MultiHeadAttention in Keras 2
_OF_TRAINING = {OPTIMIZER: Role.OPTIMIZER, "metrics": Role.METRIC, "compile_metrics": Role.METRIC}
_INTEGERS = "iub"

Variables = list[tuple[str, Role]]


@dataclass(frozen=True, slots=True)
class _Place:
    """What is known of the layer behind one group."""

    name: str
    layer: str
    variables: Variables | None


def storage_path(path: str) -> str:
    """The path that Keras 3 would use, for a path in a file of any version of the layout."""
    return _OLD_PARTS.sub(r"/\1_dense", path.replace("\\", "/").replace(_OLD_LAYERS, "layers"))


def name_tensors(
    datasets: Mapping[str, Stored],
    config: Mapping[str, Any] | None,
    owner: Callable[[str], str | None],
) -> dict[str, TensorSpec]:
    """Specs for the datasets of a file in Keras 3's layout, by the path in the file, in the model's order.

    Args:
        datasets: as found in the file.
        config: the architecture, if the file has it.
        owner: gives the layer's name that is kept with a `vars` group, by the group's path in the file.
    """
    groups: dict[str, list[str]] = {}
    for path in datasets:
        groups.setdefault(path.rpartition("/")[0], []).append(path)
    places = dict(_known_places(config)) if config else {}
    order = {group: number for number, group in enumerate(places)}

    def position(group: str) -> tuple[bool, int, int]:
        # Without an architecture, the order in which the layers were written is that of their bytes.
        starts = [datasets[path].start or 0 for path in groups[group]]
        return _training_role(group) is not None, order.get(_layer_of(group), len(order)), min(starts)

    specs: dict[str, TensorSpec] = {}
    names: set[str] = set()
    for group in sorted(groups, key=position):
        place = _find_place(group, places, owner, bool(config))
        for number, path in enumerate(groups[group]):
            spec = _spec(datasets[path], place, number, _training_role(group))
            if spec.name in names:  # two layers of one name can occur in subclassed models
                spec = _spec(datasets[path], _Place(_layer_of(group), place.layer, None), number, None)
            names.add(spec.name)
            specs[path] = spec
    return specs


def _training_role(group: str) -> Role | None:
    """The role of tensors that belong to the training, not to the model; None for the model's own."""
    return _OF_TRAINING.get(storage_path(group).split("/")[0])


def _layer_of(group: str) -> str:
    """The layer's group: `layers/dense` for `layers/dense/vars`."""
    return re.sub(r"/?vars$", "", storage_path(group))


def _known_places(config: Mapping[str, Any]) -> Iterator[tuple[str, _Place]]:
    for layer in ModelGraph.from_config(dict(config)).walk():
        yield from _expand(
            layer.storage_path, layer.path_name, layer.path_name, layer.class_name, layer.config
        )


def _expand(
    group: str, name: str, layer: str, class_name: str, config: Mapping[str, Any]
) -> Iterable[tuple[str, _Place]]:
    yield group, _Place(name, layer, variables_of(class_name, dict(config)))
    for attribute, part_class, part_config in sub_layers_of(class_name, dict(config)) or ():
        yield from _expand(f"{group}/{attribute}", f"{name}/{attribute}", layer, part_class, part_config)


def _find_place(
    group: str, places: Mapping[str, _Place], owner: Callable[[str], str | None], has_config: bool
) -> _Place:
    key = _layer_of(group)
    if _training_role(group) is not None:
        return _Place(key, "", None)
    if key in places:
        return places[key]
    # Part of a layer that is not built in: named after the nearest layer that is known.
    above, below = key, ""
    while above and above not in places:
        above, _, last = above.rpartition("/")
        below = f"{last}/{below}" if below else last
    if above:
        return _Place(f"{places[above].name}/{below}", places[above].layer, _guess(key))
    named = _named_path(group, owner) if not has_config else key
    return _Place(named, named, _guess(key))


def _named_path(group: str, owner: Callable[[str], str | None]) -> str:
    """`backbone/conv1` for `layers/functional/layers/conv2d/vars`, from the names kept in the file."""
    parts = group.removesuffix("/vars").split("/") if group != "vars" else []
    names = []
    for end, part in enumerate(parts, 1):
        if part in ("layers", _OLD_LAYERS):
            continue
        names.append(owner("/".join([*parts[:end], "vars"])) or part)
    return "/".join(names)


def _guess(group: str) -> Variables | None:
    """A file of weights alone still tells the class of a layer by its group: `conv2d_3`."""
    class_name = class_of_group(re.sub(r"_\d+$", "", group.rpartition("/")[2]))
    return variables_of(class_name, {}) if class_name else None


def _spec(stored: Stored, place: _Place, number: int, training: Role | None) -> TensorSpec:
    variables = place.variables if place.variables and number < len(place.variables) else None
    index = stored.path.rpartition("/")[2]
    if training is not None:
        scalar = training is Role.OPTIMIZER and number < len(_OPTIMIZER_NAMES) and not stored.shape
        name, role = _OPTIMIZER_NAMES[number] if scalar else index, training
    elif variables:
        name, role = variables[number]
    else:
        name, role = index, Role.NON_TRAINABLE if stored.dtype.kind in _INTEGERS else Role.TRAINABLE
    return TensorSpec(
        name=f"{place.name}/{name}" if place.name else name,
        shape=stored.shape,
        dtype=stored.dtype,
        role=role,
        path=storage_path(stored.path),
        layer=place.layer,
    )
