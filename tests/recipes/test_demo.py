"""The demo's parts: the digits, the training, the words, and what is refused before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from keras_weld.data.open import open_data
from keras_weld.errors import MissingExtraError, UsageError, WriteError
from keras_weld.io.read import open_model
from keras_weld.recipes import demo as demo_module
from keras_weld.recipes import demo_needs
from keras_weld.recipes.demo import demo
from keras_weld.recipes.demo_data import PARTS, load_digits, write_digits
from keras_weld.recipes.demo_plan import MERGES, ODD, RUN, START, THREE, TRAININGS, Verb
from keras_weld.recipes.demo_result import Checked
from keras_weld.recipes.demo_words import Commands, total, what_happened

SHORT = tuple(
    replace(one, phases=tuple(replace(phase, epochs=2 if one.file == RUN else 1) for phase in one.phases))
    for one in TRAININGS
)
AVERAGES_OF_TWO = tuple(replace(merge, last=merge.last and 2) for merge in MERGES if merge.verb is Verb.AVERAGE)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo with next to no training."""
    monkeypatch.setattr(demo_module, "TRAININGS", SHORT)
    monkeypatch.setattr(demo_module, "MERGES", AVERAGES_OF_TWO)


def test_the_digits_are_split_for_good_and_dealt_into_parts_that_share_nothing() -> None:
    splits = load_digits(seed=0)
    assert {name: len(part) for name, part in splits.items()} == {"train": 719, "val": 359, "test": 719}
    images = np.concatenate([part.x for part in splits.values()])
    assert images.shape == (1797, 8, 8, 1)
    assert (images.min(), images.max()) == (0.0, 1.0)
    parts = [splits["train"].part(number) for number in range(PARTS)]
    assert sum(map(len, parts)) == 719
    kept = {image.tobytes() for part in parts for image in part.x}
    assert kept == {image.tobytes() for image in splits["train"].x}
    assert not np.array_equal(splits["test"].y, load_digits(seed=1)["test"].y)


def test_the_digits_are_written_the_way_evaluate_reads_them(tmp_path: Path) -> None:
    splits = load_digits(seed=3)
    write_digits(tmp_path / "digits.npz", splits)
    found = open_data(tmp_path / "digits.npz").splits
    assert {name: split.count for name, split in found.items()} == {
        "train": 719,
        "validation": 359,
        "test": 719,
    }
    assert np.array_equal(found["test"].targets[0], splits["test"].y)


def test_odd_sees_what_a_sees_and_only_sets_out_from_elsewhere() -> None:
    plan = {training.file: training for training in TRAININGS}
    a, start, odd = plan[THREE[0]], plan[START], plan[ODD]
    assert odd.phases == start.phases + a.phases
    assert a.draw is None
    assert None not in (start.draw, odd.draw)
    assert {phase.part for phase in odd.phases} == {0, 1}  # two of the four parts, as the demo says of fused.keras
    assert start.draw != odd.draw


def test_commands_can_be_copied_whatever_the_folder_is_called() -> None:
    write = Commands(Path("my demo"))
    soup, weighted, run, _, team, fused = MERGES
    assert write.merge(soup) == (
        "weld average 'my demo/a.keras' 'my demo/b.keras' 'my demo/c.keras' -o 'my demo/soup.keras'"
    )
    assert write.merge(weighted).endswith(" --weights 0.5,0.3,0.2")
    assert write.merge(run) == ("weld average 'my demo'/run/epoch-*.keras -o 'my demo/run-mean.keras' --last 5")
    pair = "'my demo/a.keras' 'my demo/odd.keras' -o"
    assert write.merge(team) == f"weld ensemble {pair} 'my demo/team.keras'"
    assert write.merge(fused) == f"weld fuse {pair} 'my demo/fused.keras' --data 'my demo/digits.npz'"
    assert Commands(Path("demo"), seed=3).merge(fused).endswith(" --data demo/digits.npz --seed 3")
    assert Commands(Path("demo")).evaluate(run) == (
        "weld evaluate demo/run-mean.keras --against demo/run/epoch-*.keras --data demo/digits.npz"
    )


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["better"], "Of 1 merges, 1 is better than the best single source."),
        (
            ["worse", "better", "cannot tell", "no worse", "better"],
            "Of 5 merges, 2 are better than, 1 is no worse than, 1 is not to be told from and 1 is worse "
            "than the best single source.",
        ),
    ],
)
def test_the_sum_of_it_in_words(verdicts: list[str], words: str) -> None:
    assert total(verdicts) == words


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("worse", "weld check had warned of a-odd.keras, and it is worse."),
        ("better", "weld check had warned of a-odd.keras, yet these images do not show it to be worse."),
    ],
)
def test_what_was_warned_of_is_told_with_how_it_came(verdict: str, words: str) -> None:
    judged: Any = [SimpleNamespace(sentence=f"{merge.file}.", verdict=verdict) for merge in MERGES]
    checks = [
        Checked(THREE, True, (), ()),
        Checked((THREE[0], ODD), True, ("They come from two starts.",), ()),
    ]
    sentences = what_happened(MERGES, judged, checks)
    assert sentences[:6] == tuple(f"{merge.file}." for merge in MERGES)
    assert sentences[6] == words  # of the average alone: the ensemble and the fused model were not warned of
    assert len(sentences) == 8


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(demo_needs, "find_spec", lambda name: object() if name in names else None)


@pytest.mark.parametrize(
    ("asked", "installed", "found", "remedy"),
    [
        (
            None,
            (),
            "not installed: a backend of Keras, scikit-learn",
            "pip install 'keras-weld[tensorflow,demo]'",
        ),
        (None, ("jax",), "not installed: scikit-learn", "pip install 'keras-weld[jax,demo]'"),
        ("jax", ("sklearn",), "not installed: jax", "pip install 'keras-weld[jax,demo]'"),
        (
            "tensorflow",
            ("sklearn", "jax"),
            "not installed: tensorflow",
            "pip install 'keras-weld[tensorflow,demo]', or run on another: KERAS_BACKEND=jax weld demo",
        ),
    ],
)
def test_what_is_not_installed_is_told_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    asked: str | None,
    installed: tuple[str, ...],
    found: str,
    remedy: str,
) -> None:
    install(monkeypatch, *installed)
    if asked is None:
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
    else:
        monkeypatch.setenv("KERAS_BACKEND", asked)
    with pytest.raises(MissingExtraError) as refused:
        demo(tmp_path / "demo")
    assert refused.value.found == found
    assert refused.value.remedy == remedy
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize(("asked", "installed"), [(None, ("sklearn", "jax")), ("torch", ("sklearn", "torch"))])
def test_nothing_is_refused_when_all_is_there(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, installed: tuple[str, ...]
) -> None:
    install(monkeypatch, *installed)
    monkeypatch.setenv("KERAS_BACKEND", asked or "")
    demo_needs.require_installed()


def test_a_backend_that_keras_chooses_and_that_is_not_there_is_a_missing_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "jax")

    def refuse(name: str, *rest: object, **more: object) -> Any:
        if name == "keras":
            raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")
        return importer(name, *rest, **more)

    importer = __import__
    monkeypatch.setattr("builtins.__import__", refuse)
    with pytest.raises(MissingExtraError) as refused:
        demo_needs.require_backend()
    monkeypatch.undo()
    assert refused.value.expected == "tensorflow"
    assert refused.value.remedy == (
        "pip install 'keras-weld[tensorflow,demo]', or run on another: KERAS_BACKEND=jax weld demo"
    )


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="A seed is not negative"):
        demo(tmp_path / "demo", seed=-1)
    assert not (tmp_path / "demo").exists()


@pytest.mark.keras
def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")
    with pytest.raises(WriteError) as refused:
        demo(tmp_path / "demo")
    assert str(refused.value).startswith("The folder for the demo cannot be made.")
    assert refused.value.remedy == "Choose another one: weld demo --folder NAME"
    assert (tmp_path / "demo").read_text() == "a file"


@pytest.mark.keras
@pytest.mark.usefixtures("short")
def test_other_files_are_left_alone_and_those_of_a_former_demo_replaced(tmp_path: Path) -> None:
    (tmp_path / RUN).mkdir()
    (tmp_path / RUN / "mine.txt").write_text("mine")
    (tmp_path / "a.keras").write_text("of a former demo")
    result = demo(tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {*result.files, "run/mine.txt"}
    assert (tmp_path / RUN / "mine.txt").read_text() == "mine"
    with open_model(tmp_path / "a.keras") as state:
        assert len(state.weights) == 8


def weights_of(path: Path) -> dict[str, bytes]:
    with open_model(path) as state:
        return {tensor.spec.name: tensor.read().tobytes() for tensor in state.weights}


@pytest.mark.keras
def test_the_same_seed_gives_the_same_models_and_the_random_state_is_left_alone(tmp_path: Path) -> None:
    from keras_weld.recipes.demo_training import train_all

    examples = load_digits(seed=0)["train"]
    found = []
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        np.random.seed(12)
        before = np.random.get_state()[1]
        (tmp_path / name).mkdir()
        assert train_all(tmp_path / name, examples, SHORT[:2], seed, None) == [START, THREE[0]]
        assert np.array_equal(before, np.random.get_state()[1])
        found.append([weights_of(tmp_path / name / file) for file in (START, THREE[0])])
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]
    assert found[0][0] != found[0][1]


class Stop:
    """Interrupts like Ctrl-C when training has come so far."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, done: int, total: int, what: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.keras
@pytest.mark.usefixtures("short")
def test_an_interruption_leaves_whole_files_alone(tmp_path: Path) -> None:
    # Five batches an epoch on a part: start, a and half of b.
    with pytest.raises(KeyboardInterrupt):
        demo(tmp_path, progress=Stop(after=12))
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["a.keras", "digits.npz", "start.keras"]
    for name in ("a.keras", "start.keras"):
        assert len(weights_of(tmp_path / name)) == 8
