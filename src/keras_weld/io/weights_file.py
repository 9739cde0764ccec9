"""`.weights.h5`: the weights alone, in Keras 3's layout."""

from __future__ import annotations

import json
from typing import Any

from keras_weld.core.state import ModelState
from keras_weld.io.hdf5 import Hdf5
from keras_weld.io.keras_file import lazy_tensors
from keras_weld.io.kinds import LINEAGE, Kind


def read_weights(content: Hdf5) -> ModelState:
    """The state in an HDF5 file that is open and checked."""
    return ModelState(
        source=str(content.path),
        kind=Kind.WEIGHTS,
        tensors=lazy_tensors(content, None),
        metadata={"lineage": root_lineage(content)},
        closers=(content.close,),
    )


def root_lineage(content: Hdf5) -> Any:
    """The lineage kept at the root of an HDF5 file that keras-weld wrote; None otherwise."""
    pieces = content.texts("", LINEAGE)
    if pieces is None:
        return None
    try:
        return json.loads("".join(str(piece) for piece in pieces))
    except ValueError:  # not ours after all
        return None
