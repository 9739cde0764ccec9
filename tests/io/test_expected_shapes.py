from __future__ import annotations

import numpy as np
import pytest

from keras_weld.core.tensor import Role, TensorSpec
from keras_weld.errors import LimitError, ShapeMismatchError
from keras_weld.io.check_sizes import check_sizes
from keras_weld.io.expected_shapes import expected_shapes
from keras_weld.io.limits import Limits


def spec(layer, shape, role=Role.TRAINABLE):
    return TensorSpec(f"{layer}/x", shape, np.dtype("float32"), role, f"layers/{layer}/vars/0", layer)


def dense(name, units, built=None, **more):
    entry = {
        "class_name": "Dense",
        "module": "keras.layers",
        "config": {"name": name, "units": units, **more},
    }
    return entry if built is None else {**entry, "build_config": {"input_shape": [None, built]}}


def sequential(*layers):
    first = {
        "class_name": "InputLayer",
        "module": "keras.layers",
        "config": {"name": "in", "batch_shape": [None, 4]},
    }
    return {"class_name": "Sequential", "config": {"name": "mlp", "layers": [first, *layers]}}


@pytest.mark.parametrize(
    ("class_name", "config", "built", "expected"),
    [
        ("Dense", {"units": 3}, [None, 5], {"kernel": (5, 3), "bias": (3,)}),
        ("Dense", {"units": 3, "use_bias": False}, None, {"kernel": (None, 3)}),
        ("Embedding", {"input_dim": 9, "output_dim": 2}, None, {"embeddings": (9, 2)}),
        ("Conv2D", {"filters": 6, "kernel_size": [3, 2], "groups": 2}, [None, 8, 8, 4],
         {"kernel": (3, 2, 2, 6), "bias": (6,)}),
        ("Conv2D", {"filters": 6, "kernel_size": [3, 3], "data_format": "channels_first"}, [None, 4, 8, 8],
         {"kernel": (3, 3, 4, 6), "bias": (6,)}),
        ("Conv1DTranspose", {"filters": 6, "kernel_size": 3}, [None, 8, 4],
         {"kernel": (3, 6, 4), "bias": (6,)}),
        ("LSTM", {"units": 5}, [None, 7, 3],
         {"cell/kernel": (3, 20), "cell/recurrent_kernel": (5, 20), "cell/bias": (20,)}),
        ("GRUCell", {"units": 5}, None, {"kernel": (None, 15), "recurrent_kernel": (5, 15), "bias": (2, 15)}),
        ("BatchNormalization", {"axis": [3]}, [None, 8, 8, 4],
         dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (4,))),
        ("Normalization", {"axis": [1, 2], "mean": None}, [None, 30, 40],
         {"mean": (30, 40), "variance": (30, 40), "count": ()}),
        ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 7, "bias_axes": "y"}, [None, 2, 5],
         {"kernel": (5, 7)}),
        ("Flatten", {}, None, None),
        ("Scale", {"units": 3}, None, None),
        ("Dense", {"output_dim": 3}, None, None),
        ("Dense", {"units": 3.0}, None, None),
        ("Conv2D", {"filters": 3, "kernel_size": [1]}, None, None),
        ("Bidirectional", {"layer": None}, None, None),
    ],
)  # fmt: skip
def test_shapes_by_variable(class_name, config, built, expected):
    assert expected_shapes(class_name, config, {"input_shape": built}) == expected


def test_what_is_stored_passes():
    config = sequential(dense("a", 8, built=4), dense("b", 2, use_bias=False))
    check_sizes(config, [spec("a", (4, 8)), spec("a", (8,)), spec("b", (8, 2))])


def test_a_layer_that_declares_more_than_is_stored_is_named():
    config = sequential(dense("a", 8), dense("wide", 30_000_000))
    with pytest.raises(ShapeMismatchError) as caught:
        check_sizes(config, [spec("a", (4, 8)), spec("a", (8,)), spec("wide", (8, 2)), spec("wide", (2,))], "m.keras")
    assert str(caught.value) == (
        "A layer asks for a tensor of another shape than the file has stored.\n"
        "  file:     m.keras\n"
        "  layer:    wide/kernel\n"
        "  expected: shape (?, 30_000_000), as the configuration says\n"
        "  found:    (8, 2), (2,)\n"
        "  remedy:   The weights do not belong to this configuration: save the model again, or use the "
        "weights that were saved with it."
    )


def test_a_layer_without_stored_tensors_is_refused():
    with pytest.raises(ShapeMismatchError, match="no tensor for this layer"):
        check_sizes(sequential(dense("wide", 30_000_000)), [])


def test_the_optimizer_does_not_count():
    with pytest.raises(ShapeMismatchError):
        check_sizes(sequential(dense("a", 900)), [spec("a", (4, 900), Role.OPTIMIZER)])


def test_many_layers_on_one_stored_tensor_are_too_much():
    layers = [dense(f"d{number}", 1000, built=1000, use_bias=False) for number in range(20)]
    with pytest.raises(ShapeMismatchError, match="asks for more than the file has stored"):
        check_sizes(sequential(*layers), [spec("other", (1000, 1000))])


def test_repeating_one_layer_under_one_name_is_too_much():
    layers = [
        {"class_name": "Sequential", "config": {"name": f"s{number}", "layers": [
            {**dense("same", 1000, built=1000, use_bias=False), "shared_object_id": number}]}}
        for number in range(40)
    ]  # fmt: skip
    with pytest.raises(ShapeMismatchError, match="asks for more than the file has stored"):
        check_sizes(sequential(*layers), [spec("same", (1000, 1000))])


def test_tensors_of_a_legacy_file_lie_under_the_outer_model():
    inner = {**sequential(dense("a", 8, built=4)), "name": "encoder"}
    inner["config"]["name"] = "encoder"
    check_sizes(sequential(inner), [spec("encoder", (4, 8)), spec("encoder", (8,))])


def test_quantised_kernels_may_be_packed_but_not_missing():
    policy = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int4", "source_name": "float32"}}
    config = sequential(dense("a", 8, built=400, use_bias=False, dtype=policy))
    check_sizes(config, [spec("a", (4, 400))])
    with pytest.raises(ShapeMismatchError):
        check_sizes(config, [spec("a", (40,))])


def test_a_rank_of_lora_larger_than_the_kernel():
    config = sequential(dense("a", 80, built=90, use_bias=False, lora_rank=70))
    check_sizes(config, [spec("a", (90, 80))])
    config = sequential(dense("a", 80, built=90, use_bias=False, lora_rank=16_000_000))
    with pytest.raises(ShapeMismatchError, match="LoRA rank"):
        check_sizes(config, [spec("a", (90, 80))])


def test_an_architecture_alone_is_held_to_the_limit_of_a_tensor():
    config = sequential(dense("a", 1000, built=1000))
    check_sizes(config, [], weights=False)
    with pytest.raises(LimitError, match="--limit tensor_bytes=4000000"):
        check_sizes(config, [], limits=Limits(tensor_bytes=1000), weights=False)


def test_a_sequential_model_that_was_never_built_has_nothing_to_check():
    unbuilt = {"class_name": "Sequential", "config": {"name": "s", "layers": [dense("a", 5)]}}
    check_sizes(unbuilt, [])
    told = {"class_name": "Sequential", "config": {"name": "s", "layers": [dense("a", 5, input_shape=[9])]}}
    with pytest.raises(ShapeMismatchError):
        check_sizes(told, [])
