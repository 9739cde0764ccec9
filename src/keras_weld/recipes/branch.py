"""`weld branch`: one model's backbone under the heads of several."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from keras_weld.io.limits import Limits
from keras_weld.recipes.answers import KIND_OF, all_told, contradictions
from keras_weld.recipes.judged import Rivals, rivals_of, train_and_judge
from keras_weld.recipes.loading import Loading
from keras_weld.recipes.member_names import by_member
from keras_weld.recipes.named import require_named
from keras_weld.recipes.said import Outputs, said_of
from keras_weld.recipes.sources import Sources, load_sources
from keras_weld.recipes.steps import begin, finish
from keras_weld.recipes.training_options import TrainingOptions, shows_training_options
from keras_weld.recipes.tuning import Progress, Training

if TYPE_CHECKING:
    import keras


UNTRAINED = "New and untrained: {names}. Train with weld tune, or give data now."
OTHER_FEATURES = (
    "Trained on other features than those of {backbone}: the heads of {names}. Train them on the backbone before use, "
    "unless the models share it."
)


@shows_training_options
def branch(
    models: Sequence[Any],
    *,
    backbone: str | os.PathLike[str] | None = None,
    heads: str = "own",
    at: Mapping[str, str] | None = None,
    outputs: Outputs | None = None,
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
    """Put the heads of several models on the backbone of one of them.

    This is the simplest way to several tasks in one model, and what others are compared with. The models may have any
    architecture; only the one that gives the backbone needs to be cut. What the heads of the others were trained on is
    replaced, so they have to be trained again. What was decided is told by the notes of `lineage(model)`.

    Args:
        models: paths of saved models, or live Keras models, which are copied.
        backbone: the model (its name or path) whose backbone is taken; by default the first.
        heads: "own" for the heads that the models bring, with a projection where they take another number of
            features; "new" to make those of the others anew.
        at: by model, the layer whose output is taken as its features, instead of what is found.
        outputs: what the outputs of models are, by model or for all, for the activation of heads that are made anew,
            where files do not tell: "probabilities", "logits", "independent-probabilities", "independent-logits" or
            "values".
        names: what the models, and so the outputs, are called in the result; by default after their files.
        data: what to train the heads on at once, and then the last layers, as `tune` does: inputs, and targets for
            every output, under the outputs' names or in their order. Every output is then judged against the model
            that its head came from, where that can take the data: `lineage(model)["evaluations"]`.
        validation: the examples that decide, as `tune` takes them.
        progress: called as it goes on, with what is done, how much there is in all, and what is being done.
        custom_objects: classes of your own that the models need, as `load` takes them.
        unsafe: also load models that carry Python code.
        limits: what the files may ask for.
        out: a `.keras` file to write; it is loaded in a fresh process with plain Keras before it gets its name.
        **training: how to train.

    Returns:
        The model. It takes what the backbone's model takes, and gives a dict: an output for each model under its name,
        or NAME_OUTPUT for each of a model with several.

    Raises:
        IncompatibleModelsError: if the backbone cannot be cut off its model, or a head not be made anew.
        UsageError: for options that make no sense.
        WeldError: if a model cannot be loaded, or the result cannot be written.

    Example:
        >>> import keras_weld as weld
        >>> model = weld.branch(["digits.keras", "letters.keras"], backbone="digits")  # doctest: +SKIP
        >>> model.output_names  # doctest: +SKIP
        ['digits', 'letters']
    """
    asked = Training(data, validation, **training)
    loading = Loading(custom_objects, unsafe, limits)
    given = begin(models, out)
    require_named(given, names, at=at, outputs=outputs, backbone=backbone, limits=limits)
    tuning = None if data is None else asked.opened(limits, progress)

    def load() -> Sources:
        return load_sources(given, loading, names=names, progress=progress)

    sources = load()
    from keras_weld.compose import branch as composing
    from keras_weld.compose.parts import part_of

    called = [member.name for member in sources.members]
    base = called[0] if backbone is None else next(iter(by_member({os.fspath(backbone): ""}, given, called)))
    parts = [part_of(member) for member in sources.members]
    told = all_told(parts, sources.candidates, said_of(outputs, given, called))
    forms = {one.part.member.name: [one.form(number) for number in range(len(one.part.names))] for one in told}
    composed = composing.branch(parts, backbone=base, heads=heads, at=by_member(at, given, called), forms=forms)
    every = [range(len(part.names)) for part in parts]
    composed.notes.extend(contradictions(told, every))
    elsewhere = [name for name, how in composed.parameters["heads"].items() if name != base and how != "new"]
    places = {
        name if len(part.names) == 1 else f"{name}_{output}": (name, number)
        for part in parts
        for name in [part.member.name]
        for number, output in enumerate(part.names)
    }
    gives = {
        output: str(KIND_OF[form])
        for output, (name, number) in places.items()
        for form in [forms[name][number]]
        if form is not None
    }

    def rivals() -> Rivals:
        live = [member.model for member in load().members]  # those in the branched model have been trained on
        each = dict(zip(called, rivals_of(live, given), strict=True))
        return {output: [replace(each[name], output=number)] for output, (name, number) in places.items()}

    facts, evaluations = train_and_judge(composed, tuning, rivals, out)
    trained = _trained(facts)
    if new := [layer for layer in composed.head if layer not in trained]:
        composed.notes.append(UNTRAINED.format(names=", ".join(new)))
    if unused := [name for name in elsewhere if trained.isdisjoint((name, f"{name}_head"))]:
        composed.notes.append(OTHER_FEATURES.format(names=", ".join(unused), backbone=base))
    facts["gives"] = gives | facts.get("gives", {})
    return finish(composed, "branch", sources.lineage, evaluations, out, loading, progress, **facts)


def _trained(facts: Mapping[str, Any]) -> set[str]:
    """The layers of the branched model that were trained, or hold some that were, and whose weights were kept."""
    return {path.split("/")[0] for stage in facts.get("stages", ()) if stage["kept"] for path in stage["layers"]}
