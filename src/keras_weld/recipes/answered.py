"""Which outputs data has targets for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keras_weld.data.split import Split
from keras_weld.data.target_names import require_all_named
from keras_weld.errors import DataError


def targets_by_output(names: Sequence[str], split: Split) -> Mapping[int, int]:
    """By number of an output, the number of the target that belongs to it; outputs without one are left out.

    Targets that have the names of outputs belong to these; others are taken in order, one for each output.

    Args:
        names: the outputs' names.
        split: the examples.

    Raises:
        DataError: if targets without the outputs' names are not as many as these, or some have names of outputs and
            others have not.

    Example:
        >>> from keras_weld.data import open_data
        >>> data = open_data({"x": [[0.0]], "y0": [1], "y1": [2]})
        >>> targets_by_output(["shape", "colour"], data.splits["all"])
        {0: 0, 1: 1}
    """
    named = split.target_names
    common = [name for name in names if name in named]
    if common and (set(named) <= set(names) or len(common) == len(names)):
        return {number: named.index(name) for number, name in enumerate(names) if name in named}
    require_all_named(names, named, split.origin)
    count = len(named) or len(split.targets)
    if count != len(names):
        one = len(names) == 1
        raise DataError(
            "The data has another number of targets than there are outputs.",
            file=split.origin,
            expected=f"targets for {', '.join(names)}",
            found=f"{count}" + (f": {', '.join(named)}" if named else ""),
            remedy="Name the right one: FILE.npz:inputs,targets"
            if one
            else "Give one for each output in their order, or give targets under the names of outputs: "
            "FILE.npz:inputs,NAME+NAME. Outputs whose names are missing are left out then.",
        )
    return {number: number for number in range(count)}
