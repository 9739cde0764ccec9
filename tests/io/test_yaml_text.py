"""YAML as older versions of Keras wrote it, and YAML that is meant to do harm."""

from __future__ import annotations

import pytest

from keras_weld.errors import DamagedFileError, LimitError, UnsafeFileError, WrongKindError
from keras_weld.io.kinds import Kind, container_of
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.io.yaml_text import parse_yaml, to_yaml

OLDER = b"""\
backend: tensorflow
class_name: Sequential
config:
  layers:
  - class_name: Dense
    config:
      batch_input_shape: &id001 !!python/tuple [null, 784]
      again: *id001
      name: dense_1
      units: 10
  name: sequential_1
keras_version: 2.2.4
"""


def test_what_keras_2_wrote_with_to_yaml(tmp_path):
    (tmp_path / "m.yml").write_bytes(OLDER)
    with open_model(tmp_path / "m.yml") as state:
        assert state.kind is Kind.ARCHITECTURE
        layer = state.config["config"]["layers"][0]["config"]
        assert layer["batch_input_shape"] == layer["again"] == [None, 784]
        assert state.metadata["keras_version"] == "2.2.4"


def test_there_and_back():
    content = {"class_name": "Model", "config": {"a": [1, 2.5, None, True, "no", "1e3", {}]}}
    assert parse_yaml(to_yaml(content).encode(), Limits(), "x.yaml") == content


def test_aliases_that_multiply_are_counted_not_unfolded():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(LimitError, match="json_items"):
        parse_yaml("\n".join(lines).encode(), Limits(json_items=1000), "x.yaml")
    with pytest.raises(LimitError, match="json_depth"):
        parse_yaml(b"a: &a [*a]", Limits(json_items=1000), "x.yaml")


@pytest.mark.parametrize(
    "text", [b"!!python/object/apply:os.system ['true']", b"a: {k: &k {x: 1}}\nb: {<<: *k}", b"!!python/name:os.system"]
)
def test_what_asks_for_more_than_plain_values_is_refused(text):
    with pytest.raises(UnsafeFileError, match="asks for more than plain values"):
        parse_yaml(text, Limits(), "x.yaml")


def test_what_is_not_an_architecture_is_said_so(tmp_path):
    with pytest.raises(DamagedFileError, match="not well-formed YAML"):
        parse_yaml(b"a: [1,", Limits(), "x.yaml")
    with pytest.raises(DamagedFileError, match="values that no architecture has"):
        parse_yaml(b"a: 2020-01-01", Limits(), "x.yaml")
    (tmp_path / "m.yaml").write_bytes(b"\x80\x04pickle")
    with pytest.raises(WrongKindError):
        container_of(tmp_path / "m.yaml")
