"""`weld tune`: train a model in stages, and give it back no worse than it was."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.data.prepare import Preparation
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits
from keras_weld.recipes.composing import deliver, note_lineage, require_whole_model
from keras_weld.recipes.examples import Examples
from keras_weld.recipes.sources import Sources, load_sources
from keras_weld.recipes.tuning import BATCH_SIZE, OPTIMIZER, PATIENCE, Progress, facts_of, tuning_of

if TYPE_CHECKING:
    import keras

    from keras_weld.training.plan import Stage
    from keras_weld.training.result import StagesRun


_FRESH = "The file holds the architecture alone: training began with new, random weights."


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning gave.

    Attributes:
        model: the tuned model, live.
        run: how the stages went.
        examples: what it learnt from, what decided, and what it can be judged on.
        path: the file that was written, if one was asked for.
    """

    model: keras.Model
    run: StagesRun
    examples: Examples
    path: Path | None


def tune(
    model: str | os.PathLike[str] | keras.Model,
    data: Any,
    validation: Any = None,
    *,
    stages: str | Sequence[Stage] | None = None,
    loss: Any = None,
    optimizer: str = OPTIMIZER,
    batch_size: int = BATCH_SIZE,
    patience: int = PATIENCE,
    seed: int = 0,
    steps: int | None = None,
    sample: int | None = None,
    pixels: str = "0..255",
    prepare: Preparation | None = None,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
    out: str | os.PathLike[str] | None = None,
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
        stages: `PART:EPOCHS@RATE` with commas between them, or a list of `Stage`. PART is `head`, `last-20` (the
            last 20 layers with weights), `all`, or the name, path or glob of layers (`backbone/block_1*`). By
            default the head first, then the last layers at a tenth of the rate: "head:30@1e-3,last-20:15@1e-4".
        loss: a Keras loss or its name (`:logits` behind it for outputs that are logits), or a dict of such by
            output. By default it follows from what the outputs mean and what the targets are.
        optimizer: name of a Keras optimizer. Each stage has a fresh one.
        batch_size: examples at a time.
        patience: a stage ends after so many epochs in which neither accuracy nor loss got better.
        seed: what everything random is drawn by; the random state of Python, NumPy and Keras is set by it.
        steps: batches of an epoch, for examples that never end.
        sample: take at most this many examples of each split.
        pixels: for images, the range that the model was trained on: `0..255`, `0..1` or `-1..1`.
        prepare: what to do to images before the model sees them, in the place of `pixels`.
        custom_objects: classes of your own that the model needs, as `load` takes them.
        unsafe: also load a model that carries Python code.
        limits: what the file may ask for.
        progress: called after each step with steps done, steps in all, and what is being trained.
        out: a `.keras` file to write; it is loaded in a fresh process with plain Keras before it gets its name.

    Returns:
        The tuned model, not compiled.

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
    return tune_model(
        model,
        data,
        validation,
        stages=stages,
        loss=loss,
        optimizer=optimizer,
        batch_size=batch_size,
        patience=patience,
        seed=seed,
        steps=steps,
        sample=sample,
        pixels=pixels,
        prepare=prepare,
        custom_objects=custom_objects,
        unsafe=unsafe,
        limits=limits,
        progress=progress,
        out=out,
    ).model


def tune_model(
    model: Any,
    data: Any,
    validation: Any = None,
    *,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
    out: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Tuned:
    """As `tune`, with how it went beside the model.

    Args:
        model: as for `tune`.
        data: as for `tune`.
        validation: as for `tune`.
        custom_objects: as for `tune`.
        unsafe: as for `tune`.
        limits: as for `tune`.
        out: as for `tune`.
        options: the rest.

    Raises:
        WeldError: as `tune` does.
    """
    require_whole_model(out)
    tuning = tuning_of(data, validation, limits=limits, **options)
    tuning.set_seed()  # a model that is loaded draws the seeds of its dropout
    sources = load_sources([model], custom_objects=custom_objects, unsafe=unsafe, limits=limits, untrained=True)
    live = sources.members[0].model
    earlier = _earlier(sources, model)
    head = _head_layers(earlier, live)
    run = tuning.run(live, head, [port.meaning for port in sources.candidates[0].summary.outputs])
    from keras_weld.compose.member import Composed

    fresh = [_FRESH] if sources.candidates[0].state.kind is Kind.ARCHITECTURE else []
    notes = [*fresh, *tuning.examples.notes, *run.notes]
    composed = Composed(live, notes, tuning.parameters(run), head or ())
    labels = (earlier or {}).get("labels")
    note_lineage(composed, "tune", sources.lineage, **facts_of(run), labels=labels, earlier=earlier)
    path = None if out is None else deliver(live, out, custom_objects, unsafe=unsafe)
    return Tuned(live, run, tuning.examples, path)


def _earlier(sources: Sources, model: Any) -> Mapping[str, Any] | None:
    """The lineage that the model itself has."""
    from keras_weld.models.provenance import lineage

    stored = sources.candidates[0].state.metadata.get("lineage")
    found = stored if stored is not None or isinstance(model, str | os.PathLike) else lineage(model)
    return found if isinstance(found, Mapping) else None


def _head_layers(earlier: Mapping[str, Any] | None, model: keras.Model) -> list[str] | None:
    """The head that the lineage of a composed model names."""
    parameters = (earlier or {}).get("parameters")
    known = parameters if isinstance(parameters, Mapping) else {}
    named = known.get("head_layers") or known.get("new_layers")
    there = {layer.name for layer in model.layers}
    return named if isinstance(named, list) and named and there.issuperset(named) else None
