"""Open a model file of any readable format, without a Keras backend."""

from __future__ import annotations

import os
from pathlib import Path

from keras_weld.core.arguments import require_kind
from keras_weld.core.file_names import with_format
from keras_weld.core.state import ModelState
from keras_weld.errors import WrongKindError, add_context
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.json_text import checked_compile_config, parse_json
from keras_weld.io.kinds import Kind, container_of, folder_kind, json_kind
from keras_weld.io.limits import Limits
from keras_weld.io.yaml_text import parse_yaml

_DEFAULT = Limits()


def open_model(path: str | os.PathLike[str], limits: Limits = _DEFAULT) -> ModelState:
    """Open a saved model: what it holds is known at once, each tensor is read when asked for.

    Reads `.keras`, `.weights.h5`, sharded `.weights.json`, whole-model and weights-only `.h5` of Keras 1 to
    3, SavedModel folders (this one imports TensorFlow) and architectures in JSON or YAML. The file's structure
    is checked before anything in it is believed; nothing is built, imported or run.

    Args:
        path: the file or folder.
        limits: what the file may ask for.

    Returns:
        The state; use it in a `with` block, or call its `close()`.

    Raises:
        WeldError: if the file is missing, damaged, of another kind than its name says, or unsafe.

    Example:
        >>> with open_model("model.keras") as state:  # doctest: +SKIP
        ...     kernel = state["dense/kernel"].read()
    """
    return open_with(path, limits, Reader.QUICK)


def open_with(path: str | os.PathLike[str], limits: Limits, reader: Reader) -> ModelState:
    """The same as `open_model`, with a choice of what looks through the structure of HDF5."""
    require_kind("limits", limits, Limits, "limits by name, such as Limits()")
    where = Path(path)
    container = container_of(where)
    with add_context(file=where):
        if container == "folder":
            return _open_folder(where, limits)
        if container == "zip":
            from keras_weld.io.keras_file import read_keras

            return read_keras(where, limits, reader)
        if container in ("json", "yaml"):
            return _open_text(where, container, limits, reader)
        return _open_hdf5(where, limits, reader)


def _open_folder(path: Path, limits: Limits) -> ModelState:
    folder_kind(path)
    from keras_weld.io.placing import place_if_known
    from keras_weld.io.saved_model import read_saved_model

    return place_if_known(read_saved_model(path, limits))


def _open_text(path: Path, container: str, limits: Limits, reader: Reader) -> ModelState:
    limits.check("json_bytes", path.stat().st_size, "The size of the text")
    parse = parse_yaml if container == "yaml" else parse_json
    kind, content = json_kind(parse(path.read_bytes(), limits, path.name), path)
    if kind is Kind.SHARDED:
        from keras_weld.io.sharded import read_sharded

        return read_sharded(path, content, limits, reader)
    version = content.get("keras_version")
    return ModelState(
        source=str(path),
        kind=Kind.ARCHITECTURE,
        tensors={},
        config=content,
        compile_config=checked_compile_config(content.get("compile_config")),
        metadata={"keras_version": version, "backend": content.get("backend"), "lineage": None},
    )


def _open_hdf5(path: Path, limits: Limits, reader: Reader) -> ModelState:
    from keras_weld.io.hdf5 import open_hdf5
    from keras_weld.io.legacy_h5 import read_legacy
    from keras_weld.io.sharded import require_no_shard
    from keras_weld.io.weights_file import read_weights

    content = open_hdf5(path, limits, reader=reader)
    try:
        legacy = "model_weights" in content.groups or content.texts("", "layer_names") is not None
        if legacy or content.attribute("", "model_config") is not None:
            return _named_rightly(path, read_legacy(content, limits))
        if any(group.rpartition("/")[2] == "vars" for group in content.groups):
            require_no_shard(path, limits)
            return read_weights(content)
        raise WrongKindError(
            "This HDF5 file holds no Keras model.",
            expected="groups as model.save() or model.save_weights() writes them",
            found=", ".join(group for group in content.groups if "/" not in group)[:80] or "no groups",
            remedy="Give a file that model.save() or model.save_weights() wrote.",
        )
    except BaseException:
        content.close()
        raise


def _named_rightly(path: Path, state: ModelState) -> ModelState:
    """Refuse a whole model under the name of weights alone, from which Keras itself would not read either."""
    if state.kind is Kind.LEGACY_MODEL and path.name.lower().endswith(".weights.h5"):
        raise WrongKindError(
            "The name ends in .weights.h5, but the file is of another kind.",
            expected="weights alone, in the layout of Keras 3",
            found="a whole model",
            remedy=f"Rename it, for example to {with_format(path, '.h5')}.",
        )
    return state
