"""Which tensor of a SavedModel is which variable of an architecture: names, the order, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from keras_weld.core.graph import ModelGraph
from keras_weld.core.state import BY_ORDER, LazyTensor, ModelState
from keras_weld.core.tensor import Role, TensorSpec
from keras_weld.errors import IncompatibleModelsError, ShapeMismatchError
from keras_weld.io.kinds import Kind
from keras_weld.io.placing import place

Layers = Sequence[tuple[str, int]]


def architecture(layers: Layers) -> ModelGraph:
    """Dense layers one after the other, each with its units."""
    begin: dict[str, Any] = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 8]}}
    shapes = [8, *(units for _, units in layers)]
    dense = [
        {
            "class_name": "Dense",
            "config": {"name": name, "units": units, "use_bias": True},
            "build_config": {"input_shape": [None, size]},
        }
        for (name, units), size in zip(layers, shapes, strict=False)
    ]
    return ModelGraph.from_config({"class_name": "Sequential", "config": {"name": "row", "layers": [begin, *dense]}})


def saved(layers: Layers, kind: str = Kind.SAVED_MODEL) -> ModelState:
    """A file with those layers, of which every tensor holds the number of its place."""
    tensors: dict[str, LazyTensor] = {}
    size = 8
    for number, (layer, units) in enumerate(layers):
        for variable, shape in (("kernel", (size, units)), ("bias", (units,))):
            name = f"row_2/{layer}/{variable}"
            spec = TensorSpec(
                name, shape, np.dtype("float32"), Role.TRAINABLE, f"variables/{len(tensors)}", f"row_2/{layer}"
            )
            tensors[name] = LazyTensor(spec, filled(shape, number))
        size = units
    return ModelState("saved", kind, tensors)


def filled(shape: tuple[int, ...], value: float) -> Callable[[], np.ndarray[Any, Any]]:
    return lambda: np.full(shape, value, np.float32)


def found_in(layers: Layers, file: Layers) -> dict[str, int]:
    """For each kernel of the architecture the place of the file's layer that it was found in."""
    placed = place(saved(file), architecture(layers))
    return {layer: int(placed[f"{layer}/kernel"].read()[0, 0]) for layer, _ in layers}


def test_names_count_where_all_agree_even_against_the_order() -> None:
    layers = [("one", 8), ("two", 8), ("three", 8)]
    assert found_in(layers, [("two", 8), ("three", 8), ("one", 8)]) == {"one": 2, "two": 0, "three": 1}
    assert BY_ORDER not in place(saved(layers), architecture(layers)).metadata


def test_order_counts_where_only_some_names_agree_and_none_speaks_against_it() -> None:
    layers = [("one", 8), ("two", 8), ("three", 8)]
    assert found_in(layers, [("one", 8), ("other", 8), ("three", 8)]) == {"one": 0, "two": 1, "three": 2}
    assert place(saved([("one", 8), ("other", 8), ("three", 8)]), architecture(layers)).metadata[BY_ORDER]


def test_names_that_a_counter_gave_in_another_process_do_not_speak_against_the_order() -> None:
    layers = [("dense", 8), ("dense_1", 8), ("dense_2", 8)]
    assert found_in(layers, [("dense_1", 8), ("dense_2", 8), ("dense_3", 8)]) == {
        "dense": 0,
        "dense_1": 1,
        "dense_2": 2,
    }


def test_a_name_whose_layer_has_another_shape_does_not_speak_against_the_order() -> None:
    layers = [("one", 6), ("two", 5), ("three", 4)]
    assert found_in(layers, [("two", 6), ("other", 5), ("three", 4)]) == {"one": 0, "two": 1, "three": 2}


def test_between_layers_of_one_shape_names_against_the_order_are_refused() -> None:
    with pytest.raises(IncompatibleModelsError, match="which tensor of this file is which") as caught:
        found_in([("one", 8), ("two", 8), ("three", 8)], [("two", 8), ("one", 8), ("other", 8)])
    assert caught.value.found == "one/kernel by the order, two/kernel by the name"


@pytest.mark.parametrize("names", [("one", "two"), ("a", "b")])
def test_another_shape_is_refused_whatever_the_names_say(names: tuple[str, str]) -> None:
    with pytest.raises(ShapeMismatchError, match="not those of the architecture") as caught:
        found_in([("one", 6), ("two", 5)], [(names[0], 7), (names[1], 5)])
    assert caught.value.expected == "one/kernel of shape (8, 6)"
    assert caught.value.found == f"row_2/{names[0]}/kernel of shape (8, 7)"


def test_another_number_of_tensors_is_refused() -> None:
    with pytest.raises(ShapeMismatchError) as caught:
        found_in([("one", 6), ("two", 5)], [("one", 6)])
    assert (caught.value.expected, caught.value.found) == (
        "4 tensors, those of each layer together",
        "2 tensors",
    )
