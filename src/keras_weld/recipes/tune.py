"""`weld tune`: train a model in stages, and give it back no worse than it was."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

from keras_weld.core.lineage import gives_of
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits
from keras_weld.recipes.contest import Output
from keras_weld.recipes.examples import Examples
from keras_weld.recipes.judged import Rivals, judge_trained, rivals_of
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.loading import ANY_FILE, Loading
from keras_weld.recipes.meanings import meanings_of
from keras_weld.recipes.sources import Sources, load_sources
from keras_weld.recipes.steps import begin, finish
from keras_weld.recipes.training_options import TrainingOptions, shows_training_options
from keras_weld.recipes.tuning import Progress, Training, facts_of

if TYPE_CHECKING:
    import keras

    from keras_weld.training.result import StagesRun


_FRESH = "The file holds the architecture alone: training began with new, random weights."


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning gave.

    Attributes:
        model: the tuned model, live.
        run: how the stages went.
        examples: what it learnt from, what decided, and what it was judged on.
        evaluations: how it does against the model that it started from, output by output.
    """

    model: keras.Model
    run: StagesRun
    examples: Examples
    evaluations: Sequence[Evaluation]


@shows_training_options
def tune(
    model: str | os.PathLike[str] | keras.Model,
    data: Any,
    validation: Any = None,
    *,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
    out: str | os.PathLike[str] | None = None,
    **training: Unpack[TrainingOptions],
) -> keras.Model:
    """Train a model in stages, each with its own part of the model and its own learning rate.

    A stage freezes what it does not train; frozen batch normalizations keep their statistics. The model comes
    back with the weights that were best on the validation examples, in whatever stage and epoch that was; if
    none was better than the first, it comes back as it was. What was decided is told by the notes of
    `lineage(model)`, its `stages` hold every epoch.

    Args:
        model: the path of a saved model, or a live Keras model, which is copied.
        data: an `.npz` file, a folder of images, `module:function`, or live values; see `open_data`.
        validation: the same, for the examples that decide. By default the data's validation split, else a tenth
            of the examples is set aside, the same share of each class.
        custom_objects: classes of your own that the model needs, as `load` takes them.
        unsafe: also load a model that carries Python code.
        limits: what the file may ask for.
        progress: called after each step with steps done, steps in all, and what is being trained.
        out: a `.keras` file to write; it is loaded in a fresh process with plain Keras before it gets its name.
        **training: how to train.

    Returns:
        The tuned model, not compiled. How it does against the model that it started from is in
        `lineage(model)["evaluations"]`.

    Raises:
        UsageError: for stages that name nothing, and options that make no sense.
        DataError: if the data does not fit the model.
        TrainingError: if the loss is no number before anything was gained.
        WeldError: if the model cannot be loaded, or the result cannot be written.

    Example:
        >>> import keras_weld as weld
        >>> model = weld.tune("fused.keras", "digits.npz", stages="head:5@1e-3,all:2@1e-5")  # doctest: +SKIP
        >>> weld.lineage(model)["metrics"]["after"]["accuracy"]  # doctest: +SKIP
        0.967
    """
    asked = Training(data, validation, **training)
    loading = Loading(custom_objects, unsafe, limits)
    return tune_model(model, asked, progress=progress, loading=loading, out=out).model


def tune_model(
    model: Any,
    training: Training,
    *,
    progress: Progress | None = None,
    loading: Loading = ANY_FILE,
    out: str | os.PathLike[str] | None = None,
) -> Tuned:
    """What `tune` gives, with how it went beside the model."""
    begin([model], out)
    tuning = training.opened(loading.limits, progress)

    def load() -> Sources:
        return load_sources([model], loading, untrained=True, progress=progress)

    sources = load()
    live = sources.members[0].model
    earlier = _earlier(sources)
    head = _head_layers(earlier, live)
    run = tuning.run(live, head, meanings_of(sources.members[0], sources.candidates[0]))
    from keras_weld.compose.member import Composed
    from keras_weld.training.fresh_optimizer import about_merged

    fresh = [_FRESH] if sources.candidates[0].state.kind is Kind.ARCHITECTURE else []
    merged = [] if earlier is None else [about_merged(earlier)]
    notes = [*fresh, *merged, *tuning.examples.notes, *run.notes]
    composed = Composed(live, notes, tuning.parameters(run), head or ())
    outputs = _outputs(live, list(run.losses))

    def rivals() -> Rivals:
        (before,) = rivals_of([load().members[0].model], [model])
        return {output: [replace(before, output=output)] for output in outputs}

    evaluations = judge_trained(composed, tuning, rivals, tuning.examples.judged, out)
    facts: dict[str, Any] = {**facts_of(run), "labels": (earlier or {}).get("labels"), "earlier": earlier}
    facts["gives"] = gives_of(earlier) | facts["gives"]
    finish(composed, "tune", sources.lineage, evaluations, out, loading, progress, **facts)
    return Tuned(live, run, tuning.examples, evaluations)


def _outputs(model: keras.Model, trained: Sequence[str]) -> Sequence[Output]:
    """The outputs that were trained by name, or by number if they have no names of their own."""
    names = getattr(model, "output_names", None) or ()
    return trained if set(trained) <= set(names) else range(len(trained))


def _earlier(sources: Sources) -> Mapping[str, Any] | None:
    """The lineage that the model itself has."""
    found = sources.candidates[0].state.metadata.get("lineage")
    return found if isinstance(found, Mapping) else None


def _head_layers(earlier: Mapping[str, Any] | None, model: keras.Model) -> list[str] | None:
    """The head that the lineage of a composed model names."""
    parameters = (earlier or {}).get("parameters")
    known = parameters if isinstance(parameters, Mapping) else {}
    named = known.get("head_layers") or known.get("new_layers")
    there = {layer.name for layer in model.layers}
    return named if isinstance(named, list) and named and there.issuperset(named) else None
