"""`weld verify-resume`: whether a script's training, killed again and again, ends with the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from keras_weld.errors import MissingFileError, TrainingError, UsageError
from keras_weld.recipes.kill_plan import kill_plan
from keras_weld.recipes.rehearse import KILL, REFUSAL
from keras_weld.recipes.run_difference import Difference, first_difference
from keras_weld.recipes.trace import RunTrace, read_trace
from keras_weld.training.rehearsal import Kill

Report = Callable[[int, int, str], None]
"""Called with what is done, how much there is to do, and a few words."""

_SAID = "said.txt"
_LOOKS = 0.2  # seconds between two looks at how far a child is


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """What came out of one run of the script.

    Attributes:
        run: its folder, as the script names it.
        steps: batches that were trained.
        checkpoints: how many checkpoints were compared.
        kills: what was going on at each kill, "step" or "checkpoint", and the step.
        difference: the first difference; None if all bits are the same.
    """

    run: str
    steps: int
    checkpoints: int
    kills: tuple[tuple[str, int], ...]
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class Verified:
    """What came out of a rehearsal.

    Attributes:
        target: the script or recipe.
        exact: whether every run ended with the same bits.
        kills: how often it was killed.
        seed: what the kills were drawn by.
        runs: each run of the script.
    """

    target: str
    exact: bool
    kills: int
    seed: int
    runs: tuple[RunVerdict, ...]


def verify_resume(
    target: str | os.PathLike[str],
    arguments: Sequence[str] = (),
    *,
    kills: int = 5,
    seed: int = 0,
    progress: Report | None = None,
) -> Verified:
    """Train what a script or recipe trains, once whole and once with kills at random moments, and compare.

    Both trainings run in processes of their own and in folders of their own: the script's runs are left alone.
    What the script writes elsewhere is written as ever.

    Args:
        target: a Python script that calls `weld.fit`, or `model.fit` with `weld.Resume`, or a recipe of `weld train`.
        arguments: what the script is given.
        kills: how often it is killed.
        seed: what the kills are drawn by.
        progress: called now and then with steps done, steps in all (0 for unknown), and a few words.

    Raises:
        MissingFileError: if there is no such script.
        UsageError: if there is nothing to kill.
        TrainingError: if the script fails, or trains no run that can be taken up again.
        DamagedFileError: if a checkpoint was damaged by a kill.
    """
    path = Path(target)
    if not path.is_file():
        raise MissingFileError("There is no such script or recipe.", file=path)
    if kills < 1:
        raise UsageError("A training is killed at least once.", found=kills)
    tell = progress or _nobody
    with tempfile.TemporaryDirectory(prefix="keras-weld-", ignore_cleanup_errors=True) as scratch:
        whole, interrupted = Path(scratch, "whole"), Path(scratch, "interrupted")
        _start(whole, path, arguments, None, lambda runs: tell(_steps(runs), 0, "Training it whole"))
        known = read_trace(whole)
        _require_runs(known, path)
        total = _steps(known)
        plan = kill_plan(list(known.values()), kills, seed)
        came = 0
        for number, kill in enumerate([*plan, None], 1):
            tell_start = partial(_tell_start, tell, total, number)
            killed = _start(interrupted, path, arguments, kill, tell_start)
            came += killed
            if not killed:
                break
        if not came:
            raise UsageError(
                "The training ended before a kill came.",
                file=path,
                found=f"{total} steps",
                remedy="Let it train longer, or try another --seed.",
            )
        found = read_trace(interrupted)
        runs = tuple(_verdict(whole, interrupted, trace, found.get(name)) for name, trace in known.items())
        return Verified(os.fspath(path), all(run.difference is None for run in runs), came, seed, runs)


def _start(
    folder: Path, path: Path, arguments: Sequence[str], kill: Kill | None, tell: Callable[[dict[str, RunTrace]], None]
) -> bool:
    """Run the target once in a process of its own; gives whether it was killed.

    Raises:
        TrainingError: if it fails of itself.
    """
    folder.mkdir(exist_ok=True)
    planned = folder / KILL
    planned.unlink(missing_ok=True)
    if kill is not None:
        planned.write_text(json.dumps(asdict(kill)), "utf-8")
    command = [sys.executable, "-m", "keras_weld.recipes.rehearse", os.fspath(folder), os.fspath(path), *arguments]
    with (folder / _SAID).open("w") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
    try:
        while process.poll() is None:
            tell(read_trace(folder))
            try:
                process.wait(_LOOKS)
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()
        process.wait()
    if process.returncode not in (0, -signal.SIGKILL):
        raise _failed(folder, path, process.returncode)
    return process.returncode != 0


def _failed(folder: Path, path: Path, code: int) -> TrainingError:
    """Why a start failed: what the training was refused by, or else the last lines that were said."""
    again = any(run.kills for run in read_trace(folder).values())
    problem = (
        "Started again after a kill, the training fails" if again else "The training fails when it is run by itself"
    )
    if not (folder / REFUSAL).is_file():
        said = (folder / _SAID).read_text("utf-8", "replace").strip().splitlines()[-12:]
        return TrainingError(
            f"{problem}.",
            file=path,
            expected="exit code 0",
            found=f"exit code {code}: " + "\n".join(said),
            remedy=f"Run it by hand first: python {path}",
        )
    refusal = json.loads((folder / REFUSAL).read_text("utf-8"))
    return TrainingError(
        f"{problem}: {refusal['problem'][:1].lower()}{refusal['problem'][1:]}",
        file=path,
        layer=refusal["layer"],
        expected=refusal["expected"],
        found=refusal["found"],
        remedy="Nothing was changed between the two starts: see what gives something else each time, such as an order "
        "that is drawn without a seed, the time, or a list of files that is not sorted."
        if again
        else refusal["remedy"],
    )


def _require_runs(known: dict[str, RunTrace], path: Path) -> None:
    if not any(run.steps and run.checkpoints for run in known.values()):
        raise TrainingError(
            "The script trains no run that can be taken up again.",
            file=path,
            expected='weld.fit(…, run="…"), or model.fit(…, callbacks=[weld.Resume("…")])',
            found="no call of it" if not known else "no step that was trained",
            remedy="Let the script train by one of these.",
        )


def _verdict(whole: Path, interrupted: Path, trace: RunTrace, found: RunTrace | None) -> RunVerdict:
    if found is None:
        raise TrainingError(
            "The script names another folder for its run each time, so that nothing is taken up again.",
            file=trace.path,
            remedy="Give the run a folder that stays the same.",
        )
    difference, count = first_difference(whole / trace.name, interrupted / trace.name, (trace, found))
    return RunVerdict(trace.path, trace.steps, count, tuple(found.kills), difference)


def _steps(runs: dict[str, RunTrace]) -> int:
    return sum(run.steps for run in runs.values())


def _tell_start(tell: Report, total: int, number: int, runs: dict[str, RunTrace]) -> None:
    tell(_steps(runs), total, f"Training it with kills, start {number}")


def _nobody(done: int, total: int, what: str) -> None:
    """Nobody is told."""
