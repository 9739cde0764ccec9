"""How a refusal of an HDF5 file is worded, and what h5py raises is turned into one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from keras_weld.errors import DamagedFileError

NOT_KERAS = "Do not use this file unless you know who made it; Keras does not write such files."
COPY_AGAIN = "Copy the file again from where it came from; it may not have been written whole."


@contextmanager
def hdf5_errors(problem: str) -> Iterator[None]:
    """Say what h5py raises when a file's structure is damaged, in one way.

    Raises:
        DamagedFileError: instead of it.
    """
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # h5py raises all of these
        found = str(error).split("\n")[0]
        raise DamagedFileError(problem, found=found, remedy=COPY_AGAIN) from error
