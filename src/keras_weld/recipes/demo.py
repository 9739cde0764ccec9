"""`weld demo`: real models trained on real digits, inspected, checked, merged and judged."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from keras_weld.checks.finding import Finding, Severity
from keras_weld.errors import UsageError, WriteError
from keras_weld.recipes.check import check
from keras_weld.recipes.demo_data import PARTS, Examples, load_digits, write_digits
from keras_weld.recipes.demo_judging import alone, judge, rows_of
from keras_weld.recipes.demo_merging import heading, make
from keras_weld.recipes.demo_needs import require_backend, require_installed
from keras_weld.recipes.demo_plan import DIGITS, MERGES, ODD, RUN, START, THREE, TRAININGS, Merge
from keras_weld.recipes.demo_result import Checked, DemoResult, Kind, Line, Progress, Row, Say
from keras_weld.recipes.demo_words import Commands, in_short, what_happened
from keras_weld.recipes.inspect import inspect
from keras_weld.recipes.judgement import Evaluation


def demo(
    folder: str | os.PathLike[str] = "weld-demo",
    *,
    seed: int = 0,
    progress: Progress | None = None,
    say: Say | None = None,
) -> DemoResult:
    """Train small models on real digits, merge them, judge the merges, and leave every file to play with.

    The digits are scikit-learn's; nothing is downloaded. Files of a former demo in the folder are replaced,
    all others are left alone. The same seed gives the same models on the same machine and backend.

    Args:
        folder: where the files go; it is made if it is missing.
        seed: what the split, the random weights and the order of the images are drawn by; 0 or more.
        progress: called while it trains and judges.
        say: called with each line that tells what is being done and what came of it.

    Returns:
        The table with what actually happened, the files, and the `weld` commands that do the same.

    Raises:
        MissingExtraError: if scikit-learn or a backend is not installed.
        WriteError: if a file cannot be written.
        UsageError: if the seed is negative.

    Example:
        >>> import keras_weld as weld
        >>> weld.demo().rows[-1].verdict  # doctest: +SKIP
        'worse'
    """
    if seed < 0:
        raise UsageError("A seed is not negative.", expected="0 or more", found=seed)
    require_installed()
    backend = require_backend()
    place = Path(folder)
    _make(place)
    return _Demo(place, seed, progress, say or _say_nothing).run(backend)


class _Demo:
    """One run of the demo, step by step."""

    def __init__(self, folder: Path, seed: int, progress: Progress | None, say: Say) -> None:
        self.folder, self.seed, self.progress = folder, seed, progress
        self._say = say
        self.write = Commands(folder, seed)
        self.commands: list[str] = []
        self.checkpoints: list[str] = []

    def run(self, backend: str) -> DemoResult:
        began = time.monotonic()
        digits = load_digits(self.seed)
        write_digits(self.folder / DIGITS, digits)
        trained = self.train(digits, backend)
        self.inspect()
        checks = (self.check(THREE), self.check((THREE[0], ODD)))
        for merge in MERGES:
            self.merge(merge)
        rows, judged = self.judge()
        return DemoResult(
            folder=self.folder,
            seed=self.seed,
            backend=backend,
            seconds=round(time.monotonic() - began, 1),
            checks=checks,
            rows=tuple(rows),
            sentences=what_happened(MERGES, judged, checks),
            files=(DIGITS, *trained, *(merge.file for merge in MERGES)),
            commands=tuple(self.commands),
            next=self.write.suggestions(MERGES),
        )

    def train(self, digits: dict[str, Examples], backend: str) -> list[str]:
        from keras_weld.recipes.demo_training import train_all

        train = digits["train"]
        self.step(f"Training small convolutional networks on scikit-learn's digits ({backend})")
        sizes = [f"{len(digits[name]):,}" for name in ("train", "val", "test")]
        self.result(
            f"{DIGITS}: images of 8 by 8 pixels: {sizes[0]} to train on, {sizes[1]} to choose by, {sizes[2]} "
            f"to judge on; those to train on are dealt into {PARTS} parts"
        )
        written = train_all(self.folder, train, TRAININGS, self.seed, self.progress)
        self.checkpoints = [file for file in written if file.startswith(f"{RUN}/")]
        self.result(f"{START}: from random weights, trained on the first part")
        self.result(f"{', '.join(THREE)}: each goes on from {START}, with one of the other parts")
        self.result(f"{ODD}: sees what {THREE[0]} sees, in the same order, but sets out from other random weights")
        self.result(
            f"{RUN}/: goes on from {START} with all parts at a high learning rate, saved after each of "
            f"{len(self.checkpoints)} epochs"
        )
        return written

    def inspect(self) -> None:
        self.step("Inspecting: what goes in, what comes out, how large", self.write.inspect(THREE[0]))
        found = inspect(self.folder / THREE[0]).summary
        for label, ports in (("goes in", found.inputs), ("comes out", found.outputs)):
            for port in ports:
                shape = ", ".join("batch" if size is None else str(size) for size in port.shape or ())
                meaning = f": {port.meaning.text}" if port.meaning else ""
                self.result(f"{label}: {port.name} ({shape}) {port.dtype}{meaning}")
        self.result(f"{found.parameters.total:,} parameters in {len(found.layers)} layers")

    def check(self, files: Sequence[str]) -> Checked:
        self.step(f"Checking: can {_listed(files)} be averaged?", self.write.check(files))
        merge = check([self.folder / file for file in files], purpose="average").merge("average")
        warnings = tuple(_told(one) for one in merge.findings if one.severity != Severity.NOTE)
        notes = tuple(_told(one) for one in merge.findings if one.severity == Severity.NOTE)
        self.result("no" if not merge.possible else "yes, with care" if warnings else "yes")
        for text in warnings:
            self._say(Line(Kind.WARNING, text))
        for text in notes:
            self.result(text)
        return Checked(tuple(files), merge.possible, warnings, notes)

    def merge(self, merge: Merge) -> None:
        self.step(heading(merge), self.write.merge(merge))
        for text in make(self.folder, merge, self.sources(merge), self.seed, self.progress):
            self.result(text)

    def judge(self) -> tuple[list[Row], list[Evaluation]]:
        whats = {training.file: training.what for training in TRAININGS}
        rows = [alone(self.folder, TRAININGS[0], self.seed, self.progress)]
        seen: set[str] = set()
        judged = []
        for merge in MERGES:
            self.step(f"Judging {merge.file} against the best of what went in", self.write.evaluate(merge))
            sources = self.sources(merge)
            found = judge(self.folder, merge, sources, self.seed, self.progress)
            self.result(in_short(found))
            rows += rows_of(merge, sources, found, whats, seen)
            judged.append(found)
        return rows, judged

    def sources(self, merge: Merge) -> list[str]:
        """What goes in, file by file."""
        return [file for name in merge.sources for file in (self.checkpoints if name == RUN else [name])]

    def step(self, text: str, command: str | None = None) -> None:
        self._say(Line(Kind.STEP, text))
        if command is not None:
            self.commands.append(command)
            self._say(Line(Kind.COMMAND, command))

    def result(self, text: str) -> None:
        self._say(Line(Kind.RESULT, text))


def _told(finding: Finding) -> str:
    """A finding on one line."""
    found = f" Found {finding.found}, expected {finding.expected}." if finding.found else ""
    return finding.text + found


def _listed(files: Sequence[str]) -> str:
    names = [Path(file).stem for file in files]
    return ", ".join(names[:-1]) + f" and {names[-1]}"


def _make(folder: Path) -> None:
    try:
        (folder / RUN).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            "The folder for the demo cannot be made.",
            file=error.filename or folder,
            found=error.strerror or str(error),
            remedy="Choose another one: weld demo --folder NAME",
        ) from error


def _say_nothing(line: Line) -> None:
    """What the demo says to when nobody listens."""
