"""Every way to reduce against a slow, plain version; a new entry in the table needs a version here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras

import keras  # noqa: E402

from keras_weld.compose.forms import TINY, Family, Form, arranged, logs_of, probabilities_of  # noqa: E402
from keras_weld.compose.reducers import REDUCERS, Pool  # noqa: E402
from keras_weld.compose.stacking import train_combiner  # noqa: E402
from keras_weld.errors import UsageError  # noqa: E402

EXAMPLES, CLASSES = 6, 4
RANDOM = np.random.default_rng(0)


def softmax(scores: np.ndarray) -> np.ndarray:
    return np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)


def plainly(name: str, models: np.ndarray, shares: list[float], family: Family, combiner: Any) -> np.ndarray:
    """The formula of each, written out row by row in float64, of probabilities or values `(models, examples, n)`."""
    made = np.zeros(models.shape[1:])
    for row in range(models.shape[1]):
        for column in range(models.shape[2]):
            given = models[:, row, column]
            if name in ("mean", "weighted"):
                made[row, column] = sum(share * one for share, one in zip(shares, given, strict=True))
            elif name == "max":
                made[row, column] = max(given)
            elif name == "vote" and family is Family.CLASSES:
                for share, one in zip(shares, models[:, row], strict=True):
                    best = [place for place, value in enumerate(one) if value == max(one)]
                    made[row, column] += share * (column in best) / len(best)
            elif name == "vote":
                made[row, column] = sum(
                    share * (1 if one > 0.5 else 0.5 if one == 0.5 else 0)
                    for share, one in zip(shares, given, strict=True)
                )
            elif name == "geometric" and family is Family.INDEPENDENT:
                yes = np.prod([one**share for share, one in zip(shares, given, strict=True)])
                no = np.prod([(1 - one) ** share for share, one in zip(shares, given, strict=True)])
                made[row, column] = yes / (yes + no)
            elif name == "geometric":
                made[row, column] = np.prod([one**share for share, one in zip(shares, given, strict=True)])
            elif name == "logit-mean":
                odds = 1 - given if family is Family.INDEPENDENT else 1
                made[row, column] = sum(
                    share * one for share, one in zip(shares, np.log(given) - np.log(odds), strict=True)
                )
            elif name == "stack":
                scores = np.concatenate([np.log(one) for one in models[:, row]]) @ combiner.kernel + combiner.bias
                made[row] = softmax(scores)
            else:
                pytest.fail(f"{name} has no plain version in this test: write one")
    if family is Family.CLASSES and name in ("max", "geometric"):
        made /= made.sum(-1, keepdims=True)
    return made


def answers(family: Family, count: int) -> np.ndarray:
    if family is Family.CLASSES:
        return softmax(RANDOM.normal(size=(count, EXAMPLES, CLASSES))).astype("float32")
    if family is Family.INDEPENDENT:
        return RANDOM.uniform(0.01, 0.99, (count, EXAMPLES, CLASSES)).astype("float32")
    return RANDOM.normal(size=(count, EXAMPLES, CLASSES)).astype("float32")


def built(name: str, models: np.ndarray, pool: Pool) -> np.ndarray:
    """The reducer as a graph, saved and loaded by plain Keras on the way."""
    reducer = REDUCERS[name]
    form = {
        Family.CLASSES: Form.PROBABILITIES,
        Family.INDEPENDENT: Form.INDEPENDENT,
        Family.VALUES: Form.VALUES,
    }[pool.family]
    starts = [keras.Input((models.shape[2],)) for _ in models]
    taken = [logs_of(start, form) if reducer.takes_logs else start for start in starts]
    model = keras.Model(starts, reducer.build(taken, pool))
    again = keras.Model.from_config(model.get_config())
    again.set_weights([np.asarray(keras.ops.convert_to_numpy(keras.ops.copy(one))) for one in model.weights])
    return np.asarray(keras.ops.convert_to_numpy(again(list(models))))


CASES = [(name, family) for name, reducer in REDUCERS.items() for family in sorted(reducer.fits)]


@pytest.mark.parametrize(("name", "family"), CASES)
@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.7, 0.1, 0.2]])
def test_each_is_what_its_formula_says(name: str, family: Family, shares: list[float]) -> None:
    reducer = REDUCERS[name]
    shares = shares if reducer.takes_weights else [1 / len(shares)] * len(shares)
    models = answers(family, len(shares))
    combiner = None
    if reducer.trained:
        combiner = train_combiner(np.log(models), RANDOM.integers(0, CLASSES, EXAMPLES))
    made = built(name, models, Pool(family, shares, combiner))
    wanted = plainly(name, models.astype("float64"), shares, family, combiner)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, wanted, rtol=2e-5, atol=2e-6)
    if family is Family.CLASSES and not reducer.gives_logits:
        np.testing.assert_allclose(made.sum(-1), 1, atol=1e-5)
    if reducer.needs_weights or reducer.finds_weights:
        assert reducer.takes_weights


@pytest.mark.parametrize(("name", "family"), [case for case in CASES if case[0] not in ("vote", "stack")])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_copies_of_one_model_change_nothing(name: str, family: Family, count: int) -> None:
    one = answers(family, 1)[0]
    made = built(name, np.stack([one] * count), Pool(family, [1 / count] * count))
    if REDUCERS[name].gives_logits:
        made = softmax(made) if family is Family.CLASSES else 1 / (1 + np.exp(-made))
    if name == "mean" and count in (1, 2, 4):
        np.testing.assert_array_equal(made, one)
    np.testing.assert_allclose(made, one, atol=1e-7 if name == "mean" else 2e-6)


def test_a_vote_that_cannot_be_decided_is_split() -> None:
    models = np.array([[[0.4, 0.4, 0.2]], [[0.1, 0.8, 0.1]]], "float32")
    made = built("vote", models, Pool(Family.CLASSES, [0.5, 0.5]))
    np.testing.assert_allclose(made, [[0.25, 0.75, 0]])
    made = built("vote", np.array([[[0.5]], [[0.9]]], "float32"), Pool(Family.INDEPENDENT, [0.5, 0.5]))
    np.testing.assert_allclose(made, [[0.75]])


@pytest.mark.parametrize("name", ["geometric", "logit-mean", "mean", "max"])
def test_certainty_gives_no_infinities(name: str) -> None:
    for family, models in (
        (Family.CLASSES, [[[1.0, 0.0]], [[0.0, 1.0]]]),
        (Family.INDEPENDENT, [[[1.0, 0.0]], [[0.0, 0.0]]]),
    ):
        made = built(name, np.array(models, "float32"), Pool(family, [0.5, 0.5]))
        assert np.isfinite(made).all()


@pytest.mark.parametrize("name", [name for name, one in REDUCERS.items() if one.takes_zero and not one.takes_logs])
def test_a_class_is_left_to_those_who_know_it(name: str) -> None:
    models = np.array([[[0.25, 0.75, 0.0]], [[0.0, 0.5, 0.5]]], "float32")
    made = built(name, models, Pool(Family.CLASSES, [np.array([1.0, 0.5, 0.0]), np.array([0.0, 0.5, 1.0])]))
    raw = {
        "mean": [0.25, 0.625, 0.5],
        "weighted": [0.25, 0.625, 0.5],
        "max": [0.25, 0.75, 0.5],
        "vote": [0.0, 0.75, 0.5],
    }[name]
    np.testing.assert_allclose(made, [np.array(raw) / sum(raw)], rtol=1e-6)


@pytest.mark.parametrize(
    ("form", "given"), [(Form.LOGITS, [[-90.0, 90.0, 3.0]]), (Form.INDEPENDENT_LOGITS, [[-90.0, 90.0, 3.0]])]
)
def test_logits_become_probabilities_and_logarithms_safely(form: Form, given: list[list[float]]) -> None:
    start = keras.Input((3,))
    model = keras.Model(start, [probabilities_of(start, form), logs_of(start, form)])
    made = [np.asarray(keras.ops.convert_to_numpy(one)) for one in model(np.array(given, "float32"))]
    assert all(np.isfinite(one).all() for one in made)
    back = softmax(made[1]) if form is Form.LOGITS else 1 / (1 + np.exp(-made[1].astype("float64")))
    np.testing.assert_allclose(back, made[0], atol=1e-7)


def test_classes_are_arranged_and_what_is_not_known_is_0() -> None:
    start, one = keras.Input((2, 3)), keras.Input((1,))
    model = keras.Model(start, arranged(start, [2, None, 0, 1], logs=False))
    x = RANDOM.random((5, 2, 3), "float32")
    wanted = np.stack([x[..., 2], np.zeros((5, 2)), x[..., 0], x[..., 1]], -1)
    np.testing.assert_array_equal(np.asarray(keras.ops.convert_to_numpy(model(x))), wanted.astype("float32"))
    assert arranged(start, [0, 1, 2], logs=False) is start
    assert arranged(start, None, logs=True) is start
    turned = keras.Model(one, [arranged(one, [1, 0], logs=False), arranged(one, [1, 0], logs=True)])
    made = [float(keras.ops.convert_to_numpy(y)[0, 0]) for y in turned(np.array([[0.25]], "float32"))]
    assert made == [0.75, -0.25]


def test_logarithms_stop_at_a_floor() -> None:
    start = keras.Input((2,))
    made = keras.Model(start, logs_of(start, Form.PROBABILITIES))(np.array([[0.0, 1.0]], "float32"))
    np.testing.assert_allclose(np.asarray(keras.ops.convert_to_numpy(made)), [[np.log(TINY), 0]], rtol=1e-6)


def test_a_way_that_there_is_not_is_told() -> None:
    with pytest.raises(UsageError, match="There is no way to reduce called 'median'") as caught:
        REDUCERS["median"]
    assert caught.value.expected == "one of mean, weighted, geometric, max, vote, logit-mean, stack"
