"""`weld.fit`: a training that can be stopped at any moment and goes on with the same bits."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import keras

from keras_weld.data.batch import parts_of
from keras_weld.data.open import open_data
from keras_weld.data.split import WHOLE, Split
from keras_weld.errors import DataError, TrainingError, UsageError
from keras_weld.io.atomic import atomic_path
from keras_weld.models.keras_private import build_for
from keras_weld.models.quiet import quiet
from keras_weld.models.save import save
from keras_weld.training.callback_state import check_callbacks, states_of
from keras_weld.training.checkpoints import Checkpoint, Checkpoints
from keras_weld.training.conductor import Conductor, rate_of
from keras_weld.training.every import Every, parse_every
from keras_weld.training.feeding import Feed, steps_of
from keras_weld.training.identity import compare, identity_of
from keras_weld.training.run_history import write_history

Tell = Callable[[str], None]
"""Called with what a person should know, a sentence at a time."""

RUN, MODEL = "run.json", "model.keras"
_JUMP = 3.0  # a learning rate that changes by more than this factor on a resume is told


def fit(
    build: Callable[[], keras.Model],
    data: Any,
    *,
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
    verbose: Any = "auto",
    tell: Tell | None = None,
) -> keras.Model:
    """Train a model, or go on where an earlier call with the same `run` was interrupted.

    Killed at any moment and started again on the same machine and backend, a run ends with the same bits as one that
    was never interrupted: weights, optimizer, metrics, learning rate, seeds of dropout and augmentation, the order of
    the examples, and the state of callbacks are kept. A run that was finished returns its model.

    Args:
        build: returns the compiled model. It is called on every start, after all seeds were set.
        data: what to train on, as `open_data` takes it: its training split, or all of it.
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
        changes: what may differ from the run so far: "data", "batch_size", "learning_rate", "optimizer", "model",
            "seed", "backend", "callbacks". Anything else that differs is refused.
        keep: how many of the newest checkpoints are kept.
        verbose: as in `model.fit`.
        tell: called with what a person should know; by default it is written to the standard error.

    Returns:
        The trained model; `model.history` has the figures of all epochs.

    Raises:
        TrainingError: if the run cannot be gone on with: another model, data or setting than it was begun with.
        UsageError: for options that make no sense.
        DataError: if the data does not fit the model.
        DamagedFileError: if no checkpoint of the run is whole.

    Example:
        >>> import keras_weld as weld
        >>> model = weld.fit(build, (x, y), run="run", epochs=10)  # doctest: +SKIP
    """
    folder, say, when = Path(run), tell or _to_stderr, parse_every(every)
    if epochs < 1 or batch_size < 1:
        raise UsageError("Epochs and the size of a batch are 1 or more.", found=f"{epochs} and {batch_size}")
    keras.utils.set_random_seed(seed)
    _make_deterministic(deterministic)
    split, held = _examples(data, validation_data, seed)
    model = build()
    split, held = _built(model, split, held, batch_size)
    length = steps_of(split, batch_size) if steps is None else steps
    checkpoints = Checkpoints(folder / "checkpoints", keep)
    identity = identity_of(model, split, batch_size, seed)
    resumed, rate = _resumed(folder, checkpoints, identity, changes, callbacks, model, say)
    if not split.positioned:
        say(
            "The examples come as a stream, in the order of their source: on a resume it is read from its beginning, "
            "and what was seen is passed over."
        )
    conductor = Conductor(
        callbacks, length, when, lambda one: _keep(checkpoints, folder, one), resumed, rate=rate, file=str(folder)
    )
    for name in dict.fromkeys(conductor.lost):
        say(
            f"What {name} knows is not kept over an interruption: give the class get_state() and set_state(state), "
            "which return and take numbers, texts and arrays."
        )
    place = conductor.place
    feed = Feed(
        split,
        batch_size,
        _targets(model, split),
        seed=seed,
        shuffle=True,
        first=place.epoch,
        steps=length,
        start=place.batch,
    )
    held_feed = None if held is None else Feed(held, batch_size, _targets(model, held))
    with quiet():
        if place.epoch >= epochs or conductor.stopped:
            _finish(model, conductor)
        else:
            _train(model, conductor, feed, held_feed, epochs, verbose)
    _with_history(model, conductor)
    save(model, folder / MODEL)
    return model


def _train(model: keras.Model, conductor: Conductor, feed: Feed, held: Feed | None, epochs: int, verbose: Any) -> None:
    try:
        model.fit(
            # Not the feed itself: Keras does not let an epoch over a PyDataset end before its last step.
            (feed[number] for number in count()),
            initial_epoch=conductor.place.epoch,
            epochs=epochs,
            steps_per_epoch=feed.steps,
            validation_data=held,
            validation_steps=None if held is None else held.steps,
            callbacks=[conductor],
            verbose=verbose,
            shuffle=False,
        )
    except Exception:
        feed.raise_refusal()
        if held is not None:
            held.raise_refusal()
        raise


def _finish(model: keras.Model, conductor: Conductor) -> None:
    """What `model.fit` does after the last epoch, for a run whose last epoch is done."""
    conductor.set_model(model)
    conductor.set_params({"verbose": 0, "epochs": conductor.place.epoch, "steps": None})
    conductor.on_train_begin()
    model.optimizer.finalize_variable_values(model.trainable_weights)
    last = conductor.history[-1] if conductor.history else {}
    conductor.on_train_end({name: value for name, value in last.items() if name not in ("epoch", "step", "rate")})


def _with_history(model: keras.Model, conductor: Conductor) -> None:
    history = keras.callbacks.History()
    history.set_model(model)
    history.epoch = [entry["epoch"] for entry in conductor.history]
    history.history = {}
    for entry in conductor.history:
        for name, value in entry.items():
            if name not in ("epoch", "step", "rate"):
                history.history.setdefault(name, []).append(value)
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


def _built(model: keras.Model, split: Split, held: Split | None, batch_size: int) -> tuple[Split, Split | None]:
    """Build all there is to a model, and fit the examples to it."""
    if not getattr(model, "compiled", False):
        raise UsageError(
            "The model is not compiled.",
            expected="a compiled model from build()",
            remedy="Call model.compile(...) in build() before it returns the model.",
        )
    inputs = getattr(model, "inputs", None) if model.built else None
    if inputs:
        shapes = {one.name: tuple(one.shape[1:]) for one in inputs}
        split = split.fitted(shapes)
        held = None if held is None else held.fitted(shapes)
    x, y = next(iter(split.batches(batch_size)))
    # All variables have to be there before they are set: those of metrics come with the first batch otherwise.
    build_for(model, x, _targets(model, split)(y))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return split, held


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


def _resumed(
    folder: Path,
    checkpoints: Checkpoints,
    identity: dict[str, Any],
    changes: Collection[str],
    callbacks: Sequence[Any],
    model: keras.Model,
    say: Tell,
) -> tuple[Checkpoint | None, float | None]:
    """The checkpoint to go on from, and a learning rate if another one is meant; a new run is noted."""
    path = folder / RUN
    newest, told = checkpoints.newest()
    for text in told:
        say(text)
    if newest is None:
        compare(identity, identity, changes, str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(path, {"identity": identity, "changes": []})
        return None, None
    if not path.is_file():
        raise TrainingError(
            "The folder has checkpoints and does not tell what run they are of.",
            file=path,
            remedy="Bring the file back from a copy, or begin another run.",
        )
    known = json.loads(path.read_text())
    notes, meant = compare(known["identity"], identity, changes, str(folder))
    if "callbacks" not in changes:
        check_callbacks(callbacks, newest.facts["callbacks"], str(folder))
    else:
        newest.facts["callbacks"][:] = states_of(callbacks, {}).states
    for text in notes:
        say(text)
    rate = rate_of(model) if "learning_rate" in meant else None
    kept = newest.facts["rate"]
    if rate is not None and kept and not 1 / _JUMP <= rate / kept <= _JUMP:
        say(f"The learning rate jumps from {kept:g} to {rate:g}.")
    if meant:
        entry = {"step": newest.step, "epoch": newest.facts["epoch"], "changed": meant, "notes": notes}
        _write_json(path, {"identity": identity, "changes": [*known["changes"], entry]})
    return newest, rate


def _keep(checkpoints: Checkpoints, folder: Path, checkpoint: Checkpoint) -> None:
    checkpoints.write(checkpoint)
    write_history(folder, checkpoint.facts["history"])


def _write_json(path: Path, value: Any) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1))


def _make_deterministic(wanted: bool) -> None:
    if wanted and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"Note: {text}\n")
