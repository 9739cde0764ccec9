"""Sources by themselves behind the inputs of a composition: what it is fairly compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from keras_weld.compose.inputs import SHARED, join_inputs
from keras_weld.compose.member import Member
from keras_weld.compose.parts import part_of
from keras_weld.models.cut import alone


def source_views(
    members: Sequence[Member],
    *,
    inputs: str = SHARED,
    outputs: Mapping[str, str] | None = None,
    size: tuple[int, int] | None = None,
    ranges: Mapping[str, str] | None = None,
) -> list[keras.Model]:
    """Every source whole, behind inputs and adapters as a composition with the same options has them.

    Args:
        members: the sources; what the composition itself was made of has been trained on, so give fresh ones.
        inputs: "shared" or "separate".
        outputs: by member with several outputs, the only one that is given.
        size: height and width of shared images.
        ranges: by member, the range of pixels that it takes.

    Returns:
        A model for each source, under its name.

    Raises:
        IncompatibleModelsError: if the models cannot share an input.
    """
    joined = join_inputs(members, inputs, size=size, ranges=ranges)
    made = []
    for member in members:
        part = part_of(member)
        given = keras.tree.flatten(part.model(alone(joined.entering[member.name])))
        only = (outputs or {}).get(member.name)
        kept = given if only not in part.names else [given[part.names.index(only)]]
        made.append(keras.Model(alone(joined.inputs), alone(kept), name=member.name))
    return made
