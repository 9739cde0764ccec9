"""A live model as the tensors that its file would hold."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from small_models import build, train

from keras_weld.core.tensor import Role
from keras_weld.errors import UsageError
from keras_weld.io.read import open_model
from keras_weld.models import state_of

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


def test_state_is_that_of_the_saved_file(tmp_path, trained):
    trained.save(tmp_path / "m.keras")
    with state_of(trained) as live, open_model(tmp_path / "m.keras") as saved:
        assert live.source == "the live model 'digits'"
        assert live.specs == saved.specs
        for name, tensor in saved.items():
            np.testing.assert_array_equal(live[name].read(), tensor.read())
        assert live.config["class_name"] == "Sequential"


def test_tensors_are_the_live_values_by_name(trained):
    with state_of(trained) as state:
        hidden = trained.get_layer("hidden")
        np.testing.assert_array_equal(state["hidden/kernel"].read(), keras.ops.convert_to_numpy(hidden.kernel))
        assert state["norm/moving_mean"].spec.role is Role.NON_TRAINABLE
        assert [tensor.spec.shape for tensor in state.weights] == [tuple(w.shape) for w in trained.weights]
        assert len(state.optimizer) == len(trained.optimizer.variables)


def test_training_on_does_not_change_a_state(images):
    model = train(build(), epochs=1, examples=64)
    with state_of(model) as state:
        before = state["hidden/kernel"].read().copy()
        train(model, epochs=1, examples=64)
        np.testing.assert_array_equal(state["hidden/kernel"].read(), before)
        assert not np.array_equal(keras.ops.convert_to_numpy(model.get_layer("hidden").kernel), before)


def test_closing_removes_what_was_written(tmp_path, monkeypatch, trained):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    state = state_of(trained)
    assert len(list(Path(tmp_path).iterdir())) == 1
    state.close()
    assert list(Path(tmp_path).iterdir()) == []


def test_what_is_no_built_model_is_refused():
    with pytest.raises(UsageError, match="not a Keras model with weights") as refused:
        state_of(keras.Sequential([keras.layers.Dense(2)], name="empty"))
    assert refused.value.found == "a model without weights, 'empty'"
    with pytest.raises(UsageError) as refused:
        state_of("model.keras")
    assert refused.value.found == "str"


def test_a_live_model_that_was_composed_takes_its_lineage_along():
    from keras_weld.models.provenance import set_lineage

    model = build()
    with state_of(model) as plain:
        assert plain.metadata.get("lineage") is None
    set_lineage(model, {"method": "ensemble", "labels": ["a", "b"]})
    with state_of(model) as state:
        assert state.metadata["lineage"]["labels"] == ["a", "b"]
        assert state.metadata["keras_version"] == plain.metadata["keras_version"]
