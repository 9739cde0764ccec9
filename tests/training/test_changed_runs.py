"""What a run is compared by when it is started again, and that a refused start changes nothing of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from interrupted import Interruption, Stop, pictures  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import ShapeMismatchError, TrainingError, UsageError  # noqa: E402
from keras_weld.training.checkpoints import Checkpoints  # noqa: E402
from keras_weld.training.compiled import compiled_facts  # noqa: E402
from keras_weld.training.conductor import rate_of  # noqa: E402
from keras_weld.training.starts import git_state  # noqa: E402


def builder(
    width: int = 6, loss: Any = "sparse_categorical_crossentropy", optimizer: Any = None, **settings: Any
) -> Callable[[], Any]:
    def build() -> keras.Model:
        inner = [layers.Flatten(), layers.Dense(width, activation="relu"), layers.Dense(3, activation="softmax")]
        model = keras.Sequential([keras.Input((8, 8, 1)), *inner])
        given = {"metrics": ["accuracy"], "run_eagerly": True, **settings}  # to compile takes longer than these runs
        model.compile(keras.optimizers.Adam(1e-2) if optimizer is None else optimizer(), loss, **given)
        return model

    return build


def train(run: Path, build: Any = None, at: int | None = None, data: Any = None, **options: Any) -> Any:
    given = {"epochs": 2, "batch_size": 20, "every": "1 steps", "verbose": 0, **options}
    callbacks = [Stop(at), *given.pop("callbacks", [])]
    return weld.fit(build or builder(), data or pictures(40), run=run, callbacks=callbacks, **given)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was interrupted in its first epoch."""
    run = tmp_path_factory.mktemp("begun") / "run"
    with pytest.raises(Interruption):
        train(run, at=2)
    return run


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "run"))


def refused(run: Path, kind: type[Exception] = TrainingError, **given: Any) -> Any:
    before = (run / "run.json").read_text()
    with pytest.raises(kind) as told:
        train(run, **given)
    assert (run / "run.json").read_text() == before
    return told.value


def test_a_change_that_cannot_work_leaves_the_run_as_it_was(run: Path) -> None:
    refused(run, ShapeMismatchError, build=builder(8), changes=["model"])
    log = run / "log.csv"
    log.write_text("epoch\n")
    refused(run, ShapeMismatchError, build=builder(8), changes=["model", "callbacks"])
    assert train(run).history.epoch == [0, 1]
    starts = json.loads((run / "run.json").read_text())["starts"]
    assert [start["step"] for start in starts] == [0, 1]


def test_a_newest_checkpoint_that_was_taken_away_is_missed(run: Path) -> None:
    with pytest.raises(Interruption):
        train(run, at=4)
    newest, older = Checkpoints(run / "checkpoints").steps()
    shutil.rmtree(run / "checkpoints" / f"step-{newest:010}")
    told: list[str] = []
    train(run, tell=told.append)
    assert told == [f"The newest checkpoint, of step {newest}, is gone: the run goes on from an older one."]
    assert json.loads((run / "run.json").read_text())["starts"][-1]["step"] == older
    told.clear()
    train(run, tell=told.append)
    assert told == []


def test_another_model_is_told_by_its_layers(run: Path) -> None:
    error = refused(run, build=builder(8))
    assert error.problem == "The run was begun with another model."
    assert "(Dense): units 6" in error.expected
    assert "(Dense): units 8" in error.found
    assert "Flatten" not in error.found


def test_what_no_flag_makes_work_is_not_offered(run: Path) -> None:
    assert "changes=" not in refused(run, build=builder(8)).remedy
    meant = ["model", "optimizer"]
    assert "changes=" not in refused(run, ShapeMismatchError, build=builder(8), changes=meant).remedy


@pytest.mark.parametrize(
    ("optimizer", "words", "needed"),
    [
        (keras.optimizers.SGD, "another optimizer", "optimizer"),
        (lambda: keras.optimizers.Adamax(1e-2), "another optimizer", "optimizer"),
        (lambda: keras.optimizers.Adam(1e-2, use_ema=True), "another optimizer", "optimizer"),
        (
            lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, 9)),
            "another learning rate",
            "optimizer', 'learning_rate",
        ),
    ],
    ids=["fewer variables", "as many", "averages", "schedule"],
)
def test_an_optimizer_whose_state_was_not_kept_begins_anew_if_that_is_meant(
    optimizer: Any, words: str, needed: str, run: Path
) -> None:
    build = builder(optimizer=optimizer)
    error = refused(run, build=build)
    assert words in error.problem
    assert f"begin anew, with the weights that were kept: changes=['{needed}" in error.remedy
    told: list[str] = []
    seen = Watch()
    train(run, build, tell=told.append, changes=["optimizer", "learning_rate", "callbacks"], callbacks=[seen])
    assert seen.iterations == [1, 2, 3], "it began anew at the second of four steps"
    fresh = next(text for text in told if text.startswith("The optimizer begins anew"))
    assert "the state of Adam was left out" in fresh
    (noted,) = json.loads((run / "run.json").read_text())["changes"]
    assert fresh in noted["notes"]
    assert train(run, build, epochs=3, changes=["callbacks"]).history.epoch == [0, 1, 2]


class Watch(keras.callbacks.Callback):
    """Notes how often the optimizer has stepped, and the rate, after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.iterations: list[int] = []
        self.rates: list[float] = []

    def get_state(self) -> dict[str, Any]:
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        pass

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.iterations.append(int(self.model.optimizer.iterations))
        self.rates.append(rate_of(self.model))


def test_layers_that_are_unfrozen_on_the_way_need_a_fresh_optimizer(tmp_path: Path) -> None:
    def build(frozen: bool) -> Callable[[], Any]:
        def made() -> keras.Model:
            model = builder()()
            model.layers[1].trainable = not frozen
            model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", run_eagerly=True)
            return model

        return made

    with pytest.raises(Interruption):
        train(tmp_path, build(True), at=2)
    with pytest.raises(TrainingError, match="another number of variables") as error:
        train(tmp_path, build(False), changes=["model"])
    assert error.value.remedy.endswith("changes=['model', 'optimizer'].")
    assert train(tmp_path, build(False), changes=["model", "optimizer"], tell=lambda text: None).history.epoch == [0, 1]


def test_a_rate_that_was_lowered_stays_with_a_fresh_optimizer_and_another_schedule_goes_on(tmp_path: Path) -> None:
    lower = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 1e-3)
    given = {"epochs": 1, "changes": ["optimizer", "callbacks"], "tell": lambda text: None}
    train(tmp_path / "lowered", callbacks=[lower], **given)
    seen = Watch()
    other = builder(optimizer=lambda: keras.optimizers.RMSprop(1e-2))
    train(tmp_path / "lowered", other, callbacks=[seen], **{**given, "epochs": 2})
    assert seen.rates == [pytest.approx(1e-3)] * 2

    def scheduled(rate: float) -> Callable[[], Any]:
        schedule = keras.optimizers.schedules.ExponentialDecay
        return builder(optimizer=lambda: keras.optimizers.Adam(schedule(rate, 1, 0.5)))

    train(tmp_path / "scheduled", scheduled(1e-2), epochs=1)
    seen, told = Watch(), []
    given |= {"epochs": 2, "changes": ["learning_rate", "callbacks"], "tell": told.append}
    train(tmp_path / "scheduled", scheduled(1e-1), callbacks=[seen], **given)
    assert seen.iterations == [3, 4]
    assert seen.rates[0] == pytest.approx(0.1 * 0.5**3)
    assert "The learning rate jumps from 0.0025 to 0.025." in told


def test_weights_swapped_for_moving_averages_stay_where_an_optimizer_begins_anew(tmp_path: Path) -> None:
    def averaging() -> keras.Model:
        return builder(optimizer=lambda: keras.optimizers.Adam(1e-2, use_ema=True))()

    swap = {"epochs": 1, "tell": lambda text: None}
    train(tmp_path, averaging, callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)], **swap)
    kept = Checkpoints(tmp_path / "checkpoints").read(2)
    found: list[Any] = []
    look = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: found.append(model.get_weights()))
    model = builder(optimizer=lambda: keras.optimizers.SGD(1e-2, use_ema=True))()
    swaps = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True), look]
    train(tmp_path, lambda: model, callbacks=swaps, changes=["optimizer", "callbacks"], **{**swap, "epochs": 2})
    for number, value in enumerate(found[0]):
        np.testing.assert_array_equal(value, kept.arrays[f"model/{number:05}"])


def test_all_differences_are_named_at_once(run: Path) -> None:
    error = refused(run, build=builder(optimizer=lambda: keras.optimizers.Adam(1e-3)), batch_size=10)
    assert error.problem == "The run was begun with another learning rate and another batch size."
    assert (error.expected, error.found) == (
        "learning rate: 0.01; batch size: 20",
        "learning rate: 0.001; batch size: 10",
    )
    assert error.remedy.endswith("changes=['learning_rate', 'batch_size'].")


def test_other_callbacks_are_named_with_all_else(run: Path) -> None:
    more = keras.callbacks.EarlyStopping("loss")
    error = refused(run, batch_size=10, callbacks=[more], changes=["metrics"])
    assert error.problem == "The run was begun with another batch size and other callbacks."
    assert error.expected == "batch size: 20; callbacks: Stop"
    assert error.found == "batch size: 10; callbacks: Stop, EarlyStopping"
    assert error.remedy.endswith("changes=['metrics', 'batch_size', 'callbacks'].")


def plain_error(truth: Any, given: Any) -> Any:
    return keras.ops.mean(keras.ops.abs(given - 1.0), -1)


def test_another_loss_or_metric_is_refused_unless_it_is_meant(run: Path) -> None:
    error = refused(run, build=builder(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)))
    assert error.problem == "The run was begun with another loss."
    assert error.expected == "sparse_categorical_crossentropy"
    assert "from_logits True" in error.found
    assert refused(run, build=builder(loss=plain_error)).found.startswith("function plain_error, code ")
    assert refused(run, build=builder(loss_weights=[2.0])).problem == "The run was begun with other loss weights."
    assert refused(run, build=builder(metrics=[])).expected == "accuracy"
    told: list[str] = []
    changes = ["metrics", "loss"]
    train(run, builder(loss=plain_error, metrics=[]), changes=changes, tell=told.append)
    assert told[0].startswith("The loss has changed, as was asked for: sparse_categorical_crossentropy before, ")
    assert told[2] == "Loss and metrics of the epoch that was interrupted are of the rest of it alone."
    (noted,) = json.loads((run / "run.json").read_text())["changes"]
    assert (noted["changed"], noted["step"], noted["notes"]) == (["loss", "metrics"], 1, told[:3])


def test_functions_of_ones_own_are_told_apart_by_their_code() -> None:
    def function(body: str) -> Any:
        found: dict[str, Any] = {}
        exec(f"def error(truth, given):\n    return {body}\n", found)
        return found["error"]

    one, same, other = (
        compiled_facts(builder(loss=function(body))()) for body in ("given - truth", "given  -  truth", "truth - given")
    )
    assert one == same
    assert one["loss"]["code"] != other["loss"]["code"]


def test_data_that_differ_in_one_late_value_are_refused_with_means(tmp_path: Path) -> None:
    x, y = pictures(400)
    with pytest.raises(Interruption):
        train(tmp_path, at=2, data=(x, y), batch_size=200)
    other = x.copy()
    other[399] += 100
    error = refused(tmp_path, data=(other, y), batch_size=200)
    assert error.problem == "The run was begun with other data."
    assert error.expected.startswith(f"input: 8 x 8 x 1 of float32, mean {x.mean(dtype='f8'):.6g}")
    assert error.found.startswith(f"input: 8 x 8 x 1 of float32, mean {other.mean(dtype='f8'):.6g}")
    error = refused(tmp_path, data=(x, (y + 1) % 3), batch_size=200)
    assert f"{(y == 0).sum()} of label 0" in error.expected


def test_validation_data_are_part_of_the_run(run: Path) -> None:
    error = refused(run, validation_data=pictures(20, 1))
    assert (error.problem, error.expected) == ("The run was begun with other validation data.", "none")
    assert error.found.startswith("20 examples; inputs 8 x 8 x 1 of float32, mean ")
    told: list[str] = []
    model = train(run, validation_data=pictures(20, 1), changes=["validation_data"], tell=told.append)
    assert "val_loss" in model.history.history
    assert told[0].startswith("The validation data has changed, as was asked for: none before, 20 examples")


def test_other_callbacks_that_are_meant_are_noted_and_the_old_ones_keep_their_state(run: Path) -> None:
    stop, more = Stop(None), keras.callbacks.EarlyStopping("loss", patience=5)
    data = {"epochs": 2, "batch_size": 20, "verbose": 0, "changes": ["callbacks"]}
    told: list[str] = []
    weld.fit(builder(), pictures(40), run=run, callbacks=[more, stop], tell=told.append, **data)
    assert stop.seen == 4
    assert told == ["The callbacks have changed, as was asked for: Stop before, EarlyStopping, Stop now."]
    (noted,) = json.loads((run / "run.json").read_text())["changes"]
    assert noted["changed"] == ["callbacks"]


def test_a_run_of_an_older_version_is_compared_by_what_it_tells(run: Path) -> None:
    told = json.loads((run / "run.json").read_text())
    known = told["identity"]
    for name in ("version", "layers", "loss", "loss_weights", "metrics", "validation_data"):
        del known[name]
    known["data"] = {"count": 40, "inputs": [[[8, 8, 1], "float32", 0.5]], "labels": known["data"]["labels"]}
    (run / "run.json").write_text(json.dumps(told))
    assert refused(run, data=pictures(60)).expected.startswith("40 examples")
    assert refused(run, build=builder(8)).problem == "The run was begun with another model."
    assert train(run, builder(metrics=[]), changes=["metrics"]).history.epoch == [0, 1]
    assert json.loads((run / "run.json").read_text())["identity"]["metrics"] is None


def fit(run: Path, at: int | None = None, told: list[str] | None = None, size: int = 10, **options: Any) -> Any:
    keras.utils.set_random_seed(7)
    tell = (told if told is not None else []).append
    callbacks = [weld.Resume(run, every="1 steps", changes=options.pop("changes", ()), tell=tell), Stop(at)]
    given = {"epochs": 1, "verbose": 0, "shuffle": False, **options}
    if "x" not in given:
        given["x"], given["y"] = pictures(40)
        given["batch_size"] = size
    return builder()().fit(callbacks=callbacks, **given)


class Rows(keras.utils.PyDataset):
    """Pictures, with one late value of its own, or others at each reading."""

    def __init__(self, late: float = 0.0, noise: bool = False, size: int = 10) -> None:
        super().__init__()
        self.noise, self.size, (self.x, self.y) = noise, size, pictures(40)
        self.x[39] += late

    def __len__(self) -> int:
        return 40 // self.size

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = slice(index * self.size, (index + 1) * self.size)
        noise = np.random.default_rng().normal() if self.noise else 0.0
        return (self.x[rows] + noise).astype("float32"), self.y[rows]


def test_in_a_callback_another_batch_size_is_told_as_that(tmp_path: Path) -> None:
    for name, small, large in (
        ("arrays", {}, {"size": 20}),
        ("rows", {"x": Rows()}, {"x": Rows(size=20)}),
    ):
        run = tmp_path / name
        with pytest.raises(Interruption):
            fit(run, 2, **small)
        with pytest.raises(TrainingError, match="another batch size") as error:
            fit(run, **large)
        assert (error.value.expected, error.value.found) == ("10", "20")
        with pytest.raises(TrainingError, match="other validation data"):
            fit(run, validation_data=pictures(10, 1), **small)
        told: list[str] = []
        fit(run, told=told, changes=["batch_size"], **large) if name == "arrays" else fit(run, told=told, **small)
        assert told[0].startswith("The batch size has changed" if name == "arrays" else "On a resume")


def test_in_a_callback_batches_of_a_dataset_are_looked_at_unless_they_are_drawn(tmp_path: Path) -> None:
    with pytest.raises(Interruption):
        fit(tmp_path / "same", 2, x=Rows())
    with pytest.raises(TrainingError, match="other data") as error:
        fit(tmp_path / "same", x=Rows(late=9.0))
    assert "mean" in error.value.found
    with pytest.raises(Interruption):
        fit(tmp_path / "drawn", 2, x=Rows(noise=True))
    assert fit(tmp_path / "drawn", x=Rows(noise=True)).epoch == [0]


def test_in_a_callback_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    fit(tmp_path)

    def state() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.name != "lock"}

    before = state()
    assert fit(tmp_path).epoch == [0]
    assert state() == before


def test_what_is_no_folder_and_no_function_that_builds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for run in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UsageError, match="A run is a folder, and this is a file"):
            train(run)
    with pytest.raises(UsageError, match="no function") as error:
        train(tmp_path / "run", builder()())
    assert error.value.found == "a Sequential, which is a model itself"
    with pytest.raises(UsageError, match=r"What build\(\) gives is no model") as error:
        train(tmp_path / "run", lambda: None)
    assert error.value.remedy == "End the function with `return model`."
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_name_to_tell_the_best_by_is_refused_before_the_first_step(tmp_path: Path) -> None:
    best = weld.Checkpoint(tmp_path / "best.keras", save="best")
    given = {"run": tmp_path / "run", "epochs": 1, "verbose": 0}
    with pytest.raises(TrainingError, match="no 'val_loss'") as error:
        weld.fit(builder(), pictures(40), callbacks=[best], **given)
    assert error.value.found == "monitor='val_loss', and no validation data"
    assert error.value.expected == "one of loss, accuracy"
    with pytest.raises(UsageError, match="'val_f1', which is not measured"):
        weld.fit(builder(), pictures(40), validation_data=pictures(20), best="highest val_f1", **given)
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert not (tmp_path / "run" / "run.json").exists()


def test_the_state_of_git_is_noted(tmp_path: Path) -> None:
    assert git_state(str(tmp_path)) is None

    def git(*words: str) -> str:
        told = ["-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(["git", "-C", tmp_path, *told], check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    (tmp_path / "script.py").write_text("1\n")
    git("add", "script.py")
    git("commit", "-qm", "first")
    commit = git("rev-parse", "HEAD").strip()
    assert git_state(str(tmp_path)) == {"commit": commit, "dirty": False}
    (tmp_path / "script.py").write_text("2\n")
    assert git_state(str(tmp_path)) == {"commit": commit, "dirty": True}
