"""What Keras raises while it builds or fills a model, in words: which layer, what it wanted, what to do."""

from __future__ import annotations

import re

from keras_weld.core.graph import GraphLayer
from keras_weld.core.state import ModelState
from keras_weld.errors import (
    DamagedFileError,
    OptimizerStateError,
    ShapeMismatchError,
    UnknownClassError,
    WeldError,
    WrongKindError,
)
from keras_weld.io.bare_operations import bare_operations, taken_for_a_layer
from keras_weld.io.kinds import Kind

_OBJECT = re.compile(r"object <\w+ name=([^,>]+)")
_CONFIG_NAME = re.compile(r"could not be deserialized properly.*?'name': '([^']+)'", re.DOTALL)
_LEGACY_NAME = re.compile(r"deserializing class '(\w+)' using config=\{'name': '([^']+)'")
_LAYER = re.compile(r"""[Ll]ayer (?:#\d+ \(named |['"]|(?=[\w/.-]+ weight shape))([\w/.-]+)""")
_SHAPES = re.compile(
    r"(?:variable\.shape|target variable has shape|expects shape)\W+(\([^)]*\)).*?(\([^)]*\))", re.DOTALL
)
_COUNTS = re.compile(r"expected (\d+) variables?, but received (\d+)")
_LAYERS = re.compile(r"Model expected (\d+) layers, found (\d+)")
_GATES = re.compile(r"Layer expects (\d+) weight\(s\)\. Received (\d+) saved weight")
_GATES_OF_KERAS_1 = (3, 4)  # of a GRU and an LSTM
_UNKNOWN = re.compile(
    r"(?:Could not locate (?:class|function)|Unknown (?:layer|object|loss|metric|optimizer):) '?([\w>.]+)"
)
_SLOTS = re.compile(r"because it has (\d+) variables whereas the saved optimizer has (\d+)")
_BAD_CHECKSUM = re.compile(r"Bad CRC-32 for file '([^']+)'")  # how zipfile puts it
_TO_KERAS = (
    "Save the model as .keras where it was built, or load the weights into its architecture, which model.to_json() "
    "gives: weld.load(file, architecture='arch.json'). "
)
_LENGTH = 300


def major_version(state: ModelState) -> int | None:
    """The major version of the Keras that wrote the file, as far as the file tells."""
    match = re.match(r"(\d+)\.", str(state.metadata.get("keras_version") or ""))
    return int(match[1]) if match else None


def refusal(error: Exception, state: ModelState) -> WeldError:
    """What to raise in place of Keras's own error.

    Args:
        error: what Keras raised.
        state: the file it was building from.
    """
    text = str(error)
    if damaged := _BAD_CHECKSUM.search(text):
        return DamagedFileError(
            f"{damaged[1]} is damaged: its checksum does not match.",
            expected="the bytes that were written",
            remedy="Copy the file again from where it came from.",
        )
    version = state.metadata.get("keras_version")
    layer = _layer_of(text)
    unknown = _UNKNOWN.search(text)
    if shapes := _SHAPES.search(text):
        return ShapeMismatchError(
            "A stored tensor does not have the shape that the model gives its variable.",
            layer=layer,
            expected=f"shape {shapes[1]}",
            found=f"shape {shapes[2]}",
            remedy="Use the weights that were saved from this very architecture.",
        )
    for pattern, what in ((_COUNTS, "variables in this layer"), (_LAYERS, "layers with weights")):
        if counts := pattern.search(text):
            return ShapeMismatchError(
                "The file holds another number of tensors than the model has.",
                layer=layer if pattern is _COUNTS else None,
                expected=f"{counts[1]} {what}",
                found=counts[2],
                remedy="Use the weights that were saved from this very architecture.",
            )
    gates = _GATES.search(text)
    if gates and int(gates[2]) / int(gates[1]) in _GATES_OF_KERAS_1:
        return WrongKindError(
            "Keras 1 kept each gate of a recurrent layer by itself; Keras 3 has all of a layer in one array.",
            layer=layer,
            expected=f"{gates[1]} arrays in this layer",
            found=f"{gates[2]}, as Keras 1 wrote them",
            remedy="tf_keras joins them: build the architecture with it (for a GRU, reset_after=False), call "
            "model.load_weights(file) and model.save('new.h5') there, and then weld convert new.h5 model.keras.",
        )
    if (major_version(state) or 3) < 3:
        return WrongKindError(
            f"This model was written by Keras {version}, in a form that Keras 3 cannot build.",
            layer=layer,
            expected="a model that Keras 3 saved",
            found=_reason(text),
            remedy="Build the same architecture in code, write it with model.to_json(), and load the file "
            "with it: weld.load(file, architecture='arch.json'). Inspecting and averaging work without "
            "building.",
        )
    wanted = unknown and unknown[1]
    if operation := _operation_meant(text, wanted, state):
        return taken_for_a_layer(operation, _reason(text))
    if unknown:
        name = unknown[1]
        short = name.rpartition(">")[2]
        return UnknownClassError(
            f"The model needs {name!r}, which is not part of Keras.",
            layer=layer,
            found=name,
            remedy=f"Pass it: --custom your_module:{short} (in Python: custom_objects={{{name!r}: …}}).",
        )
    if "Skipping variable loading" in text:
        return _optimizer(text)
    return WeldError(
        "Keras cannot build the model in this file.",
        layer=layer,
        expected=None if version is None else f"what Keras {version} wrote",
        found=_reason(text) or type(error).__name__,
        remedy=(_TO_KERAS if state.kind == Kind.LEGACY_MODEL else "")
        + "If layers of your own are involved, check that their get_config and build match what was saved. "
        "weld inspect shows what the file holds without building it.",
    )


def _optimizer(text: str) -> OptimizerStateError:
    """What to say of an optimizer's state that cannot be restored whole: nearly always what is trained was changed."""
    counts = _SLOTS.search(text)
    without = (
        "Load it without its optimizer, which weld convert FILE NEW.keras does on the command line; in Python, "
        "weld.load(path, compile=False), and compile it before training."
    )
    return OptimizerStateError(
        "The optimizer's state in the file does not fit the model: layers were frozen or unfrozen after it was "
        "compiled, as far as the file tells.",
        expected=f"{counts[1]} variables, for what is trained now" if counts else "a state that can be restored whole",
        found=f"{counts[2]}, of what was trained before" if counts else _reason(text),
        remedy=without,
    )


def _operation_meant(text: str, wanted: str | None, state: ModelState) -> GraphLayer | None:
    """The operation in an `.h5` that Keras stumbled over, unless its message names something else."""
    named = _LEGACY_NAME.findall(text)
    for one in bare_operations(state):
        if wanted in (None, one.class_name) and (not named or named[-1][1] == one.name):
            return one
    return None


def _layer_of(text: str) -> str | None:
    """The innermost layer that a message of Keras names."""
    if named := _LEGACY_NAME.findall(text):
        return f"{named[-1][1]} ({named[-1][0]})"
    if nested := _CONFIG_NAME.findall(text):
        return str(nested[-1])
    if match := _OBJECT.search(text) or _LAYER.search(text):
        return match[1]
    return None


def _reason(text: str) -> str:
    """The last thing that went wrong, without the configs that Keras quotes in full."""
    last = text.split("Exception encountered:")[-1].split("Full object config")[0].strip()
    line = " ".join(last.split())
    return line if len(line) <= _LENGTH else line[: _LENGTH - 1] + "…"
