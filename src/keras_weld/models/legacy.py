"""Building from the configurations of Keras 1 and 2."""

from __future__ import annotations

import copy
from typing import Any

import keras


def build_legacy(config: dict[str, Any], custom: dict[str, Any], *, unsafe: bool) -> keras.Model:
    """A model, with fresh weights, from a configuration that names no modules.

    Keras reads such configurations only out of an `.h5` file; this is the part of that reader that builds. It
    is not public, so it is used here alone.
    """
    from keras.src.legacy.saving.saving_options import keras_option_scope
    from keras.src.legacy.saving.saving_utils import model_from_config
    from keras.src.saving.serialization_lib import SafeModeScope

    with keras_option_scope(use_legacy_config=True), SafeModeScope(not unsafe):
        return model_from_config(copy.deepcopy(config), custom_objects=custom)
