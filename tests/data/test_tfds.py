"""Names of TensorFlow Datasets: what is told without it, and a small data set where it is installed."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from keras_weld.data import open_data
from keras_weld.errors import DataError, MissingExtraError


def test_missing_package_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(MissingExtraError) as refused:
        open_data("tfds:cifar10:train[:80%]")
    assert refused.value.problem == (
        "tfds:cifar10:train[:80%] is read with TensorFlow Datasets, which is not installed."
    )
    assert refused.value.remedy == "pip install 'keras-weld[tfds]'"


def test_name_that_is_none_is_refused():
    with pytest.raises(DataError, match="not the name of a data set") as refused:
        open_data("tfds:")
    assert "tfds:cifar10:train[:80%]" in refused.value.expected


@pytest.fixture(params=["tfrecord", "array_record"])
def prepared(request, tmp_path, monkeypatch):
    """A small data set of images in a folder of prepared ones, in both forms that files have."""
    tfds = pytest.importorskip("tensorflow_datasets")

    with tfds.core.registered.skip_registration():  # it is found by its files, as those of others are

        class WeldTiny(tfds.core.GeneratorBasedBuilder):
            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                features = {
                    "image": tfds.features.Image(shape=(4, 4, 1)),
                    "label": tfds.features.ClassLabel(names=["ant", "bee", "cat"]),
                }
                return tfds.core.DatasetInfo(
                    builder=self,
                    features=tfds.features.FeaturesDict(features),
                    supervised_keys=("image", "label"),
                )

            def _split_generators(self, manager):
                counts = {"train": 20, "test": 7, "extra": 3}
                return {name: self._generate_examples(count) for name, count in counts.items()}

            def _generate_examples(self, count):
                for index in range(count):
                    yield index, {"image": np.full((4, 4, 1), index, np.uint8), "label": index % 3}

    WeldTiny(data_dir=tmp_path, file_format=request.param).download_and_prepare()
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
    return request.param


@pytest.mark.keras
@pytest.mark.filterwarnings("default")  # its own imports warn
def test_prepared_data_set_is_read_and_nothing_else(prepared):
    found = open_data("tfds:weld_tiny")
    counts = {name: split.count for name, split in found.splits.items()}
    assert counts == {"train": 20, "test": 7}
    assert found.notes == ("The splits extra of tfds:weld_tiny were left out.",)
    train = found.splits["train"]
    assert train.positioned == (prepared == "array_record")
    assert train.classes == ("ant", "bee", "cat")
    for x, y in train.batches(8):
        assert x.shape[1:] == (4, 4, 1)
        np.testing.assert_array_equal(x[:, 0, 0, 0] % 3, y)
    assert open_data("tfds:weld_tiny:1.0.0:train[:50%]").splits["all"].count == 10
    with pytest.raises(DataError, match="has no such split") as refused:
        open_data("tfds:weld_tiny:dev")
    assert refused.value.expected == "train, test, extra"
    with pytest.raises(DataError, match="There is no such data set"):
        open_data("tfds:weld_nothing")
    with pytest.raises(DataError, match="keras-weld downloads nothing") as refused:
        open_data("tfds:mnist")
    assert "t.builder('mnist').download_and_prepare()" in refused.value.remedy
