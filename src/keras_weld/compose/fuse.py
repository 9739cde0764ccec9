"""Features of several models, side by side under a new head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from keras_weld.compose.inputs import SHARED, join_inputs
from keras_weld.compose.member import Composed, Member
from keras_weld.core.features import features_of
from keras_weld.core.named_place import output_named
from keras_weld.errors import IncompatibleModelsError, UsageError, add_context
from keras_weld.models.cut import alone, before, place_of, whole
from keras_weld.models.replay import Tensor, graph_of

ACTIVATIONS = ("softmax", "sigmoid", "linear")
OUTPUT = "fused"


def fuse(
    members: Sequence[Member],
    *,
    classes: int,
    head: Sequence[int] = (),
    activation: str = "softmax",
    inputs: str = SHARED,
    at: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    project: int | None = None,
    size: tuple[int, int] | None = None,
    ranges: Mapping[str, str] | None = None,
) -> Composed:
    """Join the features of models under a new, untrained head.

    The features of a model are what goes into its classifier, found from its graph. Maps of features are
    pooled to one vector each; vectors are projected, if that is asked for, and put side by side.

    Args:
        members: one model or more.
        classes: how many numbers come out.
        head: widths of the hidden layers of the head.
        activation: "softmax", "sigmoid" or "linear".
        inputs: "shared" or "separate".
        at: by member, the layer whose output is taken, instead of what is found.
        outputs: by member with several outputs, the one whose features are taken.
        project: the width that the features of every model are brought to, by a dense layer.
        size: height and width of shared images.
        ranges: by member, the range of pixels that it takes.

    Raises:
        IncompatibleModelsError: if models cannot share an input, or several outputs have features of their own.
        UsageError: for options that make no sense.
    """
    _check_options(members, classes, head, activation, project)
    joined = join_inputs(members, inputs, size=size, ranges=ranges)
    notes = list(joined.notes)
    at, outputs = at or {}, outputs or {}
    vectors, taken = [], {}
    for member in members:
        with add_context(file=member.source):
            part, taken[member.name] = _features(member, at.get(member.name), outputs.get(member.name), notes)
        vectors.append(_vector(part(alone(joined.entering[member.name])), member, project, notes))
    tensor = keras.layers.Concatenate(name="features")(vectors) if len(vectors) > 1 else vectors[0]
    new = [f"{member.name}_project" for member in members] if project else []
    for number, width in enumerate(head, 1):
        new.append("head" if number == 1 else f"head_{number}")
        tensor = keras.layers.Dense(width, activation="relu", name=new[-1])(tensor)
    new.append(OUTPUT)
    # In mixed precision, too, what comes out is float32: a loss on anything else loses digits.
    tensor = keras.layers.Dense(classes, activation=activation, dtype="float32", name=OUTPUT)(tensor)
    model = keras.Model(alone(joined.inputs), tensor, name="fused_model")
    parameters = {
        "classes": classes,
        "head": list(head),
        "activation": activation,
        "inputs": inputs,
        "features": taken,
        "outputs": dict(outputs),
        "project": project,
    }
    return Composed(model, notes, parameters, new)


def _check_options(
    members: Sequence[Member], classes: int, head: Sequence[int], activation: str, project: int | None
) -> None:
    if not members:
        raise UsageError("There is nothing to fuse.", expected="one model or more", found="none")
    if activation not in ACTIVATIONS:
        raise UsageError("There is no such activation for a head.", expected=", ".join(ACTIVATIONS), found=activation)
    if classes < 1 or (classes == 1 and activation == "softmax"):
        raise UsageError(
            "The head needs something to tell apart.",
            expected="two classes or more; with sigmoid or linear, one number or more",
            found=f"{classes} with {activation}",
            remedy="For yes or no: --classes 1 --activation sigmoid.",
        )
    for width in (*head, *([] if project is None else [project])):
        if width < 1:
            raise UsageError("A layer has at least one unit.", found=width)


def _features(member: Member, at: str | None, output: str | None, notes: list[str]) -> tuple[keras.Model, str]:
    """The part of a model that gives its features, and the name of what they are."""
    model, graph = member.model, graph_of(member.model)
    if graph.opaque:
        if at is not None or output is not None:
            raise UsageError(
                "The layers of this model are in its own code, so none of them can be named, nor an output.",
                file=member.source,
                layer=output if at is None else at,
                expected="a Functional or Sequential model",
                found=type(model).__name__,
            )
        part = whole(model, member.name)
        _one_output(member, part)
        notes.append(f"{member.name} is of a class of its own: what it gives is taken as its features.")
        return part, "its output"
    if at is not None:
        place = place_of(model, at)
    else:
        places = [features_of(graph, number) for number in outputs_of(member, graph.output_names, output)]
        if len({(one.place.within, one.place.edge) for one in places}) > 1:
            raise IncompatibleModelsError(
                "The model has several outputs, each with features of its own.",
                file=member.source,
                expected="the output, or the layer, whose features are meant",
                found=", ".join(graph.output_names),
                remedy=f"Name the layer: --at {member.name}:LAYER, or the output: --output {member.name}:NAME.",
            )
        place = places[0].place
        if output is None and len(places) > 1:
            notes.append(
                f"{member.name} has several outputs ({', '.join(graph.output_names)}), all made of the same features: "
                f"those of {place} are taken for any of them."
            )
        if places[0].classifier is None:
            notes.append(f"{member.name} has no classifier after its features: what it gives is taken itself.")
    return before(model, [place], member.name), str(place)


def _one_output(member: Member, part: keras.Model) -> None:
    if len(part.outputs) != 1:
        raise IncompatibleModelsError(
            "A model of a class of its own gives several outputs; which are its features cannot be told.",
            file=member.source,
            expected="one output",
            found=f"{len(part.outputs)} outputs",
            remedy="Wrap it where it was made: keras.Model(inputs, your_model(inputs)[0]), and save that.",
        )


def outputs_of(member: Member, names: Sequence[str], output: str | None) -> list[int]:
    """The numbers of the outputs whose features are meant: that of the one that is named, or all.

    Raises:
        UsageError: if there is none of that name.
    """
    with add_context(file=member.source):
        return list(range(len(names))) if output is None else [output_named(names, output, f"--output {member.name}:")]


def _vector(tensor: Tensor, member: Member, project: int | None, notes: list[str]) -> Tensor:
    """Features as one vector an example."""
    layers, name = keras.layers, f"{member.name}_vector"
    axes = len(tensor.shape)
    inner = tensor.shape[1:-1]
    if axes == 1:
        tensor = layers.Reshape((1,), name=name)(tensor)
    elif axes > 2 and all(size == 1 for size in inner):
        tensor = layers.Flatten(name=name)(tensor)
    elif axes in (3, 4, 5):
        pooling = {3: layers.GlobalAveragePooling1D, 4: layers.GlobalAveragePooling2D, 5: layers.GlobalAveragePooling3D}
        notes.append(f"The features of {member.name} are pooled: their mean over {_shown(inner)} places.")
        tensor = pooling[axes](name=name)(tensor)
    if tensor.shape[-1] is None or len(tensor.shape) != 2:
        raise IncompatibleModelsError(
            "The features of this model have no fixed number.",
            file=member.source,
            expected="a vector, a sequence or a map of a known number of features",
            found=f"shape {tensor.shape}",
            remedy=f"Choose another layer: --at {member.name}:LAYER",
        )
    if project is not None:
        notes.append(f"The {tensor.shape[-1]} features of {member.name} are projected to {project}.")
        tensor = layers.Dense(project, activation="relu", name=f"{member.name}_project")(tensor)
    return tensor


def _shown(inner: Sequence[int | None]) -> str:
    return " x ".join("any number of" if size is None else str(size) for size in inner)
