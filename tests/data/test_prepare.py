"""What is done to images: sizes, channels, ranges of values, the same for folders and for arrays."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from keras_weld.data import Preparation, chosen, open_data, prepared, stream_split
from keras_weld.errors import DataError, MissingExtraError, UsageError

Image = pytest.importorskip("PIL.Image")
RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (6, 9, 12, 3), dtype=np.uint8)
LABELS = np.arange(6)


def test_folder_and_arrays_come_to_the_same(tmp_path):
    for label, pixels in enumerate(COLOUR):
        folder = tmp_path / str(label)
        folder.mkdir()
        Image.fromarray(pixels).save(folder / "image.png")
    for preparation in (
        Preparation(pixels="-1..1"),
        Preparation(size=(5, 7), channels=1, pixels="0..1", method="lanczos"),
        Preparation(size=(20, 20), channels=4, method="nearest", dtype="uint8"),
    ):
        folder = open_data(tmp_path, prepare=preparation).splits["all"]
        arrays = open_data((COLOUR, LABELS), prepare=preparation).splits["all"]
        stream = open_data(lambda: iter([(COLOUR, LABELS)]), prepare=preparation).splits["all"]
        want = next(folder.batches(6))[0]
        assert want.dtype == preparation.dtype
        for split in (arrays, stream):
            np.testing.assert_array_equal(next(split.batches(6))[0], want)


def test_ranges_follow_their_formula():
    for source, pixels, low, high in [("0..255", "-1..1", 0, 255), ("-1..1", "0..1", -1, 1), ("0..1", "0..255", 0, 1)]:
        given = np.array([low, (low + high) / 2, high], dtype=np.float32).reshape(1, 1, 3, 1)
        bottom, top = (float(end) for end in pixels.split(".."))
        found = Preparation(pixels=pixels, source=source)(given).ravel()
        np.testing.assert_allclose(found, [bottom, (bottom + top) / 2, top], atol=1e-5)
    rounded = Preparation(source="0..1", dtype="uint8")(np.full((1, 1, 1, 1), 0.5, dtype=np.float32))
    assert (rounded.dtype, rounded.item()) == (np.uint8, 128)


def test_floating_point_images_are_resized_without_rounding():
    unit = {"size": (4, 6), "source": "0..1", "pixels": "0..1"}
    small = Preparation(**unit)
    given = RANDOM.random((2, 8, 12, 1), dtype=np.float32)
    want = given.reshape(2, 4, 2, 6, 2, 1).mean(axis=(2, 4))
    np.testing.assert_allclose(Preparation(**unit, method="box")(given), want, atol=1e-6)
    assert small(given).shape == (2, 4, 6, 1)
    assert small(given[..., 0]).shape == (2, 4, 6)


def test_channels_of_floating_point_images():
    grey = Preparation(channels=1)(COLOUR.astype(np.float32))
    np.testing.assert_allclose(grey, Preparation(channels=1)(COLOUR), atol=0.51)  # Pillow rounds to whole numbers
    three = Preparation(channels=3)(grey)
    assert (three == grey).all()
    four = Preparation(channels=4, source="0..1", pixels="0..1")(grey / 255)
    assert (four[..., 3] == 1).all()
    np.testing.assert_allclose(Preparation(channels=3, source="0..1", pixels="0..1")(four), three / 255, atol=1e-6)


def test_nothing_is_adapted_unless_it_is_asked_for():
    shapes = {"image": (5, 7, 1)}
    with pytest.raises(DataError, match="do not fit the model's input 'image'"):
        open_data((COLOUR, LABELS)).splits["all"].fitted(shapes)
    found = open_data((COLOUR, LABELS), prepare=Preparation(pixels="0..1"))
    split = found.splits["all"].fitted(shapes)
    assert [x.shape for x, _ in split.batches(4)] == [(4, 5, 7, 1), (2, 5, 7, 1)]
    assert found.notes == ("Images are prepared: values 0..255 mapped to 0..1, as float32.",)
    assert split.preparation.text == (
        "turned into grey, resized to 5 x 7 (bilinear), values 0..255 mapped to 0..1, as float32"
    )
    assert split.take(np.array([3]))[1].tolist() == [3]
    part = prepared(chosen(open_data((COLOUR, LABELS)).splits["all"], np.array([4, 2])), Preparation(size=(2, 2)))
    assert next(part.batches(2))[0].shape == (2, 2, 2, 3)


def test_sizes_that_a_model_leaves_open_are_the_images_own():
    split = open_data((COLOUR, LABELS), prepare=Preparation()).splits["all"].fitted({"image": (None, 6, None)})
    assert next(split.batches(1))[0].shape == (1, 9, 6, 3)


@pytest.mark.parametrize(
    ("given", "problem", "found"),
    [
        ({"pixels": "0..2"}, "no such range of pixels", "0..2"),
        ({"source": "bright"}, "no such range of pixels", "bright"),
        ({"method": "magic"}, "no such way to resize", "magic"),
        ({"dtype": "int64"}, "no such dtype for images", "int64"),
        ({"channels": 2}, "no such number of channels", "2"),
        ({"size": (0, 4)}, "height and width", "(0, 4)"),
        ({"dtype": "uint8", "pixels": "0..1"}, "do not fit into whole numbers", "pixels='0..1'"),
    ],
)
def test_preparations_that_make_no_sense_are_refused(given, problem, found):
    with pytest.raises(UsageError, match=problem) as refused:
        Preparation(**given)
    assert refused.value.found == found


def test_what_is_no_image_is_refused():
    with pytest.raises(DataError, match="These examples are no images") as refused:
        list(open_data((np.zeros((3, 4)), np.arange(3)), prepare=Preparation()).splits["all"].batches(2))
    assert refused.value.found == "shape (4)"
    two = stream_split([([COLOUR, COLOUR], LABELS)])
    with pytest.raises(DataError, match="Only data with one input can be prepared as images"):
        list(prepared(two, Preparation()).batches(2))
    whole = open_data((COLOUR, LABELS), prepare=Preparation(size=(4, 4))).splits["all"]
    with pytest.raises(DataError, match="prepared in another way than the model takes them") as refused:
        whole.fitted({"image": (8, 8, 3)})
    assert "taken from the model" in refused.value.remedy
    with pytest.raises(DataError, match="does not take one image"):
        whole.fitted({"features": (64,)})


def test_missing_pillow_is_told_where_it_is_needed_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert Preparation(pixels="0..1")(COLOUR).max() <= 1
    with pytest.raises(MissingExtraError, match="Resizing images needs Pillow"):
        Preparation(size=(2, 2))(COLOUR)


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8), (16, 16, 1)])
def test_images_that_do_not_fit_are_refused_with_what_makes_them_fit(shape):
    data = (np.zeros((6, *shape), "float32"), np.zeros(6, int))
    with pytest.raises(DataError) as refused:
        open_data(data).splits["all"].fitted({"image": (16, 16, 3)})
    assert "open_data((x, y), prepare=Preparation())" in str(refused.value.remedy)
    fitted = open_data(data, prepare=Preparation()).splits["all"].fitted({"image": (16, 16, 3)})
    assert next(fitted.batches(4))[0].shape == (4, 16, 16, 3)
