"""`weld fuse`: the features of several models under a new head."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from keras_weld.core.arguments import require_size, require_whole_number, require_widths
from keras_weld.io.limits import Limits
from keras_weld.recipes.class_count import class_count
from keras_weld.recipes.judged import Rivals, rivals_of, train_and_judge
from keras_weld.recipes.loading import Loading
from keras_weld.recipes.member_names import by_member
from keras_weld.recipes.named import require_named
from keras_weld.recipes.scaling import different_scaling
from keras_weld.recipes.sources import Sources, load_sources
from keras_weld.recipes.steps import begin, finish
from keras_weld.recipes.training_options import TrainingOptions, shows_training_options
from keras_weld.recipes.tuning import Progress, Training

if TYPE_CHECKING:
    import keras

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
        classes: how many numbers come out; by default as many as every source tells apart, else as many classes as
            the data has.
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
        progress: called as it goes on, with what is done, how much there is in all, and what is being done.
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
    loading = Loading(custom_objects, unsafe, limits)
    given = begin(models, out)
    widths = [head] if isinstance(head, int) else [] if head is None else head
    _check_numbers(classes, widths, project, size)
    require_named(given, names, at=at, output=output, ranges=ranges, inputs=inputs, size=size, limits=limits)
    tuning = None if data is None else asked.taking(ranges).opened(limits, progress)

    def load() -> Sources:
        return load_sources(given, loading, names=names, progress=progress)

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
    told: list[str] = []
    count = classes
    if count is None:
        examples = [] if tuning is None else [tuning.examples.train, tuning.examples.validation]
        count, told = class_count(sources, joining["outputs"], activation, examples)
    composed = composing.fuse(
        sources.members,
        classes=count,
        head=list(widths),
        activation=activation,
        at=by_member(at, given, called),
        project=project,
        **joining,
    )
    composed.notes[:0] = [*told, *different_scaling(sources, inputs, joining["ranges"])]

    def rivals() -> Rivals:
        return {0: rivals_of(source_views(load().members, **joining), given)}

    facts, evaluations = train_and_judge(composed, tuning, rivals, out)
    if tuning is None:
        composed.notes.append(UNTRAINED)
    return finish(composed, "fuse", sources.lineage, evaluations, out, loading, progress, **facts)


def _check_numbers(classes: Any, head: Any, project: Any, size: Any) -> None:
    """Refuse numbers that are none, before any model is read."""
    for name, value in (("classes", classes), ("project", project)):
        if value is not None:
            require_whole_number(name, value, 1)
    require_widths("head", head)
    require_size(size)
