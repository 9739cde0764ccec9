"""All that keras-weld uses of Keras without Keras having promised it: one place to look when a release breaks.

The loop of `fit`, which `weld.Resume` goes along with, has a file of its own: `training/keras_loop.py`.

Each function says what it is needed for, and why nothing public will do.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import keras


def layers_in(layer: Any) -> list[Any]:
    """A layer and all layers in it, the outer before the inner, each once.

    `model.layers` is public and does not look into layers made of layers: a cell in an LSTM, a dense layer in a
    layer of the user's own.
    """
    return list(layer._flatten_layers())


def layers_directly_in(layer: Any) -> list[Any]:
    """The layers that are attributes of a layer, in the order in which it stores them.

    Models alone have the public `layers`, which leaves out those that a model keeps for itself.
    """
    return list(layer._layers)


def seed_generators_in(layer: Any) -> list[Any]:
    """The generators of a layer and of all layers in it, each once.

    The public `variables` has their states among all others, and does not tell which they are.
    """
    found = [one for inner in layers_in(layer) for one in inner._seed_generators]
    return list({id(one): one for one in found}.values())


def made_to_be_trained(layer: Any) -> list[Any]:
    """A layer's own variables that were made to be trained, whether or not they are frozen now.

    The public `trainable_variables` is empty once a layer is frozen, and takes in the layers inside.
    """
    return list(layer._trainable_variables)


def trained_by(optimizer: Any) -> list[Any]:
    """The variables that an optimizer was built for, in the order of its own variables for them.

    A checkpoint can be put into variables alone that are there, and Keras tells nobody what it built them by.
    """
    return list(getattr(optimizer, "inner_optimizer", optimizer)._trainable_variables)


def build_for(model: keras.Model, batch: Any) -> None:
    """Make all variables that training on such a batch needs, those of losses and metrics too; nothing is computed.

    A batch is the tuple of inputs, targets and weights, or what TensorFlow tells of the shapes of one.

    A checkpoint can be put into variables alone that are there. The public ways to make those of metrics compute a
    step, which changes them and the random state.
    """
    model._symbolic_build(data_batch=batch)


def compiled_with(model: keras.Model) -> dict[str, Any]:
    """What `compile` was given, as it was given.

    The public `get_compile_config` makes texts of it, which fails for objects of the user's own.
    """
    return dict(model._compile_config.config)


def begin_at(model: keras.Model, epoch: int | None) -> None:
    """Have the `fit` that is about to begin start with this epoch; None for the one that it was told.

    Keras's own `BackupAndRestore` does it so; a callback has no other way.
    """
    model._initial_epoch = epoch


def in_form(model: keras.Model, inputs: Sequence[Any]) -> Any:
    """Inputs, one for each of `model.inputs`, in the form that the model is called with: one, a list or a dict.

    The public `model.input` is what the form was given with, but not of models that were built by a first call.
    """
    return keras.tree.pack_sequence_as(getattr(model, "_inputs_struct", model.inputs[0]), list(inputs))


def seed_generator() -> Any:
    """The generator that layers and operations without a seed of their own draw from; None if it was not asked yet.

    The public `set_random_seed` can only begin it anew, and it has to go on where a checkpoint left it.
    """
    from keras.src.backend.common import global_state

    return global_state.get_global_attribute("global_seed_generator")


def random_seed() -> int | None:
    """The number that `set_random_seed` was called with; None if it was not.

    Keras publishes only the function that sets it.
    """
    from keras.src.backend.common import global_state

    seed: int | None = global_state.get_global_attribute("global_random_seed")
    return seed


def in_scope() -> dict[str, Any]:
    """What `keras.saving.custom_object_scope` was given, in the blocks that we are in.

    The public `get_custom_objects` has only what was registered.
    """
    from keras.src.backend.common import global_state

    return dict(global_state.get_global_attribute("custom_objects_scope_dict", {}))


def build_legacy(config: dict[str, Any], custom: dict[str, Any], *, unsafe: bool) -> keras.Model:
    """A model, with fresh weights, from a configuration of Keras 1 or 2, which names no modules.

    Keras reads such configurations only out of an `.h5` file; this is the part of that reader that builds.
    """
    from keras.src.legacy.saving.saving_options import keras_option_scope
    from keras.src.legacy.saving.saving_utils import model_from_config
    from keras.src.saving.serialization_lib import SafeModeScope

    with keras_option_scope(use_legacy_config=True), SafeModeScope(not unsafe):
        return model_from_config(copy.deepcopy(config), custom_objects=custom)
