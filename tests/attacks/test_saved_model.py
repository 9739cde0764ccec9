"""A SavedModel is read for its variables; its graph, which could do anything, is never run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_weld.errors import DamagedFileError, WeldError
from keras_weld.io import saved_model
from keras_weld.io.guard import scan_file
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.keras
GOLDEN = Path(__file__).parent.parent / "golden" / "keras2_15"


@pytest.fixture
def folder(tmp_path):
    """A SavedModel whose functions write a file, also the one that runs while it is loaded."""
    root = tf.__internal__.tracking.AutoTrackable()
    root.variables = [tf.Variable(np.arange(6, dtype=np.float32).reshape(2, 3), name="dense/kernel")]
    root.trainable_variables = root.variables
    target = str(tmp_path / "written")

    @tf.function(input_signature=[])
    def write():
        tf.io.write_file(target, "the graph was run")
        return tf.constant(1)

    root.write = root.__call__ = write
    tf.saved_model.save(root, str(tmp_path / "model"), signatures={"serving_default": write})
    assert not (tmp_path / "written").exists()
    return tmp_path


def test_only_the_variables_are_read(folder):
    with scan_file(folder / "model") as state:
        assert [tensor.spec.name for tensor in state.weights] == ["dense/kernel"]
        np.testing.assert_array_equal(state["dense/kernel"].read().ravel(), np.arange(6))
    assert not (folder / "written").exists()


def test_a_graph_cut_short_does_not_matter_and_cut_variables_do(folder):
    graph = folder / "model" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:100])
    open_model(folder / "model").close()
    index = folder / "model" / "variables" / "variables.index"
    index.write_bytes(index.read_bytes()[:50])
    with pytest.raises(DamagedFileError, match="cannot be read"):
        open_model(folder / "model")


def test_a_flipped_byte_in_a_variable_is_damage(folder):
    values = next((folder / "model" / "variables").glob("variables.data-*"))
    content = bytearray(values.read_bytes())
    content[content.index(np.arange(6, dtype=np.float32).tobytes()) + 3] ^= 1
    values.write_bytes(content)
    with open_model(folder / "model") as state, pytest.raises(DamagedFileError, match="cannot be read") as caught:
        state["dense/kernel"].read()
    assert (caught.value.file, caught.value.layer) == (str(folder / "model"), "dense/kernel")
    assert "Copy the whole folder again" in caught.value.remedy


def test_no_path_is_an_address():
    for path in ("hf://someone/model", "https://x.example/model.keras", "gs://bucket/model"):
        with pytest.raises(WeldError, match="Only files on this machine are read"):
            open_model(path)


def test_tensorflow_says_nothing_on_the_screen(folder):
    code = f"from keras_weld.io.read import open_model; open_model({str(folder / 'model')!r}).close()"
    clean = {name: value for name, value in os.environ.items() if name not in ("WELD_DEBUG", "TF_CPP_MIN_LOG_LEVEL")}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def objects(*children):
    """An object graph: for each object, the names and numbers of those below it; the last is a variable."""
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    for below in children:
        node = graph.nodes.add()
        for name, number in below:
            node.children.add(local_name=name, node_id=number)
    graph.nodes[-1].attributes.add(name="VARIABLE_VALUE", full_name="dense/kernel", checkpoint_key="key")
    return graph


class Values:
    """What TensorFlow reads variables by, with one of them."""

    def get_variable_to_shape_map(self):
        return {"key": [2]}

    def get_variable_to_dtype_map(self):
        return {"key": tf.float32}


def read(graph, tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model, "_open", lambda path: (Values(), graph))
    return saved_model.read_saved_model(tmp_path, Limits())


def test_objects_one_within_the_other_thousands_deep_are_walked(tmp_path, monkeypatch):
    depth = 5000
    chain = objects([("layer_with_weights-0", 1)], *([("part", number + 2)] for number in range(depth)), [])
    assert list(read(chain, tmp_path, monkeypatch)) == ["dense/kernel"]
    circle = objects([("layer_with_weights-0", 1)], [("again", 1), ("part", 2)], [])
    assert list(read(circle, tmp_path, monkeypatch)) == ["dense/kernel"]


@pytest.mark.parametrize(
    "graph",
    [
        lambda: objects([("layer_with_weights-x", 1)], []),
        lambda: objects([("layer_with_weights-0", 9)], []),
        lambda: objects([("variables", 1)], [("0", 9)], []),
        lambda: objects([("variables", 1), ("trainable_variables", 9)], [("0", 2)], []),
    ],
)
def test_objects_that_are_not_there_are_damage(graph, tmp_path, monkeypatch):
    with pytest.raises(DamagedFileError, match="objects that the SavedModel lists contradict each other"):
        read(graph(), tmp_path, monkeypatch)


def test_a_broken_description_beside_the_graph_is_damage(tmp_path):
    shutil.copytree(GOLDEN / "mlp.savedmodel", tmp_path / "m")
    (tmp_path / "m" / "keras_metadata.pb").write_bytes(b"\x08\xff\xff no message")
    with pytest.raises(DamagedFileError, match="The description of the SavedModel cannot be read"):
        open_model(tmp_path / "m")
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"\x08\xff\xff no message")
    with pytest.raises(DamagedFileError, match="The graph of the SavedModel cannot be read") as refused:
        saved_model.refuse_file_access(tmp_path / "m")
    assert refused.value.file == str(tmp_path / "m")
