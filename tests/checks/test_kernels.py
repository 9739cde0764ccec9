"""How alike kernels are, and what that tells of where models come from."""

from __future__ import annotations

import numpy as np
import pytest
from handmade_models import candidate, mlp

from keras_weld.checks.kernels import SAME_START, cosine, families, likeness
from keras_weld.checks.tensors import pair


def test_cosine_is_that_of_the_formula():
    random = np.random.default_rng(1)
    a, b = random.normal(size=(300, 70)).astype("float32"), random.normal(size=(300, 70)).astype("float32")
    x, y = a.ravel().astype(float), b.ravel().astype(float)
    assert cosine(a, b) == pytest.approx(x @ y / np.sqrt((x @ x) * (y @ y)), abs=1e-12)
    assert cosine(a, 3 * a) == pytest.approx(1.0, abs=1e-7)
    assert cosine(a, -a) == pytest.approx(-1.0, abs=1e-7)


def test_cosine_in_pieces(monkeypatch):
    random = np.random.default_rng(1)
    a, b = random.normal(size=1001), random.normal(size=1001)
    whole = cosine(a, b)
    monkeypatch.setattr("keras_weld.checks.kernels._CHUNK", 10)
    assert cosine(a, b) == pytest.approx(whole, abs=1e-12)


def test_cosine_of_what_has_no_direction():
    assert cosine(np.zeros(4), np.zeros(4)) == 1.0
    assert cosine(np.zeros(4), np.ones(4)) == 0.0
    assert cosine(np.array([np.nan, 1.0]), np.ones(2)) is None


def test_families_are_put_together_through_others():
    # 0 and 2 are far apart, but both near 1; 3 is alone.
    near = [[1, 0.9, 0.1, 0], [0.9, 1, 0.9, 0], [0.1, 0.9, 1, 0], [0, 0, 0, 1]]
    assert families(near) == [[0, 1, 2], [3]]
    assert families([[None, None], [None, None]]) == [[0, 1]]


def test_equal_to_the_last_bit_and_not():
    one, same = candidate(mlp()), candidate(mlp(), source="b.keras")
    other = candidate(mlp(), source="c.keras", drift=1e-6)
    assert likeness(pair(one.state, same.state)).equal
    assert not likeness(pair(one.state, other.state)).equal
    assert likeness(pair(one.state, other.state)).similarity == pytest.approx(1.0, abs=1e-6)


def test_bias_and_statistics_do_not_count():
    """Independent starts have equal biases (zeros) and variances (ones): only kernels tell them apart."""
    one, other = candidate(mlp(), seed=1), candidate(mlp(), seed=2, source="b.keras")
    assert abs(likeness(pair(one.state, other.state)).similarity) < SAME_START


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
@pytest.mark.parametrize("rate", [1e-3, 1e-2])
def test_the_threshold_on_models_trained_on_digits(rate, tmp_path):
    """One start leaves kernels far more alike than two do, even at ten times the usual learning rate."""
    import keras
    from sklearn.datasets import load_digits

    from keras_weld.io.read import open_model

    x, y = load_digits(return_X_y=True)

    def train(name, seed, start=None):
        keras.utils.set_random_seed(seed)
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((64,)),
                layers.Dense(32, activation="relu"),
                layers.Dense(32, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )
        if start is not None:
            model.set_weights(start)
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        model.fit(x / 16.0, y, epochs=15, batch_size=64, verbose=0)
        model.save(tmp_path / f"{name}.keras")
        return model

    keras.utils.set_random_seed(0)
    first = train("first", 1)
    start = first.get_weights()
    train("a", 2, start)
    train("b", 3, start)
    train("other", 4)

    def similarity(a, b):
        with open_model(tmp_path / f"{a}.keras") as one, open_model(tmp_path / f"{b}.keras") as two:
            return likeness(pair(one, two)).similarity

    assert similarity("a", "b") > 2 * SAME_START
    assert abs(similarity("a", "other")) < SAME_START / 2
    assert abs(similarity("b", "other")) < SAME_START / 2
