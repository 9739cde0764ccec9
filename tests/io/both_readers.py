"""An HDF5 file in memory, looked through by our own reader and by h5py."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py

from keras_weld.errors import WeldError
from keras_weld.io.hdf5_errors import hdf5_errors
from keras_weld.io.hdf5_file import Hdf5
from keras_weld.io.hdf5_plain import parse
from keras_weld.io.hdf5_walk import Walk
from keras_weld.io.limits import Limits

DEFAULT = Limits()


def _opened(data: bytes, limits: Limits) -> Hdf5:
    return Hdf5(Path("m.h5"), lambda: h5py.File(io.BytesIO(data), "r"), limits, len(data), -1)


def with_our_own(data: bytes, limits: Limits = DEFAULT) -> Hdf5 | None:
    """None if the reader leaves it to h5py."""
    content = _opened(data, limits)
    return content if parse(content, data) else None


def with_h5py(data: bytes, limits: Limits = DEFAULT) -> Hdf5:
    content = _opened(data, limits)
    with hdf5_errors("The HDF5 part of the file is damaged."):
        Walk(content).run()
    return content


def require_same(ours: Hdf5, theirs: Hdf5, attributes: tuple[str, ...] = ()) -> None:
    assert list(ours.datasets.items()) == list(theirs.datasets.items())
    assert ours.groups == theirs.groups
    for group in ["", *ours.groups]:
        for name in attributes:
            assert attribute(ours, group, name) == attribute(theirs, group, name), (group, name)


def attribute(content: Hdf5, group: str, name: str) -> Any:
    try:
        return content.attribute(group, name)
    except WeldError as error:
        return type(error)
