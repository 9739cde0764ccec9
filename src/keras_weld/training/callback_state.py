"""What callbacks remember from epoch to epoch, and how it is put back after they have reset themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_weld.core.state import Array
from keras_weld.errors import TrainingError, WeldError
from keras_weld.training.callback_attributes import has_attributes
from keras_weld.training.packing import pack, unpack

_SWAPPED = "_ema_weights_in_model"
_KEPT: dict[str, tuple[str, ...]] = {
    "EarlyStopping": ("best", "wait", "stopped_epoch", "best_weights", "best_epoch"),
    "ReduceLROnPlateau": ("best", "wait", "cooldown_counter"),
    "ModelCheckpoint": ("best", "_batches_seen_since_last_saving", "_last_batch_seen", "_current_epoch"),
    "SwapEMAWeights": (_SWAPPED,),
    "TensorBoard": ("_global_train_batch", "_global_test_batch"),
    "CSVLogger": ("keys",),
}
_NOTHING_TO_KEEP = (
    "LearningRateScheduler",
    "LambdaCallback",
    "TerminateOnNaN",
    "ProgbarLogger",
    "History",
    "RemoteMonitor",
)
_OURS = "keras_weld."


def states_of(callbacks: Sequence[Any], arrays: dict[str, Array]) -> list[dict[str, Any]]:
    """The states of callbacks: one entry for each, in their order, as plain JSON.

    A callback of the user's own is kept by its `get_state()`, which gives numbers, texts, arrays, and lists and
    dicts of them, and `set_state(state)`.

    Args:
        callbacks: the callbacks, which know their model.
        arrays: takes the arrays.

    Raises:
        UsageError: if `get_state()` gives something else.
        TrainingError: if it fails.
    """
    states = []
    for number, callback in enumerate(callbacks):
        entry: dict[str, Any] = {"class": type(callback).__name__}
        if _has_own(callback):
            entry["state"] = pack(_own_state(callback), arrays, f"callbacks/{number}")
        elif (known := _known(callback)) is not None:
            values = {key: getattr(callback, key) for key in known if hasattr(callback, key)}
            if isinstance(callback, keras.callbacks.CSVLogger):
                values["size"] = _flushed_size(callback)
            entry["state"] = pack(values, arrays, f"callbacks/{number}")
        states.append(entry)
    return states


def lost_among(callbacks: Sequence[Any]) -> list[str]:
    """The names of the classes whose state cannot be kept, each once."""
    lost = [one for one in callbacks if not _has_own(one) and _known(one) is None and not _keeps_nothing(one)]
    return list(dict.fromkeys(type(one).__name__ for one in lost))


def names_of(callbacks: Sequence[Any], states: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The classes of the callbacks that were kept, and of those that there are now."""
    then, now = [str(one["class"]) for one in states], [type(one).__name__ for one in callbacks]
    return ", ".join(then) or "no callbacks", ", ".join(now) or "no callbacks"


def matched(callbacks: Sequence[Any], states: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The kept states for other callbacks than they are of: each gets that of the next of its class, or none."""
    left = list(states)
    found: list[dict[str, Any]] = []
    for name in (type(one).__name__ for one in callbacks):
        entry = next((one for one in left if one["class"] == name), None)
        if entry is not None:
            left.remove(entry)
        found.append({"class": name} if entry is None else dict(entry))
    return found


def without_swap(states: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """States for an optimizer that begins anew: weights that were swapped for its averages stay so."""
    return [
        {**one, "state": {key: value for key, value in one["state"].items() if key != _SWAPPED}}
        if isinstance(one.get("state"), Mapping)
        else dict(one)
        for one in states
    ]


def prepare(callbacks: Sequence[Any], states: Sequence[Mapping[str, Any]], arrays: Mapping[str, Array]) -> None:
    """What comes before `on_train_begin`: a log is not begun anew, and what it has from after the checkpoint is cut."""
    for callback, entry in zip(callbacks, states, strict=True):
        if isinstance(callback, keras.callbacks.CSVLogger) and "state" in entry:
            size = unpack(entry["state"], arrays).get("size")
            callback.append = True
            if size is not None and os.path.exists(callback.filename):
                os.truncate(callback.filename, size)


def put_back(callbacks: Sequence[Any], states: Sequence[Mapping[str, Any]], arrays: Mapping[str, Array]) -> None:
    """Give callbacks their states; to be called after `on_train_begin`, in which some reset themselves."""
    for callback, entry in zip(callbacks, states, strict=True):
        if "state" not in entry:
            continue
        state = unpack(entry["state"], arrays)
        if _has_own(callback):
            callback.set_state(state)
            continue
        for key in _known(callback) or ():
            if key in state:
                setattr(callback, key, state[key])


def params_for(callback: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a callback is told of the training.

    After the last epoch, `SwapEMAWeights` gives up the weights that training would go on with. It is not told which
    epoch is the last, so that a checkpoint can be taken before; `settle` then does what it would have done.
    """
    return {**params, "epochs": 0} if _swaps(callback) else dict(params)


def settle(callbacks: Sequence[Any]) -> None:
    """What callbacks do after the last epoch that must not be in a checkpoint."""
    for callback in callbacks:
        if _swaps(callback) and callback._ema_weights_in_model:
            callback._finalize_ema_values()


def _swaps(callback: Any) -> bool:
    return isinstance(callback, keras.callbacks.SwapEMAWeights) and callback.swap_on_epoch


def _own_state(callback: Any) -> Any:
    try:
        return callback.get_state()
    except WeldError:
        raise
    except Exception as error:  # whatever a class of the user's own raises
        name = type(callback).__name__
        raise TrainingError(
            f"What {name} knows cannot be kept: its get_state() fails.",
            layer=f"{name}.get_state()",
            expected="numbers, texts, arrays, and lists and dicts of them, at any moment of the training",
            found=f"{type(error).__name__}: {error}",
            remedy="It is called before the first step too: let it give what the callback knows then.",
        ) from error


def _has_own(callback: Any) -> bool:
    return callable(getattr(callback, "get_state", None)) and callable(getattr(callback, "set_state", None))


def _known(callback: Any) -> tuple[str, ...] | None:
    """What is kept of a callback of Keras, or of a class that inherits from one."""
    for kind in type(callback).__mro__:
        if kind.__module__.startswith("keras.") and kind.__name__ in _KEPT:
            return _KEPT[kind.__name__]
    return None


def _keeps_nothing(callback: Any) -> bool:
    kind = type(callback)
    if kind.__module__.startswith("keras."):
        return kind.__name__ in _NOTHING_TO_KEEP
    return kind.__module__.startswith(_OURS) or not has_attributes(callback)


def _flushed_size(callback: Any) -> int | None:
    if callback.csv_file is None:
        return None
    if not callback.csv_file.closed:
        callback.csv_file.flush()
    return os.path.getsize(callback.filename)
