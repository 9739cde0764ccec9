"""`.weights.h5`: the weights alone, in Keras 3's layout."""

from __future__ import annotations

import json
from typing import Any

from keras_weld.core.state import ModelState
from keras_weld.io.hdf5 import Hdf5
from keras_weld.io.keras_file import lazy_tensors
from keras_weld.io.kinds import LINEAGE, SEEDS, Kind


def read_weights(content: Hdf5) -> ModelState:
    """The state in an HDF5 file that is open and checked."""
    return ModelState(
        source=str(content.path),
        kind=Kind.WEIGHTS,
        tensors=lazy_tensors(content, None),
        metadata=root_entries(content),
        closers=(content.close,),
    )


def root_entries(content: Hdf5) -> dict[str, Any]:
    """What an HDF5 file that keras-weld wrote has at its root: lineage and states of seeds; None otherwise."""
    return {"lineage": _entry(content, LINEAGE), SEEDS: _entry(content, SEEDS)}


def _entry(content: Hdf5, name: str) -> Any:
    pieces = content.texts("", name)
    if pieces is None:
        return None
    try:
        return json.loads("".join(str(piece) for piece in pieces))
    except ValueError:  # not ours after all
        return None
