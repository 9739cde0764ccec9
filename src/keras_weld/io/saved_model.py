"""SavedModel folders: the variables alone, in the order of `set_weights`; nothing in the graph is run.

This is the one format that needs TensorFlow to be read; it is imported when such a folder is opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.core.hush import hush
from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.core.tensor import Role, TensorSpec
from keras_weld.errors import DamagedFileError, MissingExtraError, UnsafeFileError, WrongKindError, add_context
from keras_weld.io.json_text import parse_json
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"
_REACHING = {
    *("ReadFile", "WriteFile", "MatchingFiles", "Save", "SaveSlices", "Restore", "RestoreSlice", "PrintV2"),
    *("PyFunc", "PyFuncStateless", "EagerPyFunc", "XlaHostCompute", "TextLineDataset", "TFRecordDataset"),
    *("TFRecordDatasetV2", "FixedLengthRecordDataset", "FixedLengthRecordDatasetV2", "TextLineReaderV2"),
    *("TFRecordReaderV2", "WholeFileReaderV2", "FixedLengthRecordReaderV2", "IdentityReaderV2", "LoadDataset"),
    *("SaveDataset", "SaveDatasetV2", "SqlDataset", "CSVDataset", "CSVDatasetV2", "DebugIdentityV2", "DebugIdentity"),
    *("CreateSummaryFileWriter", "CreateSummaryDbWriter", "ImportEvent", "GenerateVocabRemapping"),
    *("LoadAndRemapMatrix", "RpcCall", "RegisterDataset", "DataServiceDatasetV2", "DataServiceDatasetV4"),
}
DESCRIBED = "assets.extra/keras_weld.json"
"""What keras-weld writes beside the graph, where TensorFlow leaves room for others."""
_COPY_AGAIN = "Copy the whole folder again, variables/ included."


def read_saved_model(path: Path, limits: Limits) -> ModelState:
    """Open a SavedModel folder.

    Raises:
        MissingExtraError: if TensorFlow is not installed.
        DamagedFileError: if its variables cannot be read.
        WrongKindError: if it was not made from a Keras model.
    """
    reader, graph = _open(path)
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    tensors: dict[str, LazyTensor] = {}
    with add_context(file=path):
        order, trainable = _order_of(graph)
        if not order:
            raise WrongKindError(
                "This SavedModel does not list a Keras model's variables.",
                expected="a Keras model's variables, as model.save, model.export and tf.saved_model.save write them",
                found=", ".join(child.local_name for child in graph.nodes[0].children[:8]) or "nothing",
                remedy="Load it with tf.saved_model.load where it was made, and save the Keras model itself.",
            )
        for number, node in enumerate(order):
            value = next((a for a in graph.nodes[node].attributes if a.name == _VALUE), None)
            if value is None or value.checkpoint_key not in shapes:
                raise DamagedFileError(
                    "A variable of the SavedModel has no value.", found=f"variable {number}", remedy=_COPY_AGAIN
                )
            key = value.checkpoint_key
            name = value.full_name or f"variable/{number}"
            name = name if name not in tensors else f"{name}:{number}"
            shape, dtype = tuple(shapes[key]), np.dtype(dtypes[key].as_numpy_dtype)
            spec = TensorSpec(
                name,
                shape,
                dtype,
                _role(name, not trainable or node in trainable, dtype),
                f"variables/{number}",
                name.rpartition("/")[0],
            )
            limits.check("tensor_bytes", spec.nbytes, f"The size of the tensor {name}")
            tensors[name] = LazyTensor(spec, partial(_read, reader, key, spec, path))
    config, metadata = described_beside(path, limits) or _keras_metadata(path, limits)
    return ModelState(
        source=str(path),
        kind=Kind.SAVED_MODEL,
        tensors=tensors,
        config=config,
        metadata={"lineage": None, **metadata},
    )


def _open(path: Path) -> tuple[Any, Any]:
    with hush((DamagedFileError,)):
        return _open_aloud(path)


def _open_aloud(path: Path) -> tuple[Any, Any]:
    try:
        import tensorflow as tf
        from tensorflow.core.protobuf import trackable_object_graph_pb2
    except ImportError as error:
        raise MissingExtraError(
            "Reading a SavedModel needs TensorFlow.",
            file=path,
            remedy="Install it: pip install 'keras-weld[tensorflow]'",
        ) from error
    try:
        reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
        graph = trackable_object_graph_pb2.TrackableObjectGraph()
        graph.ParseFromString(reader.get_tensor(_GRAPH))
    except Exception as error:  # TensorFlow raises its own kinds, ValueError and DecodeError alike
        raise DamagedFileError(
            "The variables of the SavedModel cannot be read.",
            file=path,
            found=str(error).split("\n")[0],
            remedy=_COPY_AGAIN,
        ) from error
    return reader, graph


def _order_of(graph: Any) -> tuple[list[int], set[int]]:
    """The numbers of the variables' nodes in order, and of those that are trained; none if that is not told."""
    try:
        order = _list_of(graph, "variables") or _by_layer(graph) or _by_operation(graph)
        trainable = set(_list_of(graph, "trainable_variables"))
        for node in order:
            graph.nodes[node]
    except (IndexError, ValueError) as error:  # of a node that is not there, or of a layer without a number
        raise DamagedFileError(
            "The objects that the SavedModel lists contradict each other.", found=str(error), remedy=_COPY_AGAIN
        ) from error
    return order, trainable


def _list_of(graph: Any, name: str, owner: int = 0) -> list[int]:
    """Node numbers in a list of an object, the root at first, in order; empty if it has no such list."""
    node = next((child.node_id for child in graph.nodes[owner].children if child.local_name == name), None)
    if node is None:
        return []
    numbered = [child for child in graph.nodes[node].children if child.local_name.isdigit()]
    return [child.node_id for child in sorted(numbered, key=lambda child: int(child.local_name))]


def _by_layer(graph: Any) -> list[int]:
    """Variables of a model saved without traces: layer by layer, in the order in which each made them."""
    start = "layer_with_weights-"
    layers = [child for child in graph.nodes[0].children if child.local_name.startswith(start)]
    ordered = sorted(layers, key=lambda child: int(child.local_name.removeprefix(start)))
    return _variables_from(graph, [child.node_id for child in ordered], partial(_children_of, graph))


def _by_operation(graph: Any) -> list[int]:
    """Variables of a model of Keras 3 that `tf.saved_model.save` wrote: layer by layer, the parts of each after it."""

    def following(node: int) -> list[int]:
        children = _children_of(graph, node)
        own = [child for child in children if _is_variable(graph, child)]
        return [*own, *_layers_of(graph, node), *children]  # the last are parts, such as a cell

    return _variables_from(graph, _layers_of(graph, 0), following)


def _variables_from(graph: Any, starts: list[int], following: Callable[[int], list[int]]) -> list[int]:
    """The variables among some objects and all that follow them; each comes before what follows it, and once."""
    found: list[int] = []
    seen: set[int] = set()
    waiting = starts[::-1]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if _is_variable(graph, node):
            found.append(node)
        waiting.extend(reversed(following(node)))
    return found


def _is_variable(graph: Any, node: int) -> bool:
    return any(attribute.name == _VALUE for attribute in graph.nodes[node].attributes)


def _children_of(graph: Any, node: int) -> list[int]:
    return [child.node_id for child in graph.nodes[node].children]


def _layers_of(graph: Any, node: int) -> list[int]:
    return _list_of(graph, "_layers", node) or _list_of(graph, "_operations", node)


def _role(name: str, trainable: bool, dtype: np.dtype[Any]) -> Role:
    if re.search(r"seed_generator", name):
        return Role.SEED_STATE
    frozen = not trainable or dtype.kind in "iub" or re.search(r"/(moving|running)_(mean|variance)$", name)
    return Role.NON_TRAINABLE if frozen else Role.TRAINABLE


def _read(reader: Any, key: str, spec: TensorSpec, path: Path) -> Any:
    try:
        value = reader.get_tensor(key)
    except Exception as error:  # TensorFlow raises kinds of its own where a checksum does not match
        raise DamagedFileError(
            "The values of a variable of the SavedModel cannot be read.",
            file=path,
            layer=spec.name,
            expected="the bytes that were written",
            found=str(error).split("\n")[0],
            remedy=_COPY_AGAIN,
        ) from error
    return np.asarray(value).view(spec.dtype).reshape(spec.shape)


def described_beside(path: Path, limits: Limits) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The architecture and lineage that keras-weld keeps beside the graph; None for other makers."""
    file = path / DESCRIBED
    if not file.is_file():
        return None
    limits.check("json_bytes", file.stat().st_size, f"The size of {file.name}")
    content = parse_json(file.read_bytes(), limits, file.name)
    config = content.get("architecture") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(config, dict):
        raise DamagedFileError(f"{file.name} does not tell the architecture.", remedy="Save the model again.")
    return config, {"keras_version": content.get("keras_version"), "lineage": content.get("lineage")}


def _keras_metadata(path: Path, limits: Limits) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The architecture and version that Keras 2 keeps beside the graph; nothing for other makers."""
    file = path / "keras_metadata.pb"
    if not file.is_file():
        return None, {}
    limits.check("json_bytes", file.stat().st_size, "The size of keras_metadata.pb")
    from tensorflow.python.keras.protobuf import saved_metadata_pb2

    nodes = _parsed(saved_metadata_pb2.SavedMetadata(), file, "The description of the SavedModel")
    root = next((node for node in nodes.nodes if node.node_path == "root"), None)
    if root is None:
        return None, {}
    content = parse_json(root.metadata.encode(), limits, "keras_metadata.pb")
    if not isinstance(content, dict) or not content.get("config"):
        return None, {}
    config = {"class_name": content.get("class_name"), "config": content["config"]}
    return config, {"keras_version": content.get("keras_version"), "backend": content.get("backend")}


def _parsed(message: Any, file: Path, what: str) -> Any:
    """A message of protobuf, filled from a file."""
    try:
        message.ParseFromString(file.read_bytes())
    except Exception as error:  # protobuf's DecodeError, which its versions keep in several places
        raise DamagedFileError(f"{what} cannot be read.", found=str(error), remedy=_COPY_AGAIN) from error
    return message


def refuse_file_access(path: Path) -> None:
    """Refuse a SavedModel whose graph names an operation that reads or writes files of its own, or calls Python.

    Those by which a SavedModel restores its own variables are allowed.

    Raises:
        UnsafeFileError: naming them.
        DamagedFileError: if the graph cannot be read.
    """
    with hush():
        from tensorflow.core.protobuf import saved_model_pb2

        graph = saved_model_pb2.SavedModel()
    with add_context(file=path):
        graph = _parsed(graph, path / "saved_model.pb", "The graph of the SavedModel")
    used = {
        node.op
        for meta in graph.meta_graphs
        for nodes in (meta.graph_def.node, *(function.node_def for function in meta.graph_def.library.function))
        for node in nodes
    }
    if found := sorted(used & _REACHING):
        raise UnsafeFileError(
            "The SavedModel's graph reaches for files or for Python.",
            file=path,
            found=", ".join(found),
            remedy="Run it only if you trust it like a program: --unsafe (in Python: unsafe=True).",
        )
