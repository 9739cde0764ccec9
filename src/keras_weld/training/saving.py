"""Saving a model while it trains: at each epoch, whenever it is the best so far, or after so many steps."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import keras

from keras_weld.core.older_calls import refuse_older
from keras_weld.errors import TrainingError, UsageError
from keras_weld.io.saved_kind import saved_kind
from keras_weld.models.save import save as save_model
from keras_weld.training.every import parse_every
from keras_weld.training.keras_loop import known_names

BEST, EPOCH = "best", "epoch"
_HIGHER = ("acc", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "similarity", "coefficient")
_LOWER = ("loss", "error", "entropy", "mse", "mae", "mape", "rmse", "divergence", "perplexity")
_INSTEAD = {
    "save_best_only": "save='best'",
    "save_weights_only": "The name tells what is saved: '{epoch}.weights.h5'.",
    "save_freq": "save='500 steps', or save='epoch'",
    "period": "save='500 steps', or save='epoch'",
}


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves the model while it trains, as `weld.save` does: the old file or the new one, and what was written is read.

    In `weld.fit`, what it knows (the best figure so far, the steps) goes on after an interruption.

    Args:
        path: what to write, in any format that is written, with `{epoch}` (from 1), `{step}` (batches since the
            beginning) and the names in the logs, such as `"run/{epoch:02d}-{val_loss:.3f}.keras"`. Folders are made.
        save: `"epoch"`, `"best"`, or `"500 steps"` or the like.
        monitor: for `"best"`, the name in the logs that decides.
        mode: `"min"` or `"max"`: whether less or more of it is better. Told by the name where that is clear.
        older: options of `ModelCheckpoint`; each is refused with the new way.

    Attributes:
        best: the best figure so far, None before the first.
        saved: the file that was written last, None before the first.

    Raises:
        UsageError: if an option cannot be read, or nothing tells which figures are better.

    Example:
        >>> best = Checkpoint("best.keras", save="best")
        >>> model.fit(x, y, validation_split=0.1, callbacks=[best])  # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        save: str = EPOCH,
        monitor: str = "val_loss",
        mode: str | None = None,
        **older: Any,
    ) -> None:
        super().__init__()
        refuse_older("weld.Checkpoint", older, _INSTEAD)
        saved_kind(path)
        self._path, self._save, self._monitor = os.fspath(path), save, monitor
        self._every = None if save in (BEST, EPOCH) else _steps(save)
        self._sign = _sign(monitor, mode) if save == BEST else 1
        self.best: float | None = None
        self.saved: str | None = None
        self._step = self._batch = 0
        self._epoch = 1

    def get_state(self) -> dict[str, Any]:
        """What it knows, as plain values."""
        return {"best": self.best, "saved": self.saved, "step": self._step, "batch": self._batch, "epoch": self._epoch}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Know what `get_state` told."""
        self.best, self.saved = state["best"], state["saved"]
        self._step, self._batch, self._epoch = int(state["step"]), int(state["batch"]), int(state["epoch"])

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Refuse a name to tell the best model by that the logs will not have, where that is known already."""
        if self._save == BEST:
            names = known_names(self.model)
            if names is not None:
                self._check(names)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Count it."""
        self._epoch, self._batch = epoch + 1, 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save if as many steps were made; with `steps_per_execution` several are made at once."""
        before, self._step = self._step, self._step + batch + 1 - self._batch
        self._batch = batch + 1
        if self._every is not None and before // self._every != self._step // self._every:
            self._write(logs or {})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save, or save if it is the best so far."""
        logs = logs or {}
        if self._save == EPOCH:
            self._write(logs)
        elif self._save == BEST:
            figure = self._figure(logs)
            if self.best is None or self._sign * figure > self._sign * self.best:
                self._write(logs)
                self.best = figure

    def _figure(self, logs: Mapping[str, Any]) -> float:
        self._check(logs)
        return float(logs[self._monitor])

    def _check(self, names: Collection[str]) -> None:
        if self._monitor not in names:
            unheld = self._monitor.startswith("val_") and not any(name.startswith("val_") for name in names)
            raise TrainingError(
                f"There is no {self._monitor!r} to tell the best model by.",
                expected=f"one of {', '.join(names) or 'no names at all'}",
                found=f"monitor={self._monitor!r}" + (", and no validation data" if unheld else ""),
                remedy="Give validation data for names that begin with val_, or another name as monitor=….",
            )

    def _write(self, logs: Mapping[str, Any]) -> None:
        values = {name: float(value) for name, value in logs.items()} | {"epoch": self._epoch, "step": self._step}
        try:
            path = self._path.format(**values)
        except (KeyError, IndexError, ValueError) as error:
            raise TrainingError(
                "The name of the file cannot be filled in.",
                file=self._path,
                expected=f"names among {', '.join(sorted(values))}",
                found=f"{type(error).__name__}: {error}",
                remedy="For example: run/{epoch:02d}-{loss:.3f}.keras",
            ) from error
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save_model(self.model, path)
        self.saved = path


def _steps(text: str) -> int:
    steps = parse_every(text).steps if isinstance(text, str) else None
    if steps is None:
        raise UsageError(
            "When to save the model cannot be read.",
            expected='save="epoch", "best" or "500 steps"',
            found=f"save={text!r}",
        )
    return steps


def _sign(monitor: str, mode: str | None) -> int:
    """1 if more of it is better, -1 if less."""
    if mode in ("min", "max"):
        return 1 if mode == "max" else -1
    lower = any(word in monitor for word in _LOWER)
    if mode is None and lower != any(word in monitor for word in _HIGHER):
        return -1 if lower else 1
    raise UsageError(
        f"Nothing tells whether more or less of {monitor!r} is better.",
        expected='mode="min" or mode="max"',
        found=f"mode={mode!r}",
        remedy=f'Say it: weld.Checkpoint(path, save="best", monitor={monitor!r}, mode="max")',
    )
