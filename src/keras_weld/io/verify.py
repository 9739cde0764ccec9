"""Whether a file that was just written holds what it should."""

from __future__ import annotations

import os
from collections.abc import Sequence

from keras_weld.errors import WriteError
from keras_weld.io.hdf5 import Hdf5
from keras_weld.io.hdf5_writer import Slot


def verify(content: Hdf5, slots: Sequence[Slot], path: str | os.PathLike[str]) -> None:
    """Compare the tensors of a file that was opened again with those that were to be written.

    Args:
        content: the file.
        slots: what it should hold.
        path: what the person calls it.

    Raises:
        WriteError: if there is a difference.
    """
    found = {place: (stored.shape, stored.dtype) for place, stored in content.datasets.items()}
    wanted = {slot.path: (slot.shape, slot.dtype) for slot in slots}
    if found != wanted:
        differing = sorted(set(found.items()) ^ set(wanted.items()), key=str)
        raise WriteError(
            "The file that was written does not hold what it should; it was not kept.",
            file=path,
            found=str(differing[:2]),
            remedy="Check the disk; if it is well, report this.",
        )
