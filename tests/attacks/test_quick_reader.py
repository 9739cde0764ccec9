"""What our own reader of HDF5 structure makes of hostile files: it never accepts what h5py's walk refuses."""

from __future__ import annotations

import pytest
from make import ATTACKS, HONEST

from keras_weld.errors import WeldError, WriteError
from keras_weld.io import archive
from keras_weld.io.hdf5 import open_hdf5
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.keras_file import open_weights_member
from keras_weld.io.limits import Limits

HDF5 = {name: attack for name, attack in {**HONEST, **ATTACKS}.items() if name.startswith("hdf5: ") or name in HONEST}


def look_through(path, reader):
    """Groups and tensors of the file, or what it is refused with."""
    try:
        if path.suffix == ".keras":
            opened = archive.open_archive(path, Limits())
            with opened.file:
                content = open_weights_member(opened, reader)
        else:
            content = open_hdf5(path, Limits(), reader=reader)
    except WeldError as error:
        return type(error)
    found = content.groups, content.datasets
    content.close()
    return found


@pytest.mark.parametrize("name", list(HDF5))
def test_nothing_is_accepted_that_h5py_refuses(tmp_path, name):
    path = tmp_path / f"model{HDF5[name].suffix}"
    HDF5[name].make(path)
    ours, theirs = look_through(path, Reader.OWN), look_through(path, Reader.H5PY)
    assert ours in (WriteError, theirs)
    assert look_through(path, Reader.QUICK) == theirs
    if name in HONEST:
        assert ours == theirs
