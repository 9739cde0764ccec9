"""Training under observation, for `weld verify-resume`: in a folder of its own, with a trace, and with a kill.

Nothing here does anything unless `rehearse` was called in this process, which its child process alone does.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.core.state import Array
from keras_weld.data.batch import parts_of
from keras_weld.errors import UsageError
from keras_weld.training.packing import pack

TRACE = "trace.jsonl"
STEP, CHECKPOINT = "step", "checkpoint"
"""Moments at which a kill can be aimed: a step begins, a checkpoint is about to be written."""

_ALL = 10**9
_NOT_A_STATE = ("model", "params", "validation_data")


@dataclass(frozen=True, slots=True)
class Kill:
    """A SIGKILL to come.

    Attributes:
        run: the name of the run in the rehearsal's folder.
        kind: at what moment: `STEP` or `CHECKPOINT`.
        step: the first step at which it may come.
        delay: seconds from that moment.
    """

    run: str
    kind: str
    step: int
    delay: float


class _Rehearsal:
    """What is going on in this process."""

    def __init__(self, folder: Path, kill: Kill | None) -> None:
        self.folder, self.kill, self.run = Path(os.path.abspath(folder)), kill, ""
        self._trace = (folder / TRACE).open("a")
        self._trace.write("\n")  # a process that was killed may have left half a line
        self._lock = threading.Lock()
        self.note(what="process", number=os.getpid())

    def note(self, **told: Any) -> None:
        line = json.dumps({"run": self.run, **told})
        with self._lock:
            self._trace.write(f"{line}\n")
            self._trace.flush()

    def moment(self, kind: str, step: int) -> None:
        self.note(what=kind, step=step, time=time.monotonic())
        kill = self.kill
        if kill is not None and (self.run, kind) == (kill.run, kill.kind) and step >= kill.step:
            self.kill = None
            self.note(what="kill", kind=kind, step=step)
            threading.Thread(target=_kill_after, args=(kill.delay,), daemon=True).start()


_current: _Rehearsal | None = None


def rehearse(folder: Path, kill: Kill | None) -> None:
    """From now on, every run of this process goes into a folder of its own below `folder`, and leaves a trace.

    Args:
        folder: takes the runs and the trace.
        kill: when to end this process, if at all.
    """
    global _current
    _current = _Rehearsal(folder, kill)


def placed(run: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Where a run goes, and the options that are meant for it besides: in a rehearsal, all checkpoints are kept."""
    if _current is None:
        return Path(run), {}
    path = os.path.abspath(run)
    if Path(path).parent == _current.folder:  # placed before, by what calls this
        return Path(path), {"keep": _ALL}
    _current.run = f"{os.path.basename(path)}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"
    _current.note(what="placed", path=os.fspath(run))
    return _current.folder / _current.run, {"keep": _ALL}


def moment(kind: str, step: int) -> None:
    """Note a moment, and be killed if it is the one.

    Args:
        kind: `STEP` or `CHECKPOINT`.
        step: batches trained since the beginning of the run.
    """
    if _current is not None:
        _current.moment(kind, step)


def note_batch(feed: str, number: int, x: Any, y: Any) -> None:
    """Note what a batch was.

    Args:
        feed: "training" or "validation".
        number: number of the batch, counted over all epochs.
        x: the inputs.
        y: the targets.
    """
    if _current is not None:
        digest = hashlib.sha256()
        for part in (*parts_of(x), *parts_of(y)):
            digest.update(np.ascontiguousarray(part).tobytes())
        _current.note(what="batch", feed=feed, number=number, digest=digest.hexdigest()[:16])


def note_callbacks(callbacks: Sequence[Any], step: int) -> None:
    """Note what callbacks remember, kept or not, so that what was not can be named.

    Args:
        callbacks: the callbacks.
        step: batches trained since the beginning of the run.
    """
    if _current is not None:
        known = {
            f"{type(one).__name__}.{name}": digest for one in callbacks for name, digest in _digests(vars(one)).items()
        }
        _current.note(what="callbacks", step=step, known=known)


def _digests(attributes: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, value in attributes.items():
        if name.lstrip("_") in _NOT_A_STATE:
            continue
        arrays: dict[str, Array] = {}
        try:
            text = json.dumps(pack(value, arrays, name))
        except UsageError:  # no state that could be kept
            continue
        digest = hashlib.sha256(text.encode())
        for array in arrays.values():
            digest.update(array.tobytes())
        found[name] = digest.hexdigest()[:16]
    return found


def _kill_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)
