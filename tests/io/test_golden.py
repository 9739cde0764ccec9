"""Files of other makers: Keras 1.2, 2.15 and 3.0 wrote them, and wrote down what is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from keras_weld.core.state import ModelState
from keras_weld.core.tensor import Role
from keras_weld.io.read import open_model

GOLDEN = Path(__file__).parent.parent / "golden"
FILES = sorted(
    path.relative_to(GOLDEN).as_posix()
    for path in GOLDEN.glob("keras*/*")
    if path.suffix in (".h5", ".keras") or path.is_dir()
)
# Files without an architecture keep the parts of these layers in alphabetical order, and Keras 1 and 2 wrote
# the parts of a nested model with all that is trained first.
OTHER_ORDER = {
    "keras1_2/nested.h5",
    "keras2_15/nested_w.h5",
    "keras2_15/attention.weights.h5",
    "keras2_15/subclassed.weights.h5",
    "keras3_0/attention.weights.h5",
    "keras3_0/lstm.weights.h5",
    "keras3_0/subclassed.weights.h5",
}
NESTED_ALONE = {"keras1_2/nested_w.h5", "keras2_15/nested.weights.h5", "keras3_0/nested.weights.h5"}


def expected(file: str) -> dict[str, np.ndarray]:
    path = GOLDEN / file
    model = path.name.split(".")[0].removesuffix("_w")
    with np.load(path.parent / f"{model}.expected.npz") as content:
        return dict(content)


def own(state: ModelState) -> list[tuple[str, np.ndarray, Role]]:
    kept = [tensor for tensor in state.weights if tensor.spec.role is not Role.SEED_STATE]
    return [(tensor.spec.name, tensor.read(), tensor.spec.role) for tensor in kept]


def weights_of(content: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [content[key] for key in sorted(content) if key[0] == "w" and key[1:].isdigit()]


def needs_tensorflow(file: str) -> pytest.MarkDecorator | tuple[()]:
    return pytest.mark.keras if (GOLDEN / file).is_dir() else ()


@pytest.mark.parametrize("file", [pytest.param(file, marks=needs_tensorflow(file)) for file in FILES])
def test_every_weight_is_read_as_it_was_written(file: str) -> None:
    content = expected(file)
    wanted = weights_of(content)
    with open_model(GOLDEN / file) as state:
        found = own(state)
        assert len(found) == len(wanted)
        if file in OTHER_ORDER:
            assert sorted(value.tobytes() for _, value, _ in found) == sorted(w.tobytes() for w in wanted)
            return
        for (name, value, _), want in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(value, want, err_msg=name)
        if file not in NESTED_ALONE:  # what is frozen inside a nested model stands in its architecture alone
            assert [role is Role.TRAINABLE for _, _, role in found] == content["trainable"].tolist()


@pytest.mark.parametrize("file", [f for f in FILES if f.endswith((".h5", ".keras")) and "mlp" in f and "_w" not in f])
def test_the_optimizer_is_read_as_it_was_written(file: str) -> None:
    content = expected(file)
    wanted = [content[key] for key in sorted(content) if key[:3] == "opt" and key[3:].isdigit()]
    with open_model(GOLDEN / file) as state:
        found = [tensor.read() for tensor in state.optimizer]
        assert len(found) == len(wanted) > 10
        for value, want in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(value, want)


def test_names_follow_the_layers_not_the_order() -> None:
    # Keras 1 wrote `head_out` before `head_frozen`; both have a kernel of the same shape.
    content = expected("keras1_2/nested.h5")
    by_name = dict(zip(content["weight_names"].tolist(), weights_of(content), strict=True))
    with open_model(GOLDEN / "keras1_2/nested.h5") as state:
        np.testing.assert_array_equal(state["head/head_out/kernel"].read(), by_name["head_out_W:0"])
        np.testing.assert_array_equal(state["head/head_frozen/kernel"].read(), by_name["head_frozen_W:0"])
        assert state["head/head_frozen/kernel"].spec.role is Role.NON_TRAINABLE


@pytest.mark.parametrize("model", ["mlp", "cnn", "lstm", "two_io", "attention", "nested"])
def test_one_model_has_the_same_paths_in_every_format(model: str) -> None:
    with (
        open_model(GOLDEN / f"keras2_15/{model}.keras") as new,
        open_model(GOLDEN / f"keras2_15/{model}.h5") as old,
    ):
        assert [tensor.spec.path for tensor in new.weights] == [tensor.spec.path for tensor in old.weights]


def test_the_version_that_wrote_a_file_is_known() -> None:
    for file, version in (
        ("keras1_2/mlp.h5", "1.2.2"),
        ("keras2_15/mlp.h5", "2.15.0"),
        ("keras2_15/mlp.keras", "2.15.0"),
        ("keras3_0/mlp.keras", "3.0.5"),
    ):
        with open_model(GOLDEN / file) as state:
            assert state.metadata["keras_version"] == version
