"""Which channels of a network can change places without changing what it calculates, by its graph alone.

The outputs of a kernel can be permuted if everything that takes them is permuted likewise: the normalization behind it,
the depthwise kernels, the inputs of the next kernels, and all that is added to them. Such channels are a *group*. The
channels of one tensor may be those of several groups, one after the other (concatenation), or of one group several
times (flattening).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from keras_weld.core.permutation_groups import Groups, LayerCall, Permutable
from keras_weld.core.permutation_rules import RULES


def groups_of(calls: Sequence[LayerCall], ends: Iterable[Hashable]) -> Permutable:
    """Find the groups of channels of a network.

    What is not known to treat channels alike keeps the places of all that goes in and comes out.

    Args:
        calls: all calls, in an order in which they can be made.
        ends: the names of the tensors that come out of the network; their channels keep their places.
    """
    groups = Groups()
    for call in calls:
        taken = [groups.channels(key, shape) for key, shape in zip(call.inbound, call.shapes, strict=True)]
        rule = RULES.get(call.layer.class_name)
        given = rule(groups, call, taken) if rule is not None and taken else None
        if given is None:
            for channels in taken:
                groups.pin(channels)
        else:
            groups.put(call.given, given)
    for end in ends:
        groups.pin(groups.channels(end, ()))
    return groups.settled()
