"""Names, roles and paths where the file does not tell them outright."""

from __future__ import annotations

from pathlib import Path

import handmade
import numpy as np
import pytest

from keras_weld.core.tensor import Role
from keras_weld.io.hdf5 import Stored
from keras_weld.io.naming import storage_path
from keras_weld.io.read import open_model
from keras_weld.io.written_order import written_order


def floats(*paths: str) -> handmade.Tensors:
    return {path: np.full(3, number, "f4") for number, path in enumerate(paths)}


def names(folder: Path, values: handmade.Tensors) -> dict[str, str]:
    handmade.make_weights(folder / "m.weights.h5", values)
    with open_model(folder / "m.weights.h5") as state:
        return {spec.path: spec.name for spec in state.specs}


@pytest.mark.parametrize(
    ("written", "now"),
    [
        ("layers/dense/vars/0", "layers/dense/vars/0"),
        ("_layer_checkpoint_dependencies/dense/vars/0", "layers/dense/vars/0"),
        ("_layer_checkpoint_dependencies\\dense\\vars/0", "layers/dense/vars/0"),
        ("layers/multi_head_attention/_key_dense/vars/1", "layers/multi_head_attention/key_dense/vars/1"),
        ("layers/multi_head_attention_12/_output_dense/vars/1", "layers/multi_head_attention_12/output_dense/vars/1"),
        ("layers/grouped_query_attention/_key_dense/vars/1", "layers/grouped_query_attention/_key_dense/vars/1"),
        ("layers/mine/_key_dense/vars/1", "layers/mine/_key_dense/vars/1"),
    ],
)
def test_paths_are_those_of_keras_3(written: str, now: str) -> None:
    assert storage_path(written) == now


def test_classes_are_guessed_from_groups(tmp_path: Path) -> None:
    found = names(
        tmp_path,
        floats(
            "layers/conv2d_3/vars/0",
            "layers/conv2d_3/vars/1",
            *(f"layers/batch_normalization/vars/{n}" for n in range(2)),
            *(f"layers/batch_normalization_1/vars/{n}" for n in range(3)),
            *(f"layers/gru/cell/vars/{n}" for n in range(3)),
            "layers/multi_head_attention/query_dense/vars/0",
            "layers/multi_head_attention/query_dense/vars/1",
            "layers/grouped_query_attention/_key_dense/vars/0",
            "layers/somebodys/vars/0",
            "layers/somebodys/dense/vars/0",
        ),
    )
    assert list(found.values()) == [
        "conv2d_3/kernel",
        "conv2d_3/bias",
        "batch_normalization/moving_mean",
        "batch_normalization/moving_variance",
        "batch_normalization_1/beta",
        "batch_normalization_1/moving_mean",
        "batch_normalization_1/moving_variance",
        "gru/cell/kernel",
        "gru/cell/recurrent_kernel",
        "gru/cell/bias",
        "multi_head_attention/query_dense/kernel",
        "multi_head_attention/query_dense/bias",
        "grouped_query_attention/_key_dense/kernel",
        "somebodys/0",
        "somebodys/dense/kernel",
    ]


def test_whole_numbers_are_not_trained_and_gaps_keep_their_numbers(tmp_path: Path) -> None:
    values = {
        "layers/dense/vars/0": np.ones((3, 2), "int8"),
        "layers/dense/vars/2": np.ones(2, "f4"),
        "layers/dense_1/vars/1": np.ones(2, "f4"),
        "layers/mine/vars/0": np.array(3, "int64"),
    }
    handmade.make_weights(tmp_path / "m.weights.h5", values)
    with open_model(tmp_path / "m.weights.h5") as state:
        assert list(state) == ["dense/kernel", "dense/2", "dense_1/bias", "mine/0"]
        assert state["dense/kernel"].spec.role is Role.NON_TRAINABLE
        assert state["mine/0"].spec.role is Role.NON_TRAINABLE
        assert state["dense_1/bias"].spec.role is Role.TRAINABLE


def test_room_that_was_used_again_does_not_change_the_order_within_a_class() -> None:
    made = {"dense": 10, "conv2d": 20, "dense_1": 5, "conv2d_1": 30, "dense_2": 40, "conv2d_10": 60, "conv2d_9": 50}
    stored = [Stored(f"layers/{name}/vars/0", (1,), np.dtype("f4"), None, at) for name, at in made.items()]
    order = written_order(stored)
    found = sorted(made, key=lambda name: order[f"layers/{name}/vars"])
    assert found == ["dense", "dense_1", "conv2d", "conv2d_1", "dense_2", "conv2d_9", "conv2d_10"]


def test_two_layers_of_one_name_are_both_there(tmp_path: Path) -> None:
    values = floats("first/layers/dense/vars/0", "layers/dense/vars/0", "dense/vars/0", "layers/layers/dense/vars/0")
    assert sorted(names(tmp_path, values)) == sorted(values)


def test_the_optimizer_comes_last_with_its_names(tmp_path: Path) -> None:
    values = {
        "optimizer/vars/0": np.array(5),
        "optimizer/vars/1": np.array(0.1, "f4"),
        **{f"optimizer/vars/{n}": np.ones(2, "f4") for n in range(2, 12)},
        "layers/dense/vars/0": np.ones(2, "f4"),
    }
    handmade.make_weights(tmp_path / "m.weights.h5", values)
    with open_model(tmp_path / "m.weights.h5") as state:
        optimizer = ["optimizer/iteration", "optimizer/learning_rate", *(f"optimizer/{n}" for n in range(2, 12))]
        assert list(state) == ["dense/kernel", *optimizer]
        assert [tensor.spec.name for tensor in state.weights] == ["dense/kernel"]


def test_weights_of_older_files_are_named_as_their_layers_are() -> None:
    golden = Path(__file__).parents[1] / "golden"
    for file in ("keras1_2/nested_w.h5", "keras2_15/nested_w.h5"):
        with open_model(golden / file) as state:
            assert list(state)[:3] == [
                "encoder/encoder_dense/kernel",
                "encoder/encoder_dense/bias",
                "encoder/encoder_norm/gamma",
            ]
            assert {"head/head_frozen/kernel", "result/bias", "encoder/encoder_norm/moving_variance"} < set(state)
    with open_model(golden / "keras1_2/lstm.h5") as state:
        assert state["embedding_1/embeddings"].spec.path == "layers/embedding/vars/0"
