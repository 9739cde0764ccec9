"""Models that learnt to prepare their data, each from data of its own: `average` and `check` tell the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import handmade
import numpy as np

from keras_weld.checks.finding import Finding
from keras_weld.recipes.average import average
from keras_weld.recipes.check import check


def layer(class_name: str, **config: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": class_name, "config": config, "registered_name": None}


def adapted(file: Path, mean: float, variance: float = 4.0) -> Path:
    config = handmade.config()
    config["config"]["layers"].insert(1, layer("Normalization", name="scale", axis=[-1], mean=None, variance=None))
    learnt = {"0": np.full(6, mean, "float32"), "1": np.full(6, variance, "float32"), "2": np.array(7, "int64")}
    statistics = {f"layers/normalization/vars/{number}": value for number, value in learnt.items()}
    return handmade.make_keras(file, {**statistics, **handmade.tensors()}, config=config)


def read_words(file: Path, words: str, seed: int = 0) -> Path:
    config = handmade.config()
    config["config"]["layers"].insert(1, layer("TextVectorization", name="words", output_mode="int"))
    asset = words.replace(" ", "\n").encode()
    places = ("layers/text_vectorization/_lookup_layer/vocabulary.txt", "layers/text_vectorization/vocabulary.txt")
    return handmade.make_keras(file, handmade.tensors(seed), config=config, assets=dict.fromkeys(places, asset))


def found_for_average(*files: Path) -> tuple[Finding, ...]:
    return check(files, purpose="average").merge("average").findings


def test_other_statistics_are_told_with_layer_and_numbers(tmp_path: Path) -> None:
    a, b = adapted(tmp_path / "a.keras", 1.0), adapted(tmp_path / "b.keras", 5.5)
    (note,) = (note for note in average([a, b], tmp_path / "out.keras").notes if "scale" in note)
    assert note == (
        f"Warning: {b}, layer scale: adapted to other data (mean (5.5, 5.5, 5.5, ...), variance (4, 4, 4, ...)) than "
        f"in {a} (mean (1, 1, 1, ...), variance (4, 4, 4, ...)). The statistics were averaged too, and the result "
        "prepares its data as neither does."
    )
    (found,) = (one for one in found_for_average(a, b) if one.layer == "scale")
    assert (found.severity, found.file) == ("warning", str(b))
    assert found.text.startswith("The layer was adapted to other data: its statistics would be averaged too")
    assert found.expected == "mean (1, 1, 1, ...), variance (4, 4, 4, ...)"
    assert found.found == "mean (5.5, 5.5, 5.5, ...), variance (4, 4, 4, ...)"


def test_the_same_statistics_are_not(tmp_path: Path) -> None:
    a, b = adapted(tmp_path / "a.keras", 1.0), adapted(tmp_path / "b.keras", 1.0)
    assert not any("scale" in note for note in average([a, b], tmp_path / "out.keras").notes)
    assert [one.text for one in found_for_average(a, b)] == [
        "The models hold the same weights to the last bit: merging them changes nothing."
    ]


def test_other_vocabularies_are_told_once_with_the_word_at_which_they_part(tmp_path: Path) -> None:
    a, b = read_words(tmp_path / "a.keras", "[UNK] cat dog"), read_words(tmp_path / "b.keras", "[UNK] cat fish")
    (note,) = (note for note in average([a, b], tmp_path / "out.keras").notes if "vocabulary" in note)
    assert note == (
        f"Warning: layers/text_vectorization/vocabulary.txt differs in {b}: the one of {a} was kept (word 2 is dog, "
        "where the other's word 2 is fish). The weights of both were averaged, and what is one word to one model is "
        "another to the other."
    )
    (found,) = found_for_average(a, b)  # and not that merging changes nothing, though the weights are the same
    assert (found.severity, found.file) == ("warning", str(b))
    assert found.text.startswith("The vocabulary layers/text_vectorization/vocabulary.txt differs: the result has the")
    assert (found.expected, found.found) == ("word 2 is dog", "word 2 is fish")


def test_models_of_other_vocabularies_part_in_a_zip_where_words_are_looked_up(tmp_path: Path) -> None:
    a, b = read_words(tmp_path / "a.keras", "[UNK] cat dog"), read_words(tmp_path / "b.keras", "[UNK] cat fish")
    found = [one for one in check([a, b]).merge("zip").findings if "part at their first layer" in one.text]
    assert [(one.severity, one.file, one.expected, one.found) for one in found] == [
        ("refusal", str(b), "word 2 is dog", "word 2 is fish")
    ]
    assert found[0].layer == "words"
    assert check([a, a]).merge("zip").possible


def test_a_longer_vocabulary_is_told_by_its_length(tmp_path: Path) -> None:
    a, b = read_words(tmp_path / "a.keras", "[UNK] cat"), read_words(tmp_path / "b.keras", "[UNK] cat fish")
    (found,) = found_for_average(a, b)
    assert (found.expected, found.found) == ("2 words", "3 words")


def test_the_same_vocabulary_is_not_told(tmp_path: Path) -> None:
    files = [read_words(tmp_path / f"{seed}.keras", "[UNK] cat", seed) for seed in (0, 1)]
    assert not any("vocabulary" in note for note in average(files, tmp_path / "out.keras").notes)
    assert not any("vocabulary" in one.text for one in found_for_average(*files))
