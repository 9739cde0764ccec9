"""A folder of images is never in memory as a whole."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest

from keras_weld.data import open_data
from keras_weld.data.ahead import AHEAD, THREADS, ahead

Image = pytest.importorskip("PIL.Image")
COUNT, SIDE, BATCH = 2000, 24, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for label in range(4):
        (folder / f"class{label}").mkdir()
    for number in range(COUNT):
        pixels = np.full((SIDE, SIDE), number % 251, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"class{number % 4}" / f"{number:04}.png")
    return folder


def test_peak_of_an_epoch_is_a_few_batches(folder):
    split = open_data(folder, validation=0.1).splits["train"].fitted({"image": (SIDE, SIDE, 3)})
    whole = split.count * SIDE * SIDE * 3 * 4
    batch = BATCH * SIDE * SIDE * 3 * 4
    list(split.epoch(BATCH, seed=0, epoch=0, start=split.steps(BATCH) - 1))  # what is made once is made
    tracemalloc.start()
    try:
        seen = sum(len(y) for _, y in split.epoch(BATCH, seed=0, epoch=0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen == split.count == 1800
    assert whole > 12_000_000
    assert peak < 3 * (AHEAD + 2) * batch + 300_000  # decoded, stacked and given out, and the bookkeeping of rows
    assert peak < whole / 6


def test_rows_not_asked_for_are_not_decoded(folder, monkeypatch):
    split = open_data(folder).splits["all"]
    broken = split.files[5]
    read = broken.read_bytes()
    try:
        broken.write_bytes(b"not an image")
        assert split.take(np.array([4, 6]))[1].tolist() == [0, 0]
    finally:
        broken.write_bytes(read)


def test_threads_are_kept_and_work_a_bounded_number_of_batches_ahead():
    asked = []

    def batches():
        for number in range(50):
            asked.append(number)
            yield [number] * 3

    found = ahead(batches(), lambda item: 2 * item)
    assert next(found) == [0, 0, 0]
    assert asked == list(range(AHEAD + 1))
    assert [next(found)[0] for _ in range(10)] == list(range(2, 22, 2))
    assert len(asked) == AHEAD + 11
    found.close()
    list(ahead(batches(), lambda item: item))
    assert sum(thread.name.startswith("weld-data") for thread in threading.enumerate()) <= THREADS


def test_failure_in_a_thread_comes_out_where_its_batch_is_due():
    def work(item):
        if item == 3:
            raise ValueError("three")
        return item

    found = ahead([[number] for number in range(6)], work)
    assert [next(found) for _ in range(3)] == [[0], [1], [2]]
    with pytest.raises(ValueError, match="three"):
        next(found)
