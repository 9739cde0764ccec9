"""Evaluating real models, trained on handwritten digits, live and from files."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_weld.errors import DataError, UsageError
from keras_weld.recipes.evaluate import evaluate

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


def classifier(seed, name, activation="softmax", image=False):
    keras.utils.set_random_seed(seed)
    start = [keras.Input((8, 8, 1)), keras.layers.Flatten()] if image else [keras.Input((64,))]
    layers = [keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation=activation)]
    return keras.Sequential([*start, *layers], name=name)


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data / 16).astype("float32"), found.target


@pytest.fixture(scope="module")
def models(digits):
    """A good model and a poor one."""
    x, y = digits
    found = []
    for name, epochs in (("good", 30), ("poor", 1)):
        model = classifier(1, name)
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x[:1000], y[:1000], epochs=epochs, verbose=0)
        found.append(model)
    return found


@pytest.fixture(scope="module")
def data(digits, tmp_path_factory):
    x, y = digits
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(path, x_val=x[1000:1300], y_val=y[1000:1300], x_test=x[1300:], y_test=y[1300:])
    return path


def test_files_and_live_models_give_the_same(tmp_path, models, data):
    good, poor = models
    good.save(tmp_path / "good.keras")
    poor.save(tmp_path / "poor.keras")
    live = evaluate(good, [poor], data=data)
    stored = evaluate(tmp_path / "good.keras", [tmp_path / "poor.keras"], data=str(data))
    assert live.verdict == stored.verdict == "better"
    assert [row.value for row in live.splits[1].rows] == [row.value for row in stored.splits[1].rows]
    assert stored.sentence.startswith("good.keras is better than poor.keras: accuracy 9")
    assert [split.count for split in stored.splits] == [300, 497]


def test_accuracy_is_what_keras_says(models, data):
    good = models[0]
    with np.load(data) as arrays:
        x, y = arrays["x_test"], arrays["y_test"]
    found = evaluate(good, data=data, metric="log_loss").splits[1].rows[0].value
    keras_says = keras.losses.sparse_categorical_crossentropy(y, good.predict(x, verbose=0))
    assert found == pytest.approx(float(np.mean(keras_says)), rel=1e-5)


def test_folder_of_images_is_given_at_the_models_size(tmp_path, digits):
    image = pytest.importorskip("PIL.Image")
    x, y = digits
    for number in range(40):
        folder = tmp_path / f"class_{y[number]}"
        folder.mkdir(exist_ok=True)
        pixels = (x[number].reshape(8, 8) * 255).astype("uint8")
        image.fromarray(pixels).save(folder / f"{number:03}.png")
    model = classifier(0, "images", image=True)
    found = evaluate(model, data=tmp_path, pixels="0..1")
    files = sorted(tmp_path.rglob("*.png"))
    chosen = [int(file.stem) for file in files]
    given = (x[chosen] * 255).astype("uint8").reshape(-1, 8, 8, 1).astype("float32") / 255
    decided = model.predict(given, verbose=0).argmax(1)
    assert found.splits[0].rows[0].value == pytest.approx(100 * np.mean(decided == y[chosen]))
    assert "Pixels are given to the models as 0..1" in found.notes[0]


def test_data_of_another_shape_names_the_model(tmp_path, models, data):
    classifier(0, "images", image=True).save(tmp_path / "images.keras")
    with pytest.raises(DataError, match="do not fit the model's input") as refused:
        evaluate(tmp_path / "images.keras", data=data)
    assert "expected: shape (8, 8, 1) for one example" in str(refused.value)
    assert "found:    shape (64)" in str(refused.value)


def test_several_outputs_are_judged_one_at_a_time(digits):
    x, y = digits
    inputs = keras.Input((64,))
    digit = keras.layers.Dense(10, activation="softmax", name="digit")(inputs)
    odd = keras.layers.Dense(1, activation="sigmoid", name="odd")(inputs)
    model = keras.Model(inputs, [digit, odd])
    data = {"x": x[:200], "y0": y[:200], "y1": y[:200] % 2}
    first, second = (evaluate(model, data=data, output=number) for number in range(2))
    guesses = model.predict(x[:200], verbose=0)
    assert first.splits[0].rows[0].value == pytest.approx(100 * np.mean(guesses[0].argmax(1) == y[:200]))
    assert second.splits[0].rows[0].value == pytest.approx(100 * np.mean((guesses[1][:, 0] > 0.5) == y[:200] % 2))


@pytest.mark.parametrize("form", ["list", "dict"])
def test_outputs_and_targets_go_together_by_name_whatever_their_order(digits, tmp_path, form):
    x, y = digits
    inputs = keras.Input((64,))
    ports = {
        "digit": keras.layers.Dense(10, activation="softmax", name="digit")(inputs),
        "rest": keras.layers.Dense(3, activation="softmax", name="rest")(inputs),
    }
    model = keras.Model(inputs, ports if form == "dict" else list(ports.values()), name="both")
    rest = keras.Model(inputs, ports["rest"], name="alone")
    arrays = {"image": x[:200], "digit": y[:200], "rest": y[:200] % 3}
    np.savez(tmp_path / "d.npz", **{f"{name}_test": part for name, part in arrays.items()})
    found = {}
    for keys in ("image,digit+rest", "image,rest+digit"):
        where = f"{tmp_path / 'd.npz'}:{keys}"
        found[keys] = [evaluate(model, data=where, output=name).splits[0].rows[0].value for name in ports]
    guesses = {name: keras.Model(inputs, port).predict(x[:200], verbose=0).argmax(1) for name, port in ports.items()}
    wanted = [100 * np.mean(guesses[name] == arrays[name]) for name in ports]
    assert found == {keys: pytest.approx(wanted) for keys in found}
    # A source with one output answers for the one that is judged.
    judged = evaluate(model, [rest], data=where, output="rest").splits[0]
    assert [row.value for row in judged.rows] == pytest.approx([wanted[1], wanted[1]])
    with pytest.raises(UsageError, match="The model both has no output wrest") as refused:
        evaluate(model, data=where, output="wrest")
    assert set(str(refused.value.expected).split(", ")) == {"digit", "rest"}
    with pytest.raises(UsageError, match="has no output number 2"):
        evaluate(model, data=where, output=2)


def test_a_model_with_inputs_in_a_dict_gets_a_dict(digits):
    x, y = digits
    ports = {"z": keras.Input((64,), name="z"), "a": keras.Input((3,), name="a")}
    joined = keras.layers.Concatenate()([keras.layers.Dense(8)(ports["z"]), ports["a"]])
    model = keras.Model(ports, keras.layers.Dense(10, activation="softmax")(joined), name="both")
    data = {"z": x[:120], "a": x[:120, 10:13]}
    found = evaluate(model, data=(data, y[:120])).splits[0].rows[0].value
    assert found == pytest.approx(100 * np.mean(model.predict(data, verbose=0).argmax(1) == y[:120]))
