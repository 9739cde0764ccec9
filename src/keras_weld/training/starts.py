"""What is noted at every start of a run: when, where in the training, with which versions, on what."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras

from keras_weld.training.run_folder import read_run, recipe_folder, write_run

_GIT_SECONDS = 2.0


def start_of(
    folder: Path, identity: Mapping[str, Any], *, epoch: int, step: int, epochs: int, rate: float | None
) -> dict[str, Any]:
    """What is noted of a start that begins now.

    Args:
        folder: the run's folder.
        identity: what the run is, of `identity_of`.
        epoch: number of the epoch that it begins in, from 0.
        step: batches trained before.
        epochs: epochs the run is to have in the end.
        rate: the learning rate of the first step.
    """
    recipe = recipe_folder(folder)
    script = None if recipe else os.path.abspath(str(identity["script"]))
    return {
        "time": now(),
        "epoch": epoch,
        "step": step,
        "epochs": epochs,
        "finished": None,
        "seed": identity["seed"],
        "batch_size": identity["batch_size"],
        "learning_rate": rate,
        "data": hashlib.sha256(json.dumps(identity["data"], sort_keys=True).encode()).hexdigest(),
        "script": script,
        "recipe": recipe,
        "git": git_state(recipe or os.path.dirname(str(script))),
        "backend": identity["backend"],
        "versions": identity["versions"],
        "hardware": {
            "machine": identity["hardware"],
            "processors": os.cpu_count(),
            "devices": [str(one) for one in keras.distribution.list_devices()],
        },
    }


def note_end(folder: Path) -> None:
    """Note that the run has reached its end, and its model is written."""
    told = read_run(folder)
    if told["starts"] and not told["starts"][-1]["finished"]:
        told["starts"][-1]["finished"] = now()
        write_run(folder, told)


def now() -> str:
    """The time of now in UTC, in whole seconds: `2026-11-25T10:53:00+00:00`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def git_state(folder: str) -> dict[str, Any] | None:
    """The commit of a folder's git checkout, and whether something in it differs from that; None without one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changed is None else bool(changed)}


def _git(folder: str, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *words],
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
