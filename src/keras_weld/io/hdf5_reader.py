"""The choice of what looks through the structure of an HDF5 file."""

from __future__ import annotations

from enum import Enum


class Reader(Enum):
    """What looks through a file's structure."""

    QUICK = "our own reader, and h5py for what that does not know"
    H5PY = "h5py, for a file that Keras will load: what is checked is then what Keras will see"
    OWN = "our own reader alone, for a file that was just written"
