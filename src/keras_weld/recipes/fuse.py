"""`weld fuse`: the features of several models under a new head."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.meaning import LOGITS, PROBABILITIES
from keras_weld.errors import UsageError
from keras_weld.io.limits import Limits
from keras_weld.recipes.judged import Rivals, rivals_of, train_and_judge
from keras_weld.recipes.loading import ANY_FILE, Loading
from keras_weld.recipes.scaling import different_scaling
from keras_weld.recipes.sources import Sources, by_member, load_sources
from keras_weld.recipes.steps import Made, begin, finish
from keras_weld.recipes.training_options import TrainingOptions, shows_training_options
from keras_weld.recipes.tuning import Progress, Training

if TYPE_CHECKING:
    import keras

    from keras_weld.compose.member import Member

UNTRAINED = "The new head is untrained: train it with weld tune, or give data now."


@shows_training_options
def fuse(
    models: Sequence[Any],
    *,
    classes: int | None = None,
    head: int | Sequence[int] | None = None,
    activation: str = "softmax",
    inputs: str = "shared",
    at: Mapping[str, str] | None = None,
    output: Mapping[str, str] | None = None,
    project: int | None = None,
    size: tuple[int, int] | None = None,
    ranges: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    data: Any = None,
    validation: Any = None,
    progress: Progress | None = None,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
    out: str | os.PathLike[str] | None = None,
    **training: Unpack[TrainingOptions],
) -> keras.Model:
    """Join the features of several models, side by side, under a new head.

    The models may have any architecture. The features of each are what goes into its classifier, found from its
    graph. Where the models take images of other sizes or channels, adapters are put in front of them. What was
    decided is told by the notes of `lineage(model)`.

    Args:
        models: paths of saved models, or live Keras models, which are copied.
        classes: how many numbers come out; by default as many as every source tells apart.
        head: width of a hidden layer in the head, or of several.
        activation: of what comes out: "softmax", "sigmoid" or "linear".
        inputs: "shared" for one input for all, "separate" for one for each.
        at: by model (its name or path), the layer whose output is taken as its features.
        output: by model with several outputs, the one whose features are taken.
        project: width that the features of every model are brought to first.
        size: height and width of shared images, instead of the largest that a model takes.
        ranges: by model, the range of pixels that it was trained on: "0..255", "0..1" or "-1..1". The result takes
            that of the first named.
        names: what the models are called in the result; by default after their files.
        data: what to train the new head on at once, and then the last layers, as `tune` does. The result is then
            judged against its best source, where they answer the same question: `lineage(model)["evaluations"]`.
        validation: the examples that decide, as `tune` takes them.
        progress: called after each step of training.
        custom_objects: classes of your own that the models need, as `load` takes them.
        unsafe: also load models that carry Python code.
        limits: what the files may ask for.
        out: a `.keras` file to write; it is loaded in a fresh process with plain Keras before it gets its name.
        **training: how to train.

    Returns:
        The model. The sources are layers of it, called by their names; without data its head is untrained.

    Raises:
        IncompatibleModelsError: if the models cannot share an input, or where their features are cannot be told.
        UsageError: for options that make no sense.
        WeldError: if a model cannot be loaded, or the result cannot be written.

    Example:
        >>> import keras_weld as weld
        >>> model = weld.fuse(["cnn.keras", "resnet.keras"], classes=10, head=128)  # doctest: +SKIP
        >>> weld.lineage(model)["notes"]  # doctest: +SKIP
        ['Images are resized to 64 x 64 for cnn.', 'The new head is untrained: …']
    """
    asked = Training(data, validation, **training)
    return fuse_model(
        models,
        classes=classes,
        head=head,
        activation=activation,
        inputs=inputs,
        at=at,
        output=output,
        project=project,
        size=size,
        ranges=ranges,
        names=names,
        training=None if data is None else asked,
        progress=progress,
        loading=Loading(custom_objects, unsafe, limits),
        out=out,
    ).model


def fuse_model(
    models: Sequence[Any],
    *,
    classes: int | None = None,
    head: int | Sequence[int] | None = None,
    activation: str = "softmax",
    inputs: str = "shared",
    at: Mapping[str, str] | None = None,
    output: Mapping[str, str] | None = None,
    project: int | None = None,
    size: tuple[int, int] | None = None,
    ranges: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    training: Training | None = None,
    progress: Progress | None = None,
    loading: Loading = ANY_FILE,
    out: str | os.PathLike[str] | None = None,
) -> Made:
    """What `fuse` gives, with the evaluations beside the model."""
    given = begin(models, out)
    tuning = None if training is None else training.opened(loading.limits, progress)

    def load() -> Sources:
        return load_sources(given, loading, names=names)

    sources = load()
    from keras_weld.compose import fuse as composing
    from keras_weld.compose.views import source_views

    called = [member.name for member in sources.members]
    joining: dict[str, Any] = {
        "inputs": inputs,
        "outputs": by_member(output, given, called),
        "size": size,
        "ranges": by_member(ranges, given, called),
    }
    composed = composing.fuse(
        sources.members,
        classes=_classes(sources, joining["outputs"]) if classes is None else classes,
        head=[head] if isinstance(head, int) else list(head or ()),
        activation=activation,
        at=by_member(at, given, called),
        project=project,
        **joining,
    )
    composed.notes[:0] = different_scaling(sources, inputs, joining["ranges"])

    def rivals() -> Rivals:
        return {0: rivals_of(source_views(load().members, **joining), given)}

    facts, evaluations = train_and_judge(composed, tuning, rivals, out)
    if tuning is None:
        composed.notes.append(UNTRAINED)
    return finish(composed, "fuse", sources.lineage, evaluations, out, loading, **facts)


def _classes(sources: Sources, outputs: Mapping[str, str]) -> int:
    """The number of classes that every source tells apart.

    Args:
        sources: the sources.
        outputs: by name of a source with several outputs, the one that counts.

    Raises:
        UsageError: if they differ, or one does not tell.
    """
    found = {
        member.name: _told(member, known, outputs.get(member.name))
        for member, known in zip(sources.members, sources.candidates, strict=True)
    }
    counts = set(found.values())
    count = counts.pop() if len(counts) == 1 else None
    if count is None:
        raise UsageError(
            "How many classes the new head tells apart is not known.",
            expected="a number: --classes 10 (classes=10)",
            found=", ".join(f"{name}: {count or 'not told'}" for name, count in found.items()),
            remedy=f"Give the number of classes in your data{_or_the_output(sources, outputs)}.",
        )
    return count


def _or_the_output(sources: Sources, outputs: Mapping[str, str]) -> str:
    """What else to do where a source has several outputs, of which none is named."""
    for member, known in zip(sources.members, sources.candidates, strict=True):
        names = [port.name for port in known.summary.outputs]
        if len(names) > 1 and member.name not in outputs:
            return f", or name the output that counts: --output {member.name}:{names[0]} (of {', '.join(names)})"
    return ""


def _told(member: Member, known: Candidate, output: str | None) -> int | None:
    from keras_weld.compose.fuse import outputs_of

    ports = known.summary.outputs
    chosen = outputs_of(member, [port.name for port in ports], output) if ports else []
    meanings = [meaning for number in chosen if (meaning := ports[number].meaning) is not None]
    kinds = (*PROBABILITIES, *LOGITS)
    return meanings[0].classes if len(meanings) == 1 and meanings[0].kind in kinds else None
