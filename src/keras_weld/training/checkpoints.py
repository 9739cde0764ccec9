"""The checkpoints of a run: each a folder that appears whole, with a manifest that ties its files together."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.core.state import Array
from keras_weld.errors import DamagedFileError, WeldError, WriteError
from keras_weld.io.atomic import atomic_path, remove_abandoned, sync_folder, temporary_name
from keras_weld.io.fingerprint import sha256_of
from keras_weld.io.hdf5 import open_hdf5
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.hdf5_writer import Slot
from keras_weld.io.limits import UNLIMITED
from keras_weld.io.write import open_sink
from keras_weld.training.rehearsal import CHECKPOINT, moment

FORMAT = 1
MANIFEST, STATE = "manifest.json", "state.weights.h5"
NEWEST = "newest"
"""File with the step of the checkpoint that was written last, by which one that was taken away is missed."""
_NAME = re.compile(r"step-(\d{10})")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a training.

    Attributes:
        step: batches trained since the beginning of the run.
        facts: all that is known of the moment, as plain JSON.
        arrays: the arrays by name.
    """

    step: int
    facts: Mapping[str, Any]
    arrays: Mapping[str, Array]


class Checkpoints:
    """The folder of a run's checkpoints.

    Args:
        folder: the folder; it is made when the first checkpoint is written.
        keep: how many of the newest are kept.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder, self._keep = folder, keep

    def steps(self) -> list[int]:
        """The steps there are checkpoints of, newest first."""
        if not self.folder.is_dir():
            return []
        found = (_NAME.fullmatch(entry.name) for entry in self.folder.iterdir())
        return sorted((int(match[1]) for match in found if match), reverse=True)

    def write(self, checkpoint: Snapshot, spare: int | None = None) -> Path:
        """Write a checkpoint: all of it appears under its name, or nothing does. Others are removed after that.

        Of those before it, the newest are kept. Those after it were passed over as damaged, and are removed.

        Args:
            checkpoint: what to keep.
            spare: the step of an older one that is kept besides.

        Raises:
            WriteError: if it cannot be written; older ones are untouched.
        """
        moment(CHECKPOINT, checkpoint.step)
        final = self._path(checkpoint.step)
        try:
            self._write(final, checkpoint)
        except OSError as error:
            raise WriteError(
                "A checkpoint could not be written; older ones are untouched.",
                file=final,
                found=str(error),
                remedy="Check the free space and the permissions of the folder, and start the run again.",
            ) from error
        with atomic_path(self.folder / NEWEST) as noted:
            noted.write_text(f"{checkpoint.step}\n", "utf-8")
        steps = self.steps()
        kept = {spare, *[step for step in steps if step <= checkpoint.step][: self._keep]}
        for step in steps:
            if step not in kept:
                shutil.rmtree(self._path(step), ignore_errors=True)
        return final

    def _write(self, final: Path, checkpoint: Snapshot) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_abandoned(final)
        temporary = self.folder / temporary_name(final.name)
        temporary.mkdir()
        try:
            _write_arrays(temporary / STATE, checkpoint.arrays)
            manifest = {
                "format": FORMAT,
                "step": checkpoint.step,
                "facts": checkpoint.facts,
                "arrays": list(checkpoint.arrays),
                "files": {STATE: sha256_of(temporary / STATE)},
            }
            _write_text(temporary / MANIFEST, _with_own_hash(manifest))
            sync_folder(temporary)
            if final.exists():  # the same step of a run that was taken up again: the same bits, or damaged
                shutil.rmtree(final)
            temporary.rename(final)
            sync_folder(self.folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def newest(self) -> tuple[Snapshot | None, list[str]]:
        """The newest checkpoint that is whole, and what is wrong with those that are, or were, newer.

        Raises:
            DamagedFileError: if there are checkpoints and none is whole.
        """
        steps = self.steps()
        told = self._missing(steps)
        for step in steps:
            try:
                return self.read(step), told
            except (WeldError, OSError) as error:
                what = f"{error.problem} ({error.file})" if isinstance(error, WeldError) else str(error)
                told.append(f"The checkpoint of step {step} is damaged and was passed over: {what}")
        if steps:
            raise DamagedFileError(
                "None of the run's checkpoints is whole.",
                file=self.folder,
                found="; ".join(told),
                remedy="Begin another run, or bring the folder back from a copy.",
            )
        return None, told

    def _missing(self, steps: list[int]) -> list[str]:
        """What to tell of a newest checkpoint that is gone, while older ones are there."""
        with suppress(OSError, ValueError):
            newest = int((self.folder / NEWEST).read_text("utf-8"))
            if steps and newest > steps[0]:
                return [f"The newest checkpoint, of step {newest}, is gone: the run goes on from an older one."]
        return []

    def read(self, step: int) -> Snapshot:
        """One checkpoint, held against its hashes.

        Raises:
            DamagedFileError: if a byte of it is not what was written.
        """
        folder = self._path(step)
        manifest = _read_manifest(folder / MANIFEST)
        for name, digest in manifest["files"].items():
            if sha256_of(folder / name) != digest:
                raise DamagedFileError(
                    "A file of a checkpoint is not what was written.",
                    file=folder / name,
                    expected=f"SHA-256 {digest}",
                    found="another one",
                )
        arrays = _read_arrays(folder / STATE, manifest["arrays"])
        return Snapshot(int(manifest["step"]), manifest["facts"], arrays)

    def facts(self, step: int) -> Mapping[str, Any]:
        """What one checkpoint's manifest tells, without a look at its arrays.

        Raises:
            DamagedFileError: if the manifest is missing or damaged.
        """
        found: Mapping[str, Any] = _read_manifest(self._path(step) / MANIFEST)["facts"]
        return found

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:010}"


def _write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    slots = [Slot(f"a/{number}", value.shape, value.dtype) for number, value in enumerate(arrays.values())]
    with open_sink(path, slots) as sink:
        for slot, value in zip(slots, arrays.values(), strict=True):
            sink.put(slot.path, 0, value)


def _read_arrays(path: Path, names: list[str]) -> dict[str, Array]:
    with closing(open_hdf5(path, UNLIMITED, reader=Reader.OWN)) as content:
        return {name: np.array(content.read(f"a/{number}")) for number, name in enumerate(names)}


def _with_own_hash(manifest: Mapping[str, Any]) -> str:
    """The manifest as text, its own SHA-256 in the last line."""
    text = json.dumps(manifest)
    return f"{text}\n{hashlib.sha256(text.encode()).hexdigest()}\n"


def _read_manifest(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        text, _, digest = path.read_text().partition("\n")
        if hashlib.sha256(text.encode()).hexdigest() == digest.strip():
            found: dict[str, Any] = json.loads(text)
            return found
    raise DamagedFileError("The manifest of a checkpoint is missing or damaged.", file=path)


def _write_text(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
