"""Folders of images: labels by sorted names, sizes and channels of the model, and what is in the way."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from keras_weld.data import open_data
from keras_weld.errors import DataError, MissingExtraError, UsageError

Image = pytest.importorskip("PIL.Image")


def paint(path, value, size=(6, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), value, dtype=np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        paint(tmp_path / "zebra" / f"{number}.png", 200 + number)
    for number in range(2):
        paint(tmp_path / "ant" / f"{number}.png", 10 + number, size=(9, 9))
    (tmp_path / "ant" / "notes.txt").write_text("no image")
    (tmp_path / "ant" / ".DS_Store").write_bytes(b"x")
    return tmp_path


def test_sub_folders_are_classes_in_the_order_of_their_names(folder):
    found = open_data(folder)
    split = found.splits["all"]
    assert split.classes == ("ant", "zebra")
    assert split.targets[0].tolist() == [0, 0, 1, 1, 1]
    assert "1 files that are no images were left out" in found.notes[1]
    assert "notes.txt" in found.notes[1]


def test_images_come_at_the_models_size_and_channels(folder):
    split = open_data(folder).splits["all"].fitted({"image": (5, 7, 1)})
    batches = list(split.batches(2))
    assert [x.shape for x, _ in batches] == [(2, 5, 7, 1), (2, 5, 7, 1), (1, 5, 7, 1)]
    values = np.concatenate([x for x, _ in batches])
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values[:, 0, 0, 0], [10, 11, 200, 201, 202])


@pytest.mark.parametrize(("pixels", "white", "black"), [("0..255", 255, 0), ("0..1", 1, 0), ("-1..1", 1, -1)])
def test_pixels_are_given_in_the_range_asked_for_and_that_is_told(tmp_path, pixels, white, black):
    paint(tmp_path / "a" / "w.png", 255)
    paint(tmp_path / "b" / "b.png", 0)
    found = open_data(tmp_path, pixels=pixels)
    x, _ = next(found.splits["all"].batches(2))
    np.testing.assert_allclose(x[:, 0, 0, 0], [white, black], atol=1e-6)
    assert f"Pixels are given to the models as {pixels}" in found.notes[0]


def test_range_that_is_none_is_refused(folder):
    with pytest.raises(UsageError, match="no such range"):
        open_data(folder, pixels="0..2")


def test_train_and_test_folders_are_splits_with_the_same_labels(tmp_path):
    for name in ("a", "b", "c"):
        paint(tmp_path / "train" / name / "1.png", 3)
    paint(tmp_path / "test" / "c" / "1.png", 3)
    splits = open_data(tmp_path).splits
    assert set(splits) == {"train", "test"}
    assert splits["test"].targets[0].tolist() == [2]


def test_sample_keeps_images_with_their_labels(folder):
    split = open_data(folder, sample=3, seed=1).splits["all"]
    x, y = next(split.batches(3))
    assert (x[:, 0, 0, 0] >= 200).tolist() == (y == 1).tolist() == (split.targets[0] == 1).tolist()
    assert split.count == 3


def test_broken_image_is_named(folder):
    (folder / "ant" / "9.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match="cannot be read") as refused:
        list(open_data(folder).splits["all"].batches(8))
    assert refused.value.file == str(folder / "ant" / "9.png")


def test_huge_image_is_refused(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(DataError, match="cannot be read") as refused:
        list(open_data(folder).splits["all"].batches(8))
    assert "decompression bomb" in refused.value.found


def test_model_that_takes_no_image_is_told_what_does_not_fit(folder):
    with pytest.raises(DataError, match="does not take one image") as refused:
        open_data(folder).splits["all"].fitted({"features": (64,)})
    assert refused.value.found == "features (64,)"


def test_folder_without_images_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="holds no images in sub-folders"):
        open_data(tmp_path)


def test_missing_pillow_names_the_command_that_installs_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError) as refused:
        open_data(folder)
    assert refused.value.remedy == "pip install 'keras-weld[images]'"
