"""Models that scale their pixels beside models that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.keras

import keras  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402


def pictures(name: str, *first: layers.Layer) -> keras.Model:
    last = [layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax", name="kind")]
    return keras.Sequential([keras.Input((4, 4, 1)), *first, layers.Conv2D(2, 3), *last], name=name)


def notes_of(model: keras.Model) -> list[str]:
    return [note for note in (weld.lineage(model) or {})["notes"] if "pixels" in note.lower()]


@pytest.mark.parametrize(("merge", "options"), [(weld.fuse, {"classes": 2}), (weld.ensemble, {})])
def test_that_one_scales_its_pixels_and_another_does_not_is_told(merge: Any, options: dict[str, Any]) -> None:
    scaled, plain = pictures("scaled", layers.Rescaling(1 / 255)), pictures("plain")
    assert notes_of(merge([plain, scaled], **options)) == [
        "scaled scales the pixels that it is given (times 0.00392157, plus 0), and plain takes them as they are. Where "
        "one was trained on pixels of another range, say so: --range scaled:0..255 --range plain:0..1"
    ]
    assert notes_of(merge([plain, scaled], inputs="separate", **options)) == []
    said = notes_of(merge([plain, scaled], ranges={"scaled": "0..255", "plain": "0..1"}, **options))
    assert said == ["Pixels of 0..255 are rescaled to 0..1 for plain."]


def test_models_that_all_scale_or_take_no_pictures_are_no_sign() -> None:
    both = [pictures("a", layers.Rescaling(1 / 255)), pictures("b", layers.Rescaling(1 / 127.5, -1))]
    assert notes_of(weld.ensemble(both)) == []
    vector = [layers.Dense(2, activation="softmax", name="kind")]
    scaled = keras.Sequential([keras.Input((4,)), layers.Rescaling(2.0), *vector], name="c")
    assert notes_of(weld.ensemble([scaled, keras.Sequential([keras.Input((4,)), *vector], name="d")])) == []


@pytest.mark.parametrize("told", ["0..1", "-1..1"])
def test_images_of_a_folder_come_in_the_range_that_the_models_are_said_to_take(tmp_path: Path, told: str) -> None:
    for kind, shade in (("black", 0), ("white", 255)):
        (tmp_path / kind).mkdir()
        for number in range(10):
            Image.new("L", (4, 4), shade).save(tmp_path / kind / f"{number}.png")
    models, ranges = [pictures("a"), pictures("b")], {"b": told}
    fused = weld.fuse(models, ranges=ranges, data=tmp_path, stages="head:1@1e-3")
    assert f"Pixels are given to the models as {told}; for another range use --pixels." in notes_of(fused)
    judged = (weld.lineage(weld.ensemble(models, ranges=ranges, data=tmp_path)) or {})["evaluations"][0]
    assert [note for note in judged["notes"] if note.startswith(f"Pixels are given to the models as {told}")]
