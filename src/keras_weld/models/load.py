"""Live Keras models out of files: scanned first, then built, then filled."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_weld.core.arguments import require_flag, require_path
from keras_weld.core.older_calls import refuse_older
from keras_weld.core.state import ModelState
from keras_weld.core.tensor import Role
from keras_weld.errors import ShapeMismatchError, UnknownClassError, WeldError, WrongKindError, add_context
from keras_weld.io.guard import scan_file
from keras_weld.io.kinds import HDF5_SUFFIXES, SEEDS, Kind
from keras_weld.io.limits import Limits
from keras_weld.models.budget import stored_budget
from keras_weld.models.compiling import compile_as_saved, stored_values
from keras_weld.models.custom import Custom, refuse_shadowing, registered_names, resolve
from keras_weld.models.keras_private import build_legacy, in_scope, layers_in
from keras_weld.models.loss_scale import loss_scaled_as_saved
from keras_weld.models.older import modernise
from keras_weld.models.older_activations import tell_other_activations
from keras_weld.models.older_ops import refuse_means_of_integers
from keras_weld.models.provenance import set_lineage
from keras_weld.models.quiet import quiet
from keras_weld.models.refusal import major_version, refusal
from keras_weld.models.seed_states import set_states_of_seeds

_WHOLE = (Kind.KERAS, Kind.LEGACY_MODEL)
_INSTEAD = {
    "by_name": "Weights go by the architecture, and what does not fit is refused: weld.load(weights, "
    "architecture='model.json'). To take over some layers, load the old model and use "
    "new.get_layer(name).set_weights(old.get_layer(name).get_weights()).",
    "skip_mismatch": "What does not fit is refused. To take over the layers that fit, load the old model and use "
    "new.get_layer(name).set_weights(old.get_layer(name).get_weights()).",
    "safe_mode": "safe_mode=False is unsafe=True here: the file's code then runs with your rights.",
    "options": "Options of TensorFlow's loading are gone: copy the file to this machine first.",
}
_WITH_VOCABULARY = (keras.layers.StringLookup, keras.layers.IntegerLookup, keras.layers.TextVectorization)
_UNTRAINED = ".*holds the architecture alone"
_SKIPPED = ("Skipping variable loading", "objects could not be loaded")
_SUFFIX = {
    Kind.KERAS: (".keras",),
    Kind.WEIGHTS: (".weights.h5",),
    Kind.SHARDED: (".weights.json",),
    Kind.LEGACY_MODEL: HDF5_SUFFIXES,
    Kind.LEGACY_WEIGHTS: HDF5_SUFFIXES,
}


def load(
    path: str | os.PathLike[str],
    *,
    custom_objects: Custom | None = None,
    compile: bool = True,
    unsafe: bool = False,
    limits: Limits | None = None,
    architecture: str | os.PathLike[str] | None = None,
    **older: Any,
) -> keras.Model:
    """Load a saved model: the file is scanned before anything in it is built.

    Args:
        path: a `.keras` file, a whole-model `.h5`, an architecture `.json` or `.yaml` (its weights are random,
            which is told by a warning), or a SavedModel folder that Keras 2 or `weld.save` wrote. With
            `architecture`, any file of weights and any SavedModel folder of Keras as well.
        custom_objects: classes and functions of your own that the model needs: a dict by name, or a list of
            classes, functions or texts such as `"my_layers:Attention"`. What is registered with Keras, and what
            `keras.saving.custom_object_scope` was given, need not be passed.
        compile: whether to compile the model the way it was when it was saved, optimizer state included. An
            architecture that `model.to_json()` of Keras 3 gave tells it too.
        unsafe: also build what carries Python code, such as Lambda layers. The code runs with your rights.
        limits: what the file may ask for.
        architecture: a file that has the architecture (`.json`, `.yaml`, `.keras`, `.h5`), for weights without
            one, or to replace one that Keras 3 cannot build. The model is then not compiled.
        older: options of older versions of Keras, such as `by_name`; each is refused with the new way.

    Returns:
        The model. What its file tells of how it was made goes with it: `lineage(model)`, and into the file when it
        is saved again.

    Raises:
        UsageError: if `path` is no path.
        WeldError: if the file is missing, damaged, unsafe, of another kind, or cannot be built; it names the
            file, the layer as far as it is known, and the remedy.

    Example:
        >>> model = load("model.keras")  # doctest: +SKIP
        >>> model = load("model.weights.h5", architecture="model.json")  # doctest: +SKIP
    """
    refuse_older("weld.load", older, _INSTEAD)
    require_path(path, "Give the path of a saved model; a live model needs no loading.")
    require_flag("compile", compile)
    require_flag("unsafe", unsafe)
    custom = in_scope() | resolve(custom_objects)  # a scope that Keras opens inside another one hides that
    names = frozenset(custom) | registered_names()
    if "://" not in os.fspath(path):
        path = Path(path)
    model = None
    if architecture is not None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_UNTRAINED)
            model = load(architecture, custom_objects=custom, compile=False, unsafe=unsafe, limits=limits)
    limits = Limits() if limits is None else limits
    with (
        scan_file(path, limits=limits, custom=names, unsafe=unsafe, building=model is None) as state,
        add_context(file=path),
    ):
        if model is None:
            refuse_shadowing([state.config, state.compile_config], custom)
        ours = compile and (state.kind == Kind.LEGACY_MODEL or _is_keras_2(state))
        stored = stored_values(state) if ours else {}
        stepless = _has_no_step(state)
        if state.kind != Kind.SAVED_MODEL:
            state.close()  # HDF5 does not let Keras open a file that is open here under other flags
        with stored_budget(state), _translated(state, stepless):
            if model is not None:
                _fill(model, Path(path), state)
            else:
                model = _load_by_itself(Path(path), state, custom, compile and not ours, unsafe)
                if ours:
                    compile_as_saved(model, state, custom, stored)
            _tell_empty_vocabularies(model, state)
            _tell_narrowed(model, state)
            tell_other_activations(model, state)
            set_lineage(model, state.metadata.get("lineage"))  # of the weights, wherever the architecture is from
            set_states_of_seeds(model, state.metadata.get(SEEDS), str(state.source))
            return model


def _load_by_itself(path: Path, state: ModelState, custom: dict[str, Any], compile: bool, unsafe: bool) -> keras.Model:
    kind = Kind(state.kind)
    if kind in _WHOLE:
        try:
            scaled = loss_scaled_as_saved(state) if compile else nullcontext()
            with _named(path, _SUFFIX[kind]) as named, scaled:
                return keras.saving.load_model(
                    named, custom_objects=custom or None, compile=compile, safe_mode=not unsafe
                )
        except Exception as error:
            return _rebuild(path, state, custom, unsafe, error)
    if state.config is None:
        raise _without_architecture(path, kind)
    model = _build(state, state.config, custom, unsafe)
    if kind is Kind.ARCHITECTURE:
        if compile and state.compile_config:
            with keras.saving.custom_object_scope(custom):
                model.compile_from_config(state.compile_config)
        warnings.warn(
            f"{path} holds the architecture alone: the model's weights are random.",
            UserWarning,
            stacklevel=3,
        )
    else:
        _fill(model, path, state)
    return model


def _tell_empty_vocabularies(model: keras.Model, state: ModelState) -> None:
    """Warn of layers whose vocabulary is not in the file: `.keras` alone keeps what `adapt()` learnt."""
    for layer in layers_in(model):
        if isinstance(layer, _WITH_VOCABULARY) and not layer.get_vocabulary(include_special_tokens=False):
            warnings.warn(
                f"{state.source} does not hold the vocabulary of the layer {layer.name!r}: call its "
                "set_vocabulary(…) or adapt(…) before you use the model.",
                UserWarning,
                stacklevel=3,
            )


def _tell_narrowed(model: keras.Model, state: ModelState) -> None:
    """Warn where the backend made float32 of float64: JAX does, unless it is told otherwise."""
    wide = [one for one in model.weights if str(one.dtype) == "float64"]
    narrowed = [one for one in wide if np.asarray(keras.ops.convert_to_numpy(one.value)).dtype != np.float64]
    if narrowed:
        warnings.warn(
            f"{state.source} holds float64, of which the backend {keras.backend.backend()} has made float32 in "
            f"{len(narrowed)} variables, such as {narrowed[0].path}. On JAX, JAX_ENABLE_X64=1 in the environment "
            "keeps it.",
            UserWarning,
            stacklevel=3,
        )


def _has_no_step(state: ModelState) -> bool:
    """Whether what a file has of an optimizer is that of one that took no step: rates, and counters at zero."""
    values = [np.asarray(tensor.read()) for tensor in state.optimizer if tensor.spec.nbytes <= 8]
    if not values or len(values) < len(state.optimizer):
        return False
    return not any(value.any() for value in values if value.dtype.kind in "iu")


def _is_keras_2(state: ModelState) -> bool:
    return state.kind == Kind.KERAS and major_version(state) == 2


def _rebuild(path: Path, state: ModelState, custom: dict[str, Any], unsafe: bool, error: Exception) -> keras.Model:
    """A model of Keras 2 that Keras 3 does not read, in its words; if that fails, the first error counts."""
    if state.config is None or major_version(state) != 2:
        raise error
    try:
        model = _built_anew(state.config, custom, unsafe)
        _fill(model, path, state)
    except UnknownClassError:  # it names what has no equal in Keras 3
        raise
    except Exception:
        raise error from None
    return model


def _built_anew(config: dict[str, Any], custom: dict[str, Any], unsafe: bool) -> keras.Model:
    model = build_legacy(modernise(config), custom, unsafe=unsafe)
    refuse_means_of_integers(model)
    return model


def _without_architecture(path: Path, kind: Kind) -> WrongKindError:
    if kind is Kind.SAVED_MODEL:
        return WrongKindError(
            "This SavedModel keeps the model as a graph, not as layers, so no Keras model can be built from it.",
            expected="a SavedModel that model.save wrote with Keras 2 (it has keras_metadata.pb), or weld.save",
            found="a SavedModel without its architecture, as model.export writes it",
            remedy=f"Give the architecture too: weld.load({str(path)!r}, architecture='model.json') or, on the "
            f"command line, weld convert {path} model.keras --architecture model.json. Or load the .keras file that "
            "it was exported from.",
        )
    return WrongKindError(
        "This file holds weights alone; a model needs its architecture too.",
        expected="a .keras file, or an architecture beside the weights",
        found=f"weights without an architecture ({kind})",
        remedy=f"Give it: weld.load({str(path)!r}, architecture='model.json') or, on the command line, "
        f"weld convert {path} model.keras --architecture model.json, with a file that model.to_json() or model.save() "
        "wrote.",
    )


def _build(state: ModelState, config: dict[str, Any], custom: dict[str, Any], unsafe: bool) -> keras.Model:
    if "module" in config and (major_version(state) or 3) > 2:
        model = keras.saving.deserialize_keras_object(
            {**config, "compile_config": None}, custom_objects=custom or None, safe_mode=not unsafe
        )
    else:
        model = _built_anew(config, custom, unsafe)
    if not isinstance(model, keras.Model):
        raise WrongKindError("The configuration describes no model.", expected="a model", found=type(model).__name__)
    return model


def _fill(model: keras.Model, path: Path, state: ModelState) -> None:
    """Put a file's weights into a model of the same architecture."""
    kind = Kind(state.kind)
    if kind is Kind.ARCHITECTURE:
        raise WrongKindError(
            "This file holds an architecture and no weights.",
            expected="weights to go with the architecture",
            remedy="Give the file of weights first: weld.load('model.weights.h5', architecture='model.json')",
        )
    if kind is Kind.SAVED_MODEL:
        _fill_in_order(model, state)
        return
    with _named(path, _SUFFIX[kind]) as named:
        model.load_weights(named)


def _fill_in_order(model: keras.Model, state: ModelState) -> None:
    tensors = [tensor for tensor in state.weights if tensor.spec.role is not Role.SEED_STATE]
    trained = [tensor for tensor in tensors if tensor.spec.role is Role.TRAINABLE]
    variables = model.weights
    if len(trained) == len(model.trainable_weights):  # a folder from JAX lists these first, others layer by layer
        tensors = trained + [tensor for tensor in tensors if tensor.spec.role is not Role.TRAINABLE]
        variables = model.trainable_weights + model.non_trainable_weights
    if len(tensors) != len(variables):
        raise ShapeMismatchError(
            "The file holds another number of weights than the model has.",
            expected=f"{len(variables)} tensors",
            found=len(tensors),
            remedy="Use the weights that were saved from this very architecture.",
        )
    for variable, tensor in zip(variables, tensors, strict=True):
        if tuple(variable.shape) != tensor.spec.shape:
            raise ShapeMismatchError(
                "A stored tensor does not have the shape that the model gives its variable.",
                layer=variable.path,
                expected=f"shape {tuple(variable.shape)}",
                found=f"{tensor.spec.name} of shape {tensor.spec.shape}",
                remedy="Use the weights that were saved from this very architecture.",
            )
    for variable, tensor in zip(variables, tensors, strict=True):
        variable.assign(tensor.read())
    for layer in layers_in(model):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with values that it works out from its variables


@contextmanager
def _translated(state: ModelState, stepless: bool) -> Iterator[None]:
    """Turn what Keras raises, and its warnings that weights were skipped, into refusals.

    A model that was compiled and never trained is saved without the slots of its optimizer: nothing of it is lost.
    """
    try:
        with quiet():
            for message in _SKIPPED:
                warnings.filterwarnings("error", message=f"(?s).*{message}")
            if stepless:
                warnings.filterwarnings("ignore", message="(?s).*Skipping variable loading for optimizer")
            yield
    except (WeldError, MemoryError):
        raise
    except UserWarning as error:  # by the lines above, or of a process that takes all warnings for errors
        if not any(message in str(error) for message in _SKIPPED):
            raise
        raise refusal(error, state) from error
    except Exception as error:  # Keras, h5py and the backends raise kinds of their own
        raise refusal(error, state) from error


@contextmanager
def _named(path: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    """The path, or a link to it whose name ends the way Keras wants it; the content is known by now."""
    if path.name.endswith(suffixes) and not (".h5" in suffixes and path.name.endswith(".weights.h5")):
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="keras-weld-") as folder:
        link = Path(folder, "model" + suffixes[0])
        try:
            link.symlink_to(path.resolve())
        except OSError:  # Windows lets only some users make links
            shutil.copyfile(path, link)
        yield str(link)
