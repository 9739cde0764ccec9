"""`weld.fit`: a training that can be stopped at any moment and goes on with the same bits."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras

from keras_weld.core.arguments import require_whole_number
from keras_weld.data.batch import parts_of
from keras_weld.data.open import open_data
from keras_weld.data.split import WHOLE, Split
from keras_weld.errors import DataError, UsageError
from keras_weld.models.quiet import quiet
from keras_weld.models.save import save
from keras_weld.training.as_in_keras import refuse_as_in_keras
from keras_weld.training.best import Criterion, parse_best
from keras_weld.training.conducted import build_for_training, conduct, make_deterministic, where_of
from keras_weld.training.conductor import Conductor, place_of, say_what_is_beyond, say_what_is_lost
from keras_weld.training.data_facts import data_of
from keras_weld.training.data_words import words_of_look
from keras_weld.training.every import Every, parse_every
from keras_weld.training.feeding import Feed, steps_of
from keras_weld.training.identity import identity_of
from keras_weld.training.kept_run import KeptRun, Tell, to_stderr
from keras_weld.training.labels import require_labels_of
from keras_weld.training.left_model import is_model_alone, put_model
from keras_weld.training.older_building import new_ways_told, refuse_older_settings
from keras_weld.training.packing import unpack
from keras_weld.training.resume import refuse_among
from keras_weld.training.run_folder import MODEL
from keras_weld.training.run_history import as_keras, read_history
from keras_weld.training.run_place import in_its_folder
from keras_weld.training.telling import TellSteps, progress_of
from keras_weld.training.variables import unshare

_IN_ITS_ORDER = (
    "The examples come as a stream, in the order of their source, and are gone on with from where it was: that has "
    "to give the same each time."
)
_THROUGH = (
    "The examples come as a stream, in the order of their source: on a resume it is read from the beginning of the "
    "epoch, and what was seen is passed over. It has to give the same each time."
)


@in_its_folder
def fit(
    build: Callable[[], keras.Model],
    data: Any,
    *further: Any,
    run: str | os.PathLike[str],
    epochs: int,
    batch_size: int = 32,
    validation_data: Any = None,
    callbacks: Sequence[Any] = (),
    every: str | Every = "epoch",
    seed: int = 0,
    steps: int | None = None,
    deterministic: bool = True,
    changes: Collection[str] = (),
    keep: int = 2,
    best: str | Criterion = "loss",
    verbose: Any = "auto",
    tell: Tell | None = None,
    progress: TellSteps | None = None,
    **older: Any,
) -> keras.Model:
    """Train a model, or go on where an earlier call with the same `run` was interrupted.

    Killed at any moment and started again on the same machine and backend, a run ends with the same bits as one that
    was never interrupted: weights, optimizer, metrics, learning rate, seeds of dropout and augmentation, the order of
    the examples, and the state of callbacks are kept. A run that was finished returns its model.

    Args:
        build: returns the compiled model. It is called on every start, after all seeds were set.
        data: what to train on, as `open_data` takes it: its training split, or all of it.
        further: nothing; targets by themselves, as `model.fit` takes them, are refused with the new way.
        run: the folder of the run; it is made if it is missing.
        epochs: train until so many epochs are done, those of earlier starts counted.
        batch_size: examples at a time.
        validation_data: the same for validation; by default the data's own validation split, if it has one.
        callbacks: callbacks of Keras, or of your own. Those of your own keep what they know by `get_state()` and
            `set_state(state)`.
        every: when to take a checkpoint besides every epoch's end: "epoch" for then alone, "500 steps", "10 minutes".
        seed: what everything random is drawn by.
        steps: batches of an epoch; by default all examples, and needed for examples that never end.
        deterministic: on TensorFlow, whether its operations are made to give the same bits each time, which some do
            more slowly.
        changes: what may differ from the run so far: "model", "optimizer", "learning_rate", "loss", "loss_weights",
            "metrics", "batch_size", "data", "validation_data", "seed", "steps", "backend", "callbacks". Whatever else
            of these differs is refused.
        keep: how many of the newest checkpoints are kept.
        best: what makes the one that is kept besides: "loss" for the lowest loss, that of validation where there is
            one, or a metric with its direction, such as "highest val_accuracy".
        verbose: as in `model.fit`.
        tell: called with what a person should know; by default it is written to the standard error.
        progress: called after each step with steps done, steps in all, and a few words.
        older: options of `model.fit` that this function does not have; each is refused with the new way.

    Returns:
        The trained model; `model.history` has the figures of all epochs.

    Raises:
        TrainingError: if the run cannot be gone on with: another model, data or setting than it was begun with.
        UsageError: for options that make no sense.
        DataError: if the data does not fit the model.
        DamagedFileError: if no checkpoint of the run is whole.
        WriteError: if a checkpoint could not be written.

    Example:
        >>> import keras_weld as weld
        >>> model = weld.fit(build, (x, y), run="run", epochs=10)  # doctest: +SKIP
    """
    refuse_as_in_keras(further, older)
    say, when = tell or to_stderr, parse_every(every)
    for name, number in (("epochs", epochs), ("batch_size", batch_size), ("keep", keep)):
        require_whole_number(name, number, 1)
    refuse_among(callbacks)
    folder = KeptRun(Path(run), keep, parse_best(best))
    keras.utils.set_random_seed(seed)
    if deterministic:
        make_deterministic()
    split, held = _examples(data, validation_data, seed)
    model = _model(build)
    split, held = _built(model, split, held, batch_size)
    if is_model_alone(folder.folder, epochs):
        say("The checkpoints of the run are gone. It was at its end: its model is given back as it is.")
        put_model(model, folder.folder)
        _with_history(model, read_history(folder.folder))
        return model
    length = steps_of(split, batch_size) if steps is None else steps
    told = data_of(split), None if held is None else data_of(held)
    identity = identity_of(model, *told, batch_size, seed, steps)
    resumed, rate = folder.resume(identity, changes, callbacks, model, say)
    if not split.positioned:
        say(_THROUGH if not split.placed else _IN_ITS_ORDER)
    look = words_of_look(identity["data"])
    if look is not None:
        say(look)
    place = place_of(resumed)
    known = None if resumed is None or {"data", "batch_size"} & set(changes) else resumed.facts["data"]
    feed = Feed(
        split,
        batch_size,
        _targets(model, split),
        seed=seed,
        shuffle=True,
        first=place.epoch,
        steps=length,
        start=place.batch,
        placed=True,
        place=None if known is None or resumed is None else unpack(known, resumed.arrays),
    )
    held_feed = (
        None if held is None else Feed(held, batch_size, _targets(model, held), first=place.epoch, evaluated=True)
    )
    conductor = Conductor(
        callbacks,
        length,
        when,
        folder.keep,
        resumed,
        rate=rate,
        file=str(folder.folder),
        where=where_of(feed),
        begun=partial(folder.begin, epochs),
    )
    say_what_is_lost(conductor, say)
    say_what_is_beyond(conductor, epochs, say)
    with folder, quiet():
        beside = progress_of(progress, conductor, length, epochs)
        conduct(model, conductor, feed, held_feed, epochs, verbose, beside)
    unshare(model)
    _with_history(model, conductor.history)
    if not (folder.untouched and (folder.folder / MODEL).is_file()):
        save(model, folder.folder / MODEL)
    folder.end(conductor.history)
    return model


def _with_history(model: keras.Model, entries: Sequence[Mapping[str, Any]]) -> None:
    history = keras.callbacks.History()
    history.set_model(model)
    history.epoch, history.history = as_keras(entries)
    model.history = history


def _examples(data: Any, validation_data: Any, seed: int) -> tuple[Split, Split | None]:
    dataset = open_data(data, seed=seed)
    split = dataset.splits.get("train") or dataset.splits.get(WHOLE)
    if split is None or not split.labelled:
        raise DataError(
            "There are no examples with targets to train on.",
            file=dataset.origin,
            expected="x and y, or x_train and y_train",
            found="the splits " + ", ".join(dataset.splits),
        )
    if validation_data is None:
        return split, dataset.splits.get("validation")
    told = open_data(validation_data, seed=seed)
    held = next((told.splits[name] for name in ("validation", WHOLE, "test") if name in told.splits), None)
    return split, held


def _model(build: Callable[[], keras.Model]) -> keras.Model:
    """What `build` makes, if it is a compiled model."""
    remedy = "Write a function that makes and compiles the model, and give it: weld.fit(build, …), not build()."
    if isinstance(build, keras.Model) or not callable(build):
        raise UsageError(
            "What builds the model is no function.",
            expected="a function without arguments that gives a compiled keras.Model",
            found=f"a {type(build).__name__}" + (", which is a model itself" if isinstance(build, keras.Model) else ""),
            remedy=remedy,
        )
    with new_ways_told():
        model = build()
    if not isinstance(model, keras.Model):
        raise UsageError(
            "What build() gives is no model.",
            expected="a compiled keras.Model",
            found="nothing" if model is None else f"a {type(model).__name__}",
            remedy="End the function with `return model`." if model is None else remedy,
        )
    if not model.compiled:
        raise UsageError(
            "The model is not compiled.",
            expected="a compiled model from build()",
            remedy="Call model.compile(...) in build() before it returns the model.",
        )
    refuse_older_settings(model)
    if getattr(model, "steps_per_execution", 1) != 1:
        raise UsageError(
            "A training that can be stopped anywhere looks at every step, and the model makes several at once.",
            expected="steps_per_execution=1",
            found=f"steps_per_execution={model.steps_per_execution}",
            remedy="Leave it out of model.compile(...) in build().",
        )
    return model


def _built(model: keras.Model, split: Split, held: Split | None, batch_size: int) -> tuple[Split, Split | None]:
    """Build all there is to a model, and fit the examples to it."""
    inputs = getattr(model, "inputs", None) if model.built else None
    if inputs:
        shapes = {one.name: tuple(one.shape[1:]) for one in inputs}
        split = split.fitted(shapes)
        held = None if held is None else held.fitted(shapes)
    x, y = next(iter(split.batches(batch_size)))
    build_for_training(model, x, _targets(model, split)(y))
    for one in (split, held):
        if one is not None and one.positioned and one.labelled:
            require_labels_of(model, _targets(model, one)(_as_given(one.targets)), one.origin)
    if not split.positioned:
        require_labels_of(model, _targets(model, split)(y), split.origin)
    return split, held


def _as_given(targets: Sequence[Any]) -> Any:
    return targets[0] if len(targets) == 1 else list(targets)


def _targets(model: keras.Model, split: Split) -> Callable[[Any], Any]:
    """The targets in the form that the model's outputs have."""
    names = list(getattr(model, "output_names", None) or ())
    given = split.target_names
    as_dict = isinstance(getattr(model, "output", None) if model.built else None, dict)

    def prepared(targets: Any) -> Any:
        values = parts_of(targets)
        if len(values) < 2:
            return targets
        ordered = [values[given.index(name)] for name in names] if set(given) == set(names) else values
        return dict(zip(names, ordered, strict=True)) if as_dict else ordered

    return prepared
