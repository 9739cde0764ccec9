"""`weld inspect` and `weld check` of files made by hand: damage in them, and shapes that are no model's."""

from __future__ import annotations

import json

import h5py
import handmade
import numpy as np
from click.testing import CliRunner

from keras_weld.cli.main import app
from keras_weld.recipes.inspect import inspect


def test_a_flipped_bit_is_found(tmp_path):
    values = handmade.tensors()
    whole, damaged = (handmade.make_keras(tmp_path / name, values) for name in ("whole.keras", "damaged.keras"))
    data = bytearray(damaged.read_bytes())
    data[data.index(values["layers/dense/vars/0"].tobytes())] ^= 1
    damaged.write_bytes(data)
    for words in (["inspect", damaged], ["check", whole, damaged]):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 2
        assert "model.weights.h5 is damaged: its checksum does not match." in done.stderr
        assert str(damaged) in done.stderr
    assert inspect(damaged, sha256=False).sha256 is None


def test_what_adapt_saw_is_no_size_of_batches(tmp_path):
    config = handmade.config()
    layer = {"module": "keras.layers", "class_name": "Normalization", "config": {"name": "scale", "mean": None}}
    config["config"]["layers"].insert(1, {**layer, "build_config": {"input_shape": [20, 6]}})
    learnt = {"0": np.zeros(6, "f4"), "1": np.ones(6, "f4"), "2": np.array(20, "i8")}
    values = {f"layers/normalization/vars/{number}": value for number, value in learnt.items()}
    file = handmade.make_keras(tmp_path / "a.keras", {**values, **handmade.tensors()}, config=config)
    (port,) = inspect(file).summary.inputs
    assert port.shape == (None, 6)


def test_classes_that_an_h5_was_compiled_with_are_named_as_those_of_a_keras_file_are(tmp_path):
    loss = {"module": "mine", "class_name": "MyLoss", "config": {}, "registered_name": "mine>MyLoss"}
    metric = {"module": "mine", "class_name": "function", "config": "hits", "registered_name": "function"}
    compiled = {"loss": loss, "metrics": [metric], "weighted_metrics": None}
    older, newer = tmp_path / "m.h5", tmp_path / "m.keras"
    handmade.make_keras(newer, handmade.tensors(), config={**handmade.config(), "compile_config": compiled})
    handmade.make_legacy(older, handmade.tensors())
    with h5py.File(older, "r+") as content:
        content.attrs["training_config"] = json.dumps(compiled)
    for file in (older, newer):
        summary = inspect(file).summary
        assert summary.custom == ("mine.MyLoss", "mine.hits")
        assert (summary.losses, summary.metrics) == (("my_loss",), ("hits",))
