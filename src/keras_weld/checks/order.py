"""Whether the order of two files' tensors, where their names tell nothing, tells for sure which is which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from keras_weld.checks.tensors import Pairing
from keras_weld.core.counted_names import counted_alike
from keras_weld.core.graph import PlacedLayer
from keras_weld.core.kind import Kind
from keras_weld.core.layer_variables import variables_of
from keras_weld.core.state import LazyTensor, ModelState

UNSURE = "Nothing tells which tensor of one model is which of the other."
_SAVE_AS_KERAS = "Load the weights into the model built in code, and save it as .keras; then average that."
UNPLACED = "None of the files tells where Keras 3 would keep its tensors."
_LORA = "/lora_"
_OF_LEGACY = (Kind.LEGACY_MODEL, Kind.LEGACY_WEIGHTS)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a match by order may be wrong.

    Attributes:
        file: the file that does not tell.
        expected: what would tell, or what the order says.
        found: what the file has instead.
        layer: the first tensor or layer in doubt; None if it is the file as a whole.
        remedy: what to do about it.
    """

    file: str
    expected: str
    found: str
    layer: str | None = None
    remedy: str = _SAVE_AS_KERAS


def doubt_of_order(found: Pairing, reference: ModelState, other: ModelState) -> Doubt | None:
    """What speaks against a match by order: equal shapes alone do not tell a kernel from another.

    Args:
        found: the match.
        reference: the file whose tensors come first in each pair.
        other: the file of the others.

    Returns:
        The first thing that does; None if the order is sure.
    """
    for ours, theirs in found.pairs:
        wanted, got = _variable(ours), _variable(theirs)
        if wanted != got and not wanted.isdecimal() and not got.isdecimal():
            return Doubt(other.source, wanted, theirs.spec.name, ours.spec.name)
    return _contradiction(found, other) or _unknown_order(found, reference, other)


def untold_of(found: Pairing, reference: ModelState, other: ModelState) -> Doubt | None:
    """Why two files have different tensors though they may be of one model; None if no format is to blame for it."""
    if reference.kind == other.kind or not (found.missing or found.extra):
        return None
    return untold_in_h5(reference) or untold_in_h5(other)


def _unknown_order(found: Pairing, reference: ModelState, other: ModelState) -> Doubt | None:
    nested = any(ours.spec.path.count("layers/") > 1 for ours, _ in found.pairs)
    for state in (reference, other):
        if not _order_is_known(state, nested):
            untold = untold_in_h5(reference) or untold_in_h5(other)
            return untold or Doubt(state.source, "names, or an order, that tell which tensor is which", "neither")
    return None


def _contradiction(found: Pairing, other: ModelState) -> Doubt | None:
    """A name that speaks against a match by order: the tensor that has it in the other model would fit too."""
    names = [[_ending(tensors[side]) for tensors in found.pairs] for side in (0, 1)]
    if counted_alike(*([name.rpartition("/")[0] for name in row] for row in names)):
        return None
    shapes = {name: ours.spec.shape for name, (ours, _) in zip(names[0], found.pairs, strict=True)}
    for ours, theirs, (tensor, its) in zip(*names, found.pairs, strict=True):
        elsewhere = ours != theirs and names[0].count(theirs) == 1 and shapes[theirs] == tensor.spec.shape
        if elsewhere and not _in_one_layer(tensor, its):
            return Doubt(other.source, f"{ours} at this place, as the order has it", theirs, tensor.spec.name)
    return None


def _in_one_layer(ours: LazyTensor, theirs: LazyTensor) -> bool:
    """Whether both belong to a part of a layer, such as the cell of an LSTM, and the layers have the same name."""
    parts = ours.spec.path.rpartition("layers/")[2].partition("/vars/")[0].count("/")
    rows = [tensor.spec.name.split("/") for tensor in (ours, theirs)]
    return parts > 0 and len({len(row) for row in rows}) == 1 and len({tuple(row[: -1 - parts]) for row in rows}) == 1


def _ending(tensor: LazyTensor) -> str:
    """The layer's own name and the variable's, without the models around them: `dense_1/kernel`."""
    return "/".join(tensor.spec.name.split("/")[-2:])


def _variable(tensor: LazyTensor) -> str:
    return tensor.spec.name.rpartition("/")[2]


def _order_is_known(state: ModelState, nested: bool) -> bool:
    """Whether a file keeps its tensors in the order of the model, beyond doubt."""
    if state.kind in _OF_LEGACY:  # of a model inside the model, this format stores what is trained first
        return not nested or all("vars/" in tensor.spec.path for tensor in state.weights)
    if state.kind is Kind.KERAS:
        return state.graph is not None and not state.graph.opaque and next(_layers_of_ones_own(state), None) is None
    return state.kind is Kind.SAVED_MODEL  # weights alone are in the order of writing, more or less


def untold_in_h5(state: ModelState) -> Doubt | None:
    """What a whole-model `.h5` keeps otherwise than every other format, so that its tensors are not known by place.

    That is a layer with weights that is none of Keras's, and the two matrices of LoRA, which other formats have in the
    kernel: the mean of such matrices is not that of the kernels.

    Args:
        state: the file, open.
    """
    if state.kind is not Kind.LEGACY_MODEL:
        return None
    lora = next((spec for spec in state.specs if _LORA in spec.name), None)
    if lora is not None:
        return Doubt(
            file=state.source,
            layer=lora.name,
            expected="a format that keeps the product of the matrices of LoRA with the kernel",
            found="the matrices apart, in .h5",
            remedy="Save the model as .keras where it was built, or convert the file: weld convert FILE.h5 NEW.keras",
        )
    unplaced = {tensor.spec.layer.split("/")[0] for tensor in state.weights if "vars/" not in tensor.spec.path}
    own = next((one for one in _layers_of_ones_own(state) if one.path_name.split("/")[0] in unplaced), None)
    if own is None:
        return None
    return Doubt(
        file=state.source,
        layer=f"{own.path_name} ({own.class_name})",
        expected="a format that tells the places of such a layer's variables",
        found="a layer that is none of Keras's, in .h5, which does not tell how its variables and parts are ordered",
        remedy="Save the model as .keras or as .weights.h5 where it was built, or convert the file: "
        "weld convert FILE.h5 NEW.keras --custom module:Class",
    )


def _layers_of_ones_own(state: ModelState) -> Iterator[PlacedLayer]:
    """The layers that are none of Keras's, so that their variables are not known."""
    for layer in () if state.graph is None else state.graph.walk():
        if layer.layer.graph is None and variables_of(layer.class_name, layer.config) is None:
            yield layer
