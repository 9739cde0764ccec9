"""One model's backbone under the heads of several: the baseline of several tasks in one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from keras_weld.compose.forms import Family, Form
from keras_weld.compose.member import Composed
from keras_weld.compose.parts import Part
from keras_weld.core.features import Place, features_of
from keras_weld.core.graph_nodes import Shape
from keras_weld.errors import IncompatibleModelsError, UsageError, add_context
from keras_weld.models.cut import after, alone, before, inputs_of, place_of
from keras_weld.models.replay import Tensor, graph_of

OWN, NEW = HEADS = ("own", "new")
"""The heads that the models bring, or ones that are made anew."""

_ACTIVATIONS = {Family.CLASSES: "softmax", Family.INDEPENDENT: "sigmoid", Family.VALUES: "linear"}
_POOLING = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D", 5: "GlobalAveragePooling3D"}


class _NoHeadError(Exception):
    """Why the head of a model cannot be put on the backbone."""


def branch(
    parts: Sequence[Part],
    *,
    backbone: str,
    heads: str = OWN,
    at: Mapping[str, str] | None = None,
    forms: Mapping[str, Sequence[Form | None]] | None = None,
) -> Composed:
    """Put every model's head on the backbone of one of them.

    The backbone is what makes the features of its model; the head of a model is what makes its answer out of them. A
    head that takes another number of features gets a projection; one that cannot be taken off its model, or does not
    take what the backbone gives, is made anew. The outputs are a dict by the members' names.

    Args:
        parts: the models.
        backbone: name of the member whose backbone it is.
        heads: "own" for the heads that the models bring, "new" to make those of the others anew.
        at: by member, the layer whose output is taken as its features, instead of what is found.
        forms: by member, what each of its outputs is, for the activation of a new head; None for linear.

    Raises:
        IncompatibleModelsError: if the backbone cannot be cut off its model, or a head cannot be made anew.
        UsageError: for another word than the two, or a layer that there is not.
    """
    if heads not in HEADS:
        raise UsageError("Heads are the models' own or new.", expected=", ".join(HEADS), found=heads)
    at, forms = at or {}, forms or {}
    base = next(part for part in parts if part.member.name == backbone)
    taken = {part.member.name for part in parts}
    entries = [
        keras.Input(batch_shape=one.shape, dtype=one.dtype, name=_free(one.name, taken))
        for one in inputs_of(base.member.model)
    ]
    with add_context(
        file=base.member.source,
        remedy=f"Choose another backbone (--backbone NAME), or name the layer that gives its features: "
        f"--at {backbone}:LAYER",
    ):
        place = _place(base, at.get(backbone))
        trunk = before(base.member.model, [place], _free(f"{backbone}_backbone", taken))
        features = trunk(alone(entries))
        own = after(base.member.model, place, backbone)
    notes = [f"The backbone is that of {backbone}, up to {place}: features of shape {_shown(features.shape)}."]
    outputs: dict[str, Tensor] = {}
    new: list[str] = []
    brought: list[str] = [own.name]
    how: dict[str, str] = {}
    for part in parts:
        name = part.member.name
        if part is base:
            outputs |= _named(part, own(features), how, "own")
            continue
        try:
            if heads == NEW:
                raise _NoHeadError("that was asked for")
            outputs |= _named(part, _own_head(part, features, at.get(name), notes, new, brought), how, "own")
            if f"{name}_project" in new:
                how[name] = "projected"
        except _NoHeadError as reason:
            made = _new_heads(part, features, forms.get(name, ()), str(reason), notes)
            outputs |= made
            new += made
            how[name] = "new"
    model = keras.Model(alone(entries), outputs, name="branched")
    parameters = {"backbone": backbone, "features": str(place), "heads": how}
    return Composed(model, notes, parameters, new, [*brought, *new])


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_input"
    taken.add(name)
    return name


def _place(part: Part, at: str | None) -> Place:
    """Where the features of a model are.

    Raises:
        IncompatibleModelsError: if it is of a class of its own, or its outputs have features of their own.
    """
    graph = graph_of(part.member.model)
    if graph.opaque:
        raise IncompatibleModelsError(
            "The layers of this model are in its own code, so it cannot be cut into a backbone and a head.",
            expected="a Functional or Sequential model",
            found=type(part.member.model).__name__,
            remedy="Choose another backbone: --backbone NAME",
        )
    if at is not None:
        return place_of(part.member.model, at)
    places = [features_of(graph, number).place for number in range(len(graph.outputs))]
    if any((one.within, one.edge) != (places[0].within, places[0].edge) for one in places):
        raise IncompatibleModelsError(
            "The model has several outputs, each with features of its own.",
            expected="one layer that all outputs come from",
            found=", ".join(str(one) for one in places),
        )
    return places[0]


def _own_head(
    part: Part, features: Tensor, at: str | None, notes: list[str], new: list[str], brought: list[str]
) -> Tensor:
    """The head of a model on the features of the backbone.

    Raises:
        _NoHeadError: if it has none that can be put there.
    """
    member = part.member
    try:
        with add_context(file=member.source):
            place = _place(part, at)
        head = after(member.model, place, member.name if len(part.names) == 1 else f"{member.name}_head")
    except IncompatibleModelsError as error:
        raise _NoHeadError(_first_lower(error.problem)) from None
    if len(head.inputs) != 1 or not head.layers[1:]:
        raise _NoHeadError("it has no head of its own: what it gives is its features")
    fitted = _fitted(features, head.inputs[0].shape, member.name, notes, new)
    brought.append(head.name)
    return head(fitted)


def _fitted(features: Tensor, wanted: Shape, name: str, notes: list[str], new: list[str]) -> Tensor:
    """Features in the shape that a head takes."""
    layers, given = keras.layers, features.shape
    if _agree(given, wanted):
        return features
    as_vector = all(size == 1 for size in wanted[1:-1])
    if None in (given[-1], wanted[-1]) or not (as_vector or _agree(given[:-1], wanted[:-1])):
        raise _NoHeadError(f"its head takes features of shape {_shown(wanted)}, and the backbone gives {_shown(given)}")
    tensor = features
    if not _agree(given[:-1], wanted[:-1]):
        tensor = _vector(features, name, notes)
    if tensor.shape[-1] != wanted[-1]:
        new.append(f"{name}_project")
        notes.append(
            f"The head of {name} takes {wanted[-1]} features, the backbone gives {tensor.shape[-1]}: {name}_project, "
            "new, lies between."
        )
        tensor = layers.Dense(wanted[-1], name=f"{name}_project")(tensor)
    if len(tensor.shape) != len(wanted):
        tensor = layers.Reshape(wanted[1:], name=f"{name}_shape")(tensor)
    return tensor


def _vector(features: Tensor, name: str, notes: list[str]) -> Tensor:
    """Features as one vector an example."""
    inner = features.shape[1:-1]
    if len(features.shape) == 2:
        return features
    if inner and all(size == 1 for size in inner):
        return keras.layers.Flatten(name=f"{name}_vector")(features)
    pooling = _POOLING.get(len(features.shape))
    if pooling is None:
        raise _NoHeadError(f"no head takes features of shape {_shown(features.shape)}")
    notes.append(f"The features are pooled for {name}: their mean over {' x '.join(map(_size, inner))} places.")
    return getattr(keras.layers, pooling)(name=f"{name}_vector")(features)


def _new_heads(
    part: Part, features: Tensor, forms: Sequence[Form | None], reason: str, notes: list[str]
) -> dict[str, Tensor]:
    """Dense layers with as many numbers as a model gives, under the names of its outputs."""
    member = part.member
    try:
        vector = _vector(features, member.name, notes)
    except _NoHeadError:
        vector = None
    made = {}
    for number, (output, tensor) in enumerate(zip(part.names, part.model.outputs, strict=True)):
        if vector is None or None in (vector.shape[-1], tensor.shape[-1]) or len(tensor.shape) != 2:
            raise IncompatibleModelsError(
                f"The head of this model cannot be put on the backbone ({reason}), and not be made anew either.",
                file=member.source,
                layer=output,
                expected="an output of one vector, and features of a known number",
                found=f"an output of shape {_shown(tensor.shape)}, features of shape {_shown(features.shape)}",
                remedy="Choose another backbone: --backbone NAME",
            )
        form = forms[number] if number < len(forms) else None
        activation = "linear" if form is None or form.are_logits else _ACTIVATIONS[form.family]
        name = member.name if len(part.names) == 1 else f"{member.name}_{output}"
        made[name] = keras.layers.Dense(tensor.shape[-1], activation=activation, dtype="float32", name=name)(vector)
        notes.append(f"{name} is a new head ({tensor.shape[-1]}, {activation}): {reason}.")
        if form is None:
            notes.append(
                f"What {name} means is not told by the file, so its new head is linear: if it gives probabilities, "
                f"say so with --outputs {member.name}:probabilities."
            )
    return made


def _named(part: Part, given: Tensor, how: dict[str, str], word: str) -> dict[str, Tensor]:
    """What a head gives, by the names of the outputs."""
    tensors = keras.tree.flatten(given)
    how[part.member.name] = word
    if len(tensors) == 1:
        return {part.member.name: tensors[0]}
    names = [f"{part.member.name}_{output}" for output in part.names]
    return {
        name: keras.layers.Identity(name=name, dtype=tensor.dtype)(tensor)
        for name, tensor in zip(names, tensors, strict=True)
    }


def _agree(given: Shape, wanted: Shape) -> bool:
    return len(given) == len(wanted) and all(
        a is None or b is None or a == b for a, b in zip(given, wanted, strict=True)
    )


def _first_lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def _size(size: int | None) -> str:
    return "any number of" if size is None else str(size)


def _shown(shape: Shape) -> str:
    return f"({', '.join(['batch', *('any' if size is None else str(size) for size in shape[1:])])})"
