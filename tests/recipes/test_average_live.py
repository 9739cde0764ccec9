"""What `weld.average` writes, as plain Keras sees it in a process that never heard of keras-weld."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.keras,
    # What Keras warns of in itself.
    pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize`"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

import keras  # noqa: E402 - not for a run without a backend
import live_models as live  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.io.read import open_model  # noqa: E402

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
MODELS = {
    "recurrent": (live.recurrent, [(5, 3)]),
    "attention": (live.attention, [5]),
    "own_layers": (live.own_layers, [(4,)]),
    "subclassed": (live.subclassed, [(3,)]),
    "nested": (live.nested, [(4,)]),
    "two_io": (live.two_io, [(4,), (6,)]),
    "shared": (live.shared, [(4,), (4,)]),
    "convolutions": (live.convolutions, [(8, 8, 2)]),
    "normalization": (live.normalization, [(3,)]),
    "bfloat16": (live.of_dtype("bfloat16"), [(4,)]),
    "mixed_float16": (live.of_dtype("mixed_float16"), [(4,)]),
}

# Reads what the folder holds with Keras alone, warnings being errors, and says how far it is from what it should be.
PLAIN = """
import json, sys, warnings
from pathlib import Path
warnings.simplefilter("error")
warnings.filterwarnings("ignore", message="__array__ implementation doesn't accept a copy")  # Keras's own
import keras
import numpy as np
sys.path.insert(0, sys.argv[2])
import live_models  # classes of one's own; imports nothing but Keras

said = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    with np.load(folder / "expected.npz") as stored:
        inputs = [stored[f"x{n}"] for n in range(sum(name[0] == "x" for name in stored))]
        outputs = [stored[f"y{n}"] for n in range(sum(name[0] == "y" for name in stored))]
    inputs = inputs if len(inputs) > 1 else inputs[0]

    def difference(model):
        found = model.predict_on_batch(inputs)
        found = found if isinstance(found, (list, tuple)) else [found]
        pairs = [(one.astype("float32"), two) for one, two in zip(found, outputs, strict=True)]
        return max(float(np.abs(one - two).max() / np.abs(two).max()) for one, two in pairs)

    with live_models.numpy_initializers():  # only quicker: the values are overwritten
        model = keras.models.load_model(folder / "out.keras")
    said[folder.name] = {"out.keras": difference(model)}
    for name in ("out.weights.h5", "out.weights.json"):
        for variable in model.weights:
            variable.assign(np.ones(variable.shape, "float32"))
        model.load_weights(folder / name)
        said[folder.name][name] = difference(model)
    if folder.name == "nested":
        model.compile("sgd", "mse")
        model.fit(inputs, outputs[0], verbose=0)
assert "keras_weld" not in sys.modules
print(json.dumps(said))
"""


@pytest.fixture(scope="module", autouse=True)
def quick_initial_values() -> Iterator[None]:
    with live.numpy_initializers():
        yield


def some_inputs(shapes: list[Any]) -> list[np.ndarray]:
    rng = np.random.default_rng(4)
    return [
        rng.integers(0, 11, (2, shape)).astype("int32") if isinstance(shape, int) else rng.random((2, *shape), "f4")
        for shape in shapes
    ]


def outputs_of(model: keras.Model, inputs: list[np.ndarray]) -> list[np.ndarray]:
    found = model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
    return [one.astype("float32") for one in (found if isinstance(found, (list, tuple)) else [found])]


def mean_of(models: list[keras.Model]) -> list[np.ndarray]:
    """The plain mean of `get_weights()`, in float64, rounded once by NumPy."""
    rows = zip(*([live.values_of(v) for v in model.weights] for model in models), strict=True)
    return [
        np.mean(np.stack([value.astype("f8") for value in row]), axis=0).astype(row[0].dtype)
        if row[0].dtype.kind in "fV"
        else row[0]
        for row in rows
    ]


def three(build: Callable[[], keras.Model]) -> list[keras.Model]:
    models = [build() for _ in range(3)]
    for number, model in enumerate(models):
        for variable in model.weights:
            values = live.values_of(variable)
            if values.dtype.kind in "fV":
                variable.assign((values.astype("f4") * (1 + 0.1 * number)).astype(values.dtype))
    return models


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, run_python: Callable[..., Any]) -> dict[str, dict[str, float]]:
    """How far the outputs of each average, loaded by plain Keras, are from those of the NumPy mean."""
    folder = tmp_path_factory.mktemp("averages")
    sources = tmp_path_factory.mktemp("sources")
    for name, (build, shapes) in MODELS.items():
        models = three(build)
        files = []
        for number, model in enumerate(models):
            files.append(sources / f"{name}-{number}.keras")
            if name == "nested":
                model.compile(keras.optimizers.Adam(), "mse")
                model.optimizer.build(model.trainable_variables)
            model.save(files[-1])
        (folder / name).mkdir()
        for suffix in ("keras", "weights.h5", "weights.json"):
            weld.average(files, folder / name / f"out.{suffix}")
        mean = models[0]
        mean.set_weights(mean_of(models))
        if name == "normalization":
            mean.get_layer("scale").finalize_state()  # else it goes on with what it was adapted to
        inputs = some_inputs(shapes)
        arrays = {f"x{n}": value for n, value in enumerate(inputs)}
        arrays |= {f"y{n}": value for n, value in enumerate(outputs_of(mean, inputs))}
        np.savez(folder / name / "expected.npz", **arrays)
    done = run_python(PLAIN, folder, Path(live.__file__).parent)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@pytest.mark.parametrize("suffix", ["keras", "weights.h5", "weights.json"])
@pytest.mark.parametrize("name", MODELS)
def test_plain_keras_loads_the_average_and_predicts_as_the_mean(
    plain: dict[str, dict[str, float]], name: str, suffix: str
) -> None:
    assert plain[name][f"out.{suffix}"] <= 1e-6


def test_live_models_are_taken_as_well_as_files(tmp_path: Path) -> None:
    models = three(live.nested)
    models[1].save(tmp_path / "one.keras")
    before = [live.values_of(variable) for variable in models[0].weights]
    done = weld.average([models[0], tmp_path / "one.keras", models[2]], tmp_path / "out.keras")
    with open_model(tmp_path / "out.keras") as state:
        for tensor, value in zip(state.weights, mean_of(models), strict=True):
            np.testing.assert_array_equal(tensor.read(), value)
        sources = state.metadata["lineage"]["sources"]
    assert [source["path"] for source in sources] == list(done.sources)
    assert done.sources == ("the live model 'nested'", str(tmp_path / "one.keras"), "the live model 'nested'")
    assert [source["sha256"] is None for source in sources] == [True, False, True]
    for variable, values in zip(models[0].weights, before, strict=True):
        np.testing.assert_array_equal(live.values_of(variable), values)
    weld.average([weld.load(tmp_path / "one.keras")] * 2, tmp_path / "again.keras")
    assert weld.load(tmp_path / "again.keras").count_params() == models[1].count_params()


@pytest.mark.parametrize("name", ["recurrent", "nested", "two_io"])
def test_every_format_of_one_model_is_the_same_to_average(tmp_path: Path, name: str) -> None:
    models = three(MODELS[name][0])
    files = [tmp_path / "a.keras", tmp_path / "b.weights.h5", tmp_path / "c.h5"]
    models[0].save(files[0])
    models[1].save_weights(files[1])
    models[2].save(files[2])
    models.append(three(MODELS[name][0])[2])
    files.append(tmp_path / "d.weights.json")
    largest = max(live.values_of(variable).nbytes for variable in models[3].weights)
    models[3].save_weights(files[3], max_shard_size=largest * 1.01 / 2**30)
    if ON_TENSORFLOW:
        models.append(three(MODELS[name][0])[1])
        files.append(tmp_path / "exported")
        models[4].export(files[4], verbose=False)
    weld.average(files, tmp_path / "out.keras")
    with open_model(tmp_path / "out.keras") as state:
        for tensor, value in zip(state.weights, mean_of(models), strict=True):
            assert tensor.read().tobytes() == value.tobytes(), tensor.spec.name
    other = "nested" if name != "nested" else "two_io"
    with pytest.raises(weld.WeldError):
        weld.average([files[0], MODELS[other][0]()], tmp_path / "no.keras")


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_quantised_model_is_averaged_with_itself_alone(tmp_path: Path, mode: str) -> None:
    live.quantized(mode)().save(tmp_path / "a.keras")
    weld.average([tmp_path / "a.keras"] * 2, tmp_path / "out.keras")
    with open_model(tmp_path / "a.keras") as one, open_model(tmp_path / "out.keras") as other:
        for name in one:
            assert one[name].read().tobytes() == other[name].read().tobytes()
    keras.models.load_model(tmp_path / "out.keras")


@pytest.mark.skipif(not ON_TENSORFLOW, reason="texts need TensorFlow")
def test_vocabularies_go_with_the_average(tmp_path: Path) -> None:
    files = []
    for number in range(2):
        text = layers.TextVectorization(output_mode="tf_idf", name="text")
        text.adapt(["a b c", "b c d", f"äpfel {number}"])
        lines = keras.Input((), dtype="string", name="lines")
        model = keras.Model(lines, layers.Dense(2, name="result")(text(lines)))
        files.append(tmp_path / f"{number}.keras")
        model.save(files[-1])
    done = weld.average(files, tmp_path / "out.keras")
    assert any("vocabulary.txt differs" in note for note in done.notes)
    model = keras.models.load_model(tmp_path / "out.keras")
    assert "äpfel" in model.get_layer("text").get_vocabulary()
    assert "0" in model.get_layer("text").get_vocabulary()
    assert model(keras.ops.convert_to_tensor(["a äpfel"])).shape == (1, 2)


def test_another_preparation_of_the_data_is_told(tmp_path: Path) -> None:
    from keras import layers

    def model(scale: float) -> keras.Model:
        return keras.Sequential([keras.Input((4,)), layers.Rescaling(scale, name="scaled"), layers.Dense(2, name="d")])

    notes = weld.average([model(0.5), model(0.25)], tmp_path / "out.keras").notes
    (told,) = [note for note in notes if "layer scaled" in note]
    assert "scale=0.25" in told
    assert "scale=0.5" in told
