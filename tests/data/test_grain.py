"""Grain's data sets and loaders."""

from __future__ import annotations

import pytest
from data_sources import COUNT, X, Y, assert_ordered_by_number, assert_same_as_arrays

from keras_weld.data import open_data
from keras_weld.errors import DataError

pytestmark = pytest.mark.keras  # it imports JAX where that is installed
grain = pytest.importorskip("grain")
PAIRS = list(zip(X, Y, strict=True))


def mapped():
    return grain.MapDataset.source(PAIRS)


def loader(epochs=1, **given):
    sampler = grain.samplers.IndexSampler(COUNT, num_epochs=epochs, shuffle=False, seed=1)
    return grain.DataLoader(data_source=PAIRS, sampler=sampler, **given)


def test_map_data_set_is_had_by_number():
    for source in (mapped(), mapped().map(lambda pair: pair)):
        split = open_data(source).splits["all"]
        assert (split.count, split.positioned) == (COUNT, True)
        assert_same_as_arrays(split)
        assert_ordered_by_number(split)


def test_all_others_are_streams():
    sources = [
        mapped().batch(5),
        mapped().batch(5).map(lambda pair: pair),
        mapped().to_iter_dataset(),
        mapped().to_iter_dataset().batch(5),
        loader(operations=[grain.transforms.Batch(5)]),
        loader(operations=[]),
    ]
    for source in sources:
        split = open_data(source).splits["all"]
        assert (split.positioned, split.endless) == (False, False)
        assert_same_as_arrays(split)


def test_what_is_repeated_for_ever_never_ends():
    for source in (mapped().repeat(), mapped().batch(5).repeat(), mapped().repeat().to_iter_dataset(), loader(None)):
        split = open_data(source).splits["all"]
        assert split.endless
        with pytest.raises(DataError, match="never ends"):
            split.counted()


def test_filtered_data_has_gaps_and_is_read_as_a_stream():
    even = mapped().filter(lambda pair: pair[1] % 2 == 0)
    with pytest.raises(DataError, match="no example under a number") as refused:
        list(open_data(even).splits["all"].batches(4))
    assert refused.value.remedy == "Pass it as a stream: data.to_iter_dataset()"
    assert open_data(even.to_iter_dataset()).splits["all"].counted() == 12
