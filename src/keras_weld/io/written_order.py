"""In which order the groups of an HDF5 file were written.

HDF5 lists names alphabetically, and puts small tensors elsewhere than large ones. What grows with time is the
place of an object's header, but freed room is used again. Keras numbers the layers of one class as it writes
them, which sets right what is used again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from keras_weld.io.hdf5 import Stored, natural

Order = tuple[tuple[int, int], ...]


def written_order(datasets: Iterable[Stored]) -> dict[str, Order]:
    """A sort key for every group that holds tensors, directly or below: earlier ones come first.

    Exact but for a place or two among hundreds. The groups of a class keep the order of their numbers.
    """
    first: dict[str, int] = {}
    for stored in datasets:
        group = stored.path
        while group:
            group = group.rpartition("/")[0]
            first[group] = min(first.get(group, stored.made), stored.made)
    reached: dict[str, int] = {}
    keys: dict[str, Order] = {"": ()}
    for number, group in enumerate(sorted(first, key=natural)):
        if group:
            of_class = re.sub(r"_\d+$", "", group)
            reached[of_class] = max(reached.get(of_class, 0), first[group])
            keys[group] = (*keys[group.rpartition("/")[0]], (reached[of_class], number))
    return keys
