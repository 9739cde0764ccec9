"""Groups of channels by the graph alone."""

from __future__ import annotations

from typing import Any

from keras_weld.core.graph import GraphLayer
from keras_weld.core.permutation_groups import LayerCall, Permutable
from keras_weld.core.permutations import groups_of

PICTURE = (None, 4, 4, 3)


class Network:
    """Calls in order, each tensor under the name of the layer that makes it."""

    def __init__(self) -> None:
        self.calls: list[LayerCall] = []
        self.shapes: dict[str, Any] = {"input": PICTURE}

    def add(self, class_name: str, *inbound: str, name: str = "", shape: Any = (None, 4, 4, 8), **config: Any) -> str:
        given = name or f"{class_name.lower()}_{len(self.calls)}"
        layer, shapes = GraphLayer(given, class_name, config=config), tuple(self.shapes[one] for one in inbound)
        self.calls.append(LayerCall(given, layer, inbound, shapes, given))
        self.shapes[given] = shape
        return given

    def conv(self, inbound: str, filters: int = 8, name: str = "") -> str:
        return self.add("Conv2D", inbound, name=name, shape=(None, 4, 4, filters), filters=filters, use_bias=True)

    def groups(self, end: str) -> Permutable:
        return groups_of(self.calls, [end])


def axes(found: Permutable) -> dict[str, tuple[int, ...]]:
    return {f"{one.layer}.{one.weight}{one.axis}": one.groups for one in found.bound}


def test_a_kernel_with_all_that_goes_along_up_to_the_next_one() -> None:
    net = Network()
    first = net.conv("input", name="first")
    normal = net.add("BatchNormalization", first, name="normal", axis=-1)
    deep = net.add("DepthwiseConv2D", net.add("ReLU", normal), name="deep", use_bias=False)
    last = net.conv(deep, name="last")
    found = net.groups(last)
    assert len(found.free) == 1
    group = found.free
    assert found.sizes[group[0]] == 8
    assert axes(found) == {
        "first.kernel-1": group,
        "first.bias-1": group,
        **{f"normal.{name}-1": group for name in ("gamma", "beta", "moving_mean", "moving_variance")},
        "deep.kernel-2": group,
        "last.kernel-2": group,
    }


def test_what_is_added_goes_together_and_with_an_output_it_stays() -> None:
    net = Network()
    x = net.conv("input", name="x")
    y = net.conv(net.conv(x, 6, name="inner"), name="y")
    both = net.add("Add", x, y)
    assert len(net.groups(both).free) == 1  # the inner one
    end = net.conv(both, 2, name="end")
    found = net.groups(end)
    assert len(found.free) == 2
    assert axes(found)["x.kernel-1"] == axes(found)["y.kernel-1"] == axes(found)["end.kernel-2"]


def test_concatenated_channels_are_one_after_the_other_and_flattened_ones_come_again() -> None:
    net = Network()
    x, y = net.conv("input", 5, name="x"), net.conv("input", 2, name="y")
    both = net.add("Concatenate", x, y, shape=(None, 4, 4, 7), axis=-1)
    flat = net.add("Flatten", both, shape=(None, 4 * 4 * 7))
    found = net.groups(net.add("Dense", flat, name="end", shape=(None, 3), units=3))
    bound = axes(found)
    assert bound["end.kernel-2"] == (*bound["x.kernel-1"], *bound["y.kernel-1"]) * 16


def test_what_is_not_known_keeps_all_places_before_and_after() -> None:
    for class_name, config in (("Mine", {}), ("LSTM", {"units": 8}), ("Conv2D", {"filters": 8, "groups": 2})):
        net = Network()
        odd = net.add(class_name, net.conv("input"), **config)
        assert net.groups(net.conv(net.add("ReLU", odd), 3)).free == ()


def test_a_layer_that_is_called_twice_has_the_same_channels_both_times() -> None:
    net = Network()
    first = net.conv("input", name="first")
    twice = net.conv(net.conv(first, name="twice"), name="twice")
    found = net.groups(net.conv(twice, 3, name="end"))
    bound = axes(found)
    assert bound["first.kernel-1"] == bound["twice.kernel-2"] == bound["twice.kernel-1"] == bound["end.kernel-2"]
    assert len(found.free) == 1
