"""A model's graph, read from its config without Keras.

`ModelGraph.from_config` reads what any version of Keras writes: Functional, Sequential and nested models,
calls of `keras.ops`, layers that are called several times. A subclassed model has no graph in its config; its
`ModelGraph` is `opaque` and has no layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keras_weld.core.exported_names import exported_name
from keras_weld.core.graph_calls import is_new_form, read_calls, read_ends
from keras_weld.core.graph_indices import count_from_zero
from keras_weld.core.graph_nodes import Call, Edge, Shape, edges_in, shape_of
from keras_weld.core.layer_parts import sub_layers_of
from keras_weld.core.shared_layers import SharedLayers
from keras_weld.core.snake_case import group_name, snake_case
from keras_weld.errors import DamagedFileError

_INPUT = "InputLayer"


@dataclass(frozen=True, slots=True)
class GraphLayer:
    """One layer of a model, or a `keras.ops` operation in its graph.

    Attributes:
        name: its name in the model.
        class_name: its class, `Conv2D`, by the name that Keras exports it by.
        module: the module the class is imported from, or "" in files of Keras 1 and 2 and of layers in an `.h5`.
        config: what its class is built from.
        build_config: shapes that it was built for, `{"input_shape": [None, 8]}`; empty if not written.
        calls: how often and on what it is called, in order; an input has none.
        graph: its own graph, if it is a model.
        shared_id: the same for all entries that are one object in memory, if Keras wrote it.
        implied: the config does not list it: the input of a Sequential model that only gives a shape.
    """

    name: str
    class_name: str
    module: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    build_config: dict[str, Any] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    graph: ModelGraph | None = None
    shared_id: int | None = None
    implied: bool = False

    @property
    def is_input(self) -> bool:
        """Whether it stands for one of the model's inputs."""
        return self.class_name == _INPUT

    @property
    def is_operation(self) -> bool:
        """Whether it is a call of `keras.ops`: no layer, without variables, without a place in files."""
        return self.module.startswith(("keras.src.ops", "keras.ops"))


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A layer with its place in the whole model, as `ModelGraph.walk` gives it.

    Attributes:
        path_name: names from the outside in, `backbone/conv1`.
        storage_path: where Keras 3 stores it, `layers/functional/layers/conv2d`.
        class_name: its class.
        config: its config; `trainable` is False too if a model around it is frozen.
        layer: the layer in its own graph.
    """

    path_name: str
    storage_path: str
    class_name: str
    config: dict[str, Any]
    layer: GraphLayer


@dataclass(frozen=True, slots=True)
class ModelGraph:
    """A model's layers, and which tensors go where.

    Attributes:
        name: the model's name.
        class_name: `Functional`, `Sequential`, `Model`, or a class of the user's own.
        layers: layers and operations, in the order of the config.
        inputs: the tensors that go in, in the order of `model.inputs`.
        outputs: the tensors that come out, in the order of `model.outputs`.
        input_names: a name for each input: its key if the inputs are a dict, else the layer's name.
        output_names: likewise for each output.
        input_structure: the inputs as the model takes them: an `Edge`, a list or a dict of such.
        output_structure: likewise for the outputs.
        trainable: False if the whole model was frozen.
        opaque: the config does not tell the layers.
    """

    name: str
    class_name: str
    layers: tuple[GraphLayer, ...] = ()
    inputs: tuple[Edge, ...] = ()
    outputs: tuple[Edge, ...] = ()
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    input_structure: Any = None
    output_structure: Any = None
    trainable: bool = True
    opaque: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | list[Any]) -> ModelGraph:
        """Read a model's config.

        Args:
            config: the content of `config.json`, of a legacy file's `model_config`, or of a JSON file.

        Raises:
            DamagedFileError: if the config contradicts itself.

        Example:
            >>> graph = ModelGraph.from_config(state.config)
            >>> [layer.storage_path for layer in graph.walk()]
            ['layers/input_layer', 'layers/dense', 'layers/dense_1']
        """
        if isinstance(config, list):
            config = {"class_name": "Sequential", "config": config}
        if "class_name" not in config and isinstance(config.get("layers"), list):
            found = "Functional" if "output_layers" in config else "Sequential"
            config = {"class_name": found, "config": config}
        class_name = str(config.get("class_name", "Model"))
        inner = config.get("config")
        if isinstance(inner, list):  # Keras 1
            inner = {"name": "sequential", "layers": inner}
        if not isinstance(inner, Mapping):
            return cls(name=snake_case(class_name), class_name=class_name, opaque=True)
        name = str(inner.get("name") or config.get("name") or snake_case(class_name))
        trainable = inner.get("trainable") is not False
        if not isinstance(inner.get("layers"), list):
            return cls(name=name, class_name=class_name, trainable=trainable, opaque=True)
        empty = cls(name=name, class_name=class_name, trainable=trainable)
        return _read_functional(empty, inner) if "output_layers" in inner else _read_sequential(empty, inner)

    def layer(self, name: str) -> GraphLayer:
        """The layer of this name.

        Raises:
            KeyError: if there is none.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def walk(self) -> Iterator[PlacedLayer]:
        """All layers in the order of `model.weights`, each model before its own layers.

        Operations are left out: they are no layers. A layer that several models share comes once, where Keras
        stores it. The parts of a composite layer (an LSTM's cell) are not given, see `sub_layers_of`; but the
        layers of a model that is wrapped in one (`TimeDistributed`) are.
        """
        yield from _walk(self, "", "", not self.trainable, SharedLayers())


def _walk(graph: ModelGraph, path: str, storage: str, frozen: bool, shared: SharedLayers) -> Iterator[PlacedLayer]:
    used: dict[str, int] = {}
    for layer in graph.layers:
        sequential_input = layer.is_input and graph.class_name == "Sequential"
        if layer.implied or layer.is_operation or sequential_input:
            continue  # a Sequential model's `layers` are without its input
        group = group_name(layer.class_name)
        used[group] = used.get(group, -1) + 1
        if shared.seen(layer.class_name, layer.name, layer.config, layer.shared_id):
            continue
        numbered = f"{group}_{used[group]}" if used[group] else group
        name, place = f"{path}{layer.name}", f"{storage}layers/{numbered}"
        config = {**layer.config, "trainable": False} if frozen else layer.config
        yield PlacedLayer(name, place, layer.class_name, config, layer)
        if layer.graph is not None:
            inside = frozen or not layer.graph.trainable
            yield from _walk(layer.graph, f"{name}/", f"{place}/", inside, shared)
        else:
            yield from _walk_parts(layer.class_name, config, name, place, shared)


def _walk_parts(
    class_name: str, config: dict[str, Any], path: str, storage: str, shared: SharedLayers
) -> Iterator[PlacedLayer]:
    for group, part_class, part in sub_layers_of(class_name, config) or ():
        if _is_model(part_class, part):
            inner = ModelGraph.from_config({"class_name": part_class, "config": part})
            yield from _walk(inner, f"{path}/{group}/", f"{storage}/{group}/", not inner.trainable, shared)
        else:
            yield from _walk_parts(part_class, part, f"{path}/{group}", f"{storage}/{group}", shared)


def _is_model(class_name: str, config: Any) -> bool:
    if isinstance(config, list):
        return class_name == "Sequential"
    if not isinstance(config, Mapping) or not isinstance(config.get("layers"), list):
        return False
    return class_name == "Sequential" or "output_layers" in config or "build_input_shape" in config


def _read_layer(entry: Any, number: int) -> GraphLayer:
    """A layer without its calls."""
    config = entry.get("config") if isinstance(entry, Mapping) else None
    if not isinstance(entry, Mapping) or not isinstance(entry.get("class_name"), str):
        raise DamagedFileError(
            "The model's config lists something that is no layer.",
            layer=f"number {number + 1} in the config",
            expected="an object with class_name and config",
            found=type(entry).__name__,
            remedy="Save the model again from where it came from.",
        )
    class_name = exported_name(entry["class_name"])
    inner = None
    if _is_model(class_name, config):
        inner = ModelGraph.from_config({**entry, "config": config})
    options = dict(config) if isinstance(config, Mapping) else {"layers": config} if config else {}
    name = entry.get("name") or options.get("name") or (inner.name if inner else snake_case(class_name))
    built, shared_id = entry.get("build_config"), entry.get("shared_object_id")
    return GraphLayer(
        name=str(name),
        class_name=class_name,
        module=str(entry.get("module") or ""),
        config=options,
        build_config=dict(built) if isinstance(built, Mapping) else {},
        graph=inner,
        shared_id=shared_id if isinstance(shared_id, int) else None,
    )


def _read_layers(entries: list[Any]) -> dict[str, GraphLayer]:
    layers: dict[str, GraphLayer] = {}
    for number, entry in enumerate(entries):
        layer = _read_layer(entry, number)
        if layer.name in layers:
            raise DamagedFileError(
                "Two layers of one model have the same name.",
                layer=layer.name,
                remedy="Give them different names, and save the model again.",
            )
        layers[layer.name] = layer
    return layers


def _read_functional(empty: ModelGraph, config: Mapping[str, Any]) -> ModelGraph:
    layers = _read_layers(config["layers"])
    nodes = {name: entry.get("inbound_nodes") for name, entry in zip(layers, config["layers"], strict=True)}
    calls = {name: tuple(read_calls(node, layers)) for name, node in nodes.items()}
    inputs = read_ends(config.get("input_layers"), layers)
    outputs = read_ends(config.get("output_layers"), layers)
    new_form = any(is_new_form(node) for node in nodes.values())
    late = {n for n, one in layers.items() if one.graph and not (new_form and one.class_name == "Sequential")}
    calls, inputs, outputs = count_from_zero(calls, inputs, outputs, late, new_form)
    shapes = {edge: edge for one in calls.values() for call in one for edge in call.inbound}
    shapes |= {Edge(one.name): _input_edge(one) for one in layers.values() if one.is_input}
    ins, outs = _named_ends(inputs), _named_ends(outputs)
    return replace(
        empty,
        layers=tuple(replace(layer, calls=calls[name]) for name, layer in layers.items()),
        inputs=tuple(shapes.get(edge, edge) for _, edge in ins),
        outputs=tuple(shapes.get(edge, edge) for _, edge in outs),
        input_names=tuple(name for name, _ in ins),
        output_names=tuple(name for name, _ in outs),
        input_structure=inputs,
        output_structure=outputs,
    )


def _named_ends(structure: Any) -> list[tuple[str, Edge]]:
    """Inputs or outputs in Keras's order, which sorts the keys of a dict."""
    if isinstance(structure, Mapping):
        found = [(key, edge) for key in sorted(structure) for edge in edges_in(structure[key])]
        return [(key if isinstance(structure[key], Edge) else edge.layer, edge) for key, edge in found]
    return [(edge.layer, edge) for edge in edges_in(structure)]


def _read_sequential(empty: ModelGraph, config: Mapping[str, Any]) -> ModelGraph:
    layers = list(_read_layers(config["layers"]).values())
    if not layers or not layers[0].is_input:
        layers.insert(0, _implied_input(layers, config.get("build_input_shape")))
    edge = _input_edge(layers[0])
    given = edge.shape
    chained = [layers[0]]
    for layer in layers[1:]:
        edge = replace(edge, shape=_built_for(layer, given) or edge.shape)
        chained.append(replace(layer, calls=(Call((edge,), (edge,)),)))
        edge = Edge(layer.name)
    first = _input_edge(layers[0])
    return replace(
        empty,
        layers=tuple(chained),
        inputs=(first,),
        outputs=(edge,),
        input_names=(first.layer,),
        output_names=(edge.layer,),
        input_structure=first,
        output_structure=edge,
    )


def _built_for(layer: GraphLayer, given: Shape | None) -> Shape | None:
    """The shape that a layer was built for; the batch is the model's, not that of the data which `adapt()` saw."""
    shape = shape_of(layer.build_config.get("input_shape"))
    return (given[0] if given else None, *shape[1:]) if shape else None


def _implied_input(layers: list[GraphLayer], built: Any) -> GraphLayer:
    """The input of a Sequential model that gives its shape with its first layer, as Keras 1 and 2 did."""
    first = layers[0] if layers else GraphLayer("model", "")
    shape: Shape | None = shape_of(built) or shape_of(first.config.get("batch_input_shape"))
    dtype = first.config.get("dtype")
    if shape is None and first.graph is not None and first.graph.inputs:
        shape, dtype = first.graph.inputs[0].shape, first.graph.inputs[0].dtype
    config = {"batch_shape": None if shape is None else list(shape), "dtype": dtype}
    return GraphLayer(f"{first.name}_input", _INPUT, config=config, implied=True)


def _input_edge(layer: GraphLayer) -> Edge:
    shape = shape_of(layer.config.get("batch_shape")) or shape_of(layer.config.get("batch_input_shape"))
    dtype = layer.config.get("dtype")
    return Edge(layer.name, 0, 0, shape, dtype if isinstance(dtype, str) else None)
