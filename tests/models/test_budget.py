"""The bound on what a model from a file may allocate, with several threads loading at once."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import keras
import pytest

from keras_weld.errors import ShapeMismatchError
from keras_weld.models.budget import stored_budget

pytestmark = pytest.mark.keras

STORED = 1000
ROOM = 4 * STORED + (1 << 22)


def file_of(size):
    return SimpleNamespace(weights=[SimpleNamespace(spec=SimpleNamespace(size=size))])


def ask_for(count):
    layer = keras.layers.Layer(name="greedy")
    layer.add_weight((count,), initializer="zeros", dtype="int8", trainable=False)


def test_layer_that_asks_for_too_much_is_refused_and_only_inside_the_block():
    with stored_budget(file_of(STORED)):
        ask_for(ROOM)
        with pytest.raises(ShapeMismatchError, match="asks for more weights than the file has stored") as refused:
            ask_for(1)
    assert refused.value.layer == "greedy"
    assert refused.value.expected == "about 1,000 values in the whole model"
    ask_for(ROOM + 1)


def test_blocks_that_overlap_in_two_threads_leave_nothing_behind():
    entered, left = threading.Event(), threading.Event()
    seen = []

    def other():
        with stored_budget(file_of(STORED)):
            entered.set()
            left.wait(60)
            try:
                ask_for(ROOM + 1)
            except ShapeMismatchError as error:
                seen.append(error.layer)

    thread = threading.Thread(target=other)
    with stored_budget(file_of(STORED)):
        thread.start()
        assert entered.wait(60)
        ask_for(ROOM)  # this thread's own budget, which the other does not spend
    left.set()
    thread.join(60)
    assert seen == ["greedy"]
    for _ in range(2):
        ask_for(ROOM + 1)
