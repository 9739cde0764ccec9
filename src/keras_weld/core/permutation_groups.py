"""Groups of channels that can change places together only, and the axes of weights that go with them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from keras_weld.core.graph import GraphLayer
from keras_weld.core.graph_nodes import Shape

Channels = tuple[int, ...]
"""The channels of a tensor, on its last axis: numbers of groups, one after the other."""


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One call of a layer, as far as channels are concerned.

    Attributes:
        name: the layer's name, the same for all calls of one layer.
        layer: what the config says of it.
        inbound: what goes in, in order; each tensor by a name of the caller's own.
        shapes: of what goes in, batch first.
        given: the name of what comes out, of the first result.
    """

    name: str
    layer: GraphLayer
    inbound: tuple[Hashable, ...]
    shapes: tuple[Shape, ...]
    given: Hashable


@dataclass(frozen=True, slots=True)
class Bound:
    """An axis of a weight whose places are channels.

    Attributes:
        layer: the layer's name.
        weight: how the path of the weight ends, `kernel` or `query/kernel`.
        axis: counted from the end, -1 for the last.
        groups: the channels along the axis.
    """

    layer: str
    weight: str
    axis: int
    groups: Channels


@dataclass(frozen=True, slots=True)
class Permutable:
    """The groups of a network.

    Attributes:
        sizes: how many channels each group has, those too that have to stay where they are.
        free: the groups whose channels can change places, in the order of the network.
        bound: what has to be permuted with them.
    """

    sizes: dict[int, int]
    free: tuple[int, ...]
    bound: tuple[Bound, ...]


class Groups:
    """Groups while they are being found: some turn out to be one, some to be pinned."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._sizes: list[int] = []
        self._pinned: set[int] = set()
        self._tensors: dict[Hashable, Channels] = {}
        self._bound: dict[tuple[str, str, int], Channels] = {}

    def channels(self, key: Hashable, shape: Shape) -> Channels:
        """The channels of a tensor; of one that nothing known has made, they are pinned."""
        if key not in self._tensors:
            self._tensors[key] = self.new((shape[-1] if shape else None) or 0)
            self.pin(self._tensors[key])
        return self._tensors[key]

    def put(self, key: Hashable, channels: Channels) -> None:
        """Say what the channels of a tensor are."""
        self._tensors[key] = channels

    def new(self, size: int) -> Channels:
        """A group of its own."""
        self._parents.append(len(self._parents))
        self._sizes.append(size)
        return (len(self._parents) - 1,)

    def size(self, channels: Channels) -> int:
        """How many channels they are."""
        return sum(self._sizes[one] for one in channels)

    def pin(self, channels: Channels) -> None:
        """Have channels stay where they are."""
        self._pinned.update(channels)

    def tie(self, first: Channels, second: Channels) -> None:
        """Have channels go along with others, one by one; where they are divided otherwise, all stay."""
        if [self._sizes[one] for one in first] != [self._sizes[one] for one in second]:
            self.pin(first + second)
            return
        for one, other in zip(first, second, strict=True):
            one, other = sorted((self._root(one), self._root(other)))
            self._parents[other] = one

    def bind(self, call: LayerCall, weight: str, axis: int, channels: Channels) -> Channels:
        """Say what the channels along an axis of a weight are; in a second call of its layer they are the same."""
        known = self._bound.setdefault((call.name, weight, axis), channels)
        if known != channels:
            self.tie(known, channels)
        return known

    def settled(self) -> Permutable:
        """What was found."""
        roots = [self._root(one) for one in range(len(self._parents))]
        pinned = {roots[one] for one in self._pinned}
        bound = tuple(
            Bound(layer, weight, axis, tuple(roots[one] for one in channels))
            for (layer, weight, axis), channels in self._bound.items()
        )
        free = tuple(dict.fromkeys(root for root in roots if root not in pinned and self._sizes[root] > 1))
        sizes = {root: self._sizes[root] for root in roots}
        return Permutable(sizes, free, tuple(one for one in bound if set(one.groups) & set(free)))

    def _root(self, one: int) -> int:
        while self._parents[one] != one:
            one = self._parents[one]
        return one
