"""The folder of a zip: what it was begun with, the rounds that are finished, and a run for each that is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from keras_weld.errors import DamagedFileError
from keras_weld.io.atomic import atomic_path
from keras_weld.io.fingerprint import sha256_of
from keras_weld.recipes.zip_report import report
from keras_weld.training.comparing import changed_versions, require_same
from keras_weld.training.exact_folder import ExactFolder
from keras_weld.training.holding import LOCK, hold, release
from keras_weld.training.run_folder import CHECKPOINTS, RUN, read_json, read_run, write_json
from keras_weld.zipping.frontier import Baseline, Frontier, Round, frontier_of

RUNS, ZIP = "rounds", "zip.json"
FRONTIER, CHOSEN = "frontier.json", "chosen.keras"
_FROM, _BRANCH = "begun_from", "branch-"
_REMEDY = (
    "Go on with what it was begun with, name another folder, or begin anew in this one: --fresh (fresh=True), which "
    "gives up what is not finished."
)


class ZipFolder(AbstractContextManager["ZipFolder"]):
    """The folder of one zip. As a context, it is this process's alone.

    Args:
        folder: the folder; it is made if it is missing.
        identity: what the zip is, as plain JSON: all of it has to be as it was, but versions and script.
        tell: called with what a person should know.
        fresh: whether to begin anew, whatever is there.

    Attributes:
        folder: where it is.
        finished: by merged blocks, the rounds that are finished and whose files are there.
        notes: what was to be told of the networks' starts, those of earlier calls too.
        baselines: by name, what they are compared with, as far as that is made.

    Raises:
        TrainingError: if the folder is that of another zip, or another process has it; names old and new.
        DamagedFileError: if what it was begun with cannot be read.
    """

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], tell: Callable[[str], None], *, fresh: bool = False
    ) -> None:
        self.folder, self._runs = folder, folder / RUNS
        self._identity, self._tell, self._fresh = identity, tell, fresh
        self._files: dict[str, str] = {}
        self._begun = False
        self.finished: dict[int, Round] = {}
        self.notes: list[str] = []
        self.baselines: dict[str, Baseline] = {}
        self._made = [one for one in (self._runs, folder, *folder.parents) if not one.exists()]
        hold(self._runs)
        try:
            if not fresh and (self._runs / ZIP).is_file():
                self._open()
        except BaseException:
            self._leave()
            raise

    def _open(self) -> None:
        told = read_json(self._runs / ZIP)
        require_same(told["identity"], self._identity, str(self.folder), what="zip", remedy=_REMEDY)
        for text in changed_versions(told["identity"], self._identity):
            self._tell(text)
        self.notes += told["notes"]
        written = self._written()
        if written is None:
            return
        self.baselines = {one.name: one for one in written.baselines}
        for one in written.rounds:
            if one.file not in told["files"]:
                continue
            file = self.folder / one.file
            if file.is_file() and sha256_of(file) == told["files"].get(one.file):
                self.finished[one.merged_blocks] = one
                self._files[one.file] = told["files"][one.file]
            else:
                self._tell(f"{file} is not what was written: its round is made again.")

    def _written(self) -> Frontier | None:
        """The frontier that is there."""
        path = self.folder / FRONTIER
        if not path.is_file():
            return None
        try:
            return frontier_of(path.read_text("utf-8"))
        except (ValueError, TypeError, AttributeError) as error:
            raise DamagedFileError(
                "The file tells no frontier, and which rounds are finished is read from it.",
                file=path,
                found=f"{type(error).__name__}: {error}",
                remedy="Bring it back from a copy, or remove it: all rounds are then made again.",
            ) from error

    def begin(self) -> None:
        """Note what the zip is; from here on, the folder is of this one. All but the first call do nothing."""
        if self._begun:
            return
        self._begun = True
        if self._fresh:
            for entry in self._runs.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
            (self.folder / FRONTIER).unlink(missing_ok=True)
        self._note()

    def note(self, texts: Sequence[str]) -> None:
        """Keep what is to be told of a network's start: it has to be told after an interruption, too."""
        new = [text for text in texts if text not in self.notes]
        if new:
            self.notes += new
            self.begin()
            self._note()

    def _note(self) -> None:
        write_json(self._runs / ZIP, {"identity": self._identity, "files": self._files, "notes": self.notes})

    def start_of(self, blocks: int) -> str | None:
        """The starting values that a round was begun from; None if it has not been."""
        run = self._runs / _named(blocks)
        if (self._fresh and not self._begun) or not (run / RUN).is_file():
            return None
        found: str | None = read_run(run)["identity"].get(_FROM)
        return found

    def run(self, blocks: int, start: str, epochs: int, *, trial: bool = False) -> ExactFolder:
        """The folder of a round's calibration, or of the trial of a start for it.

        Args:
            blocks: how many blocks are merged.
            start: the starting values that it begins from.
            epochs: epochs that it is to have.
            trial: whether it is a trial.
        """
        self.begin()
        name = f"{_named(blocks)}-{start.replace(':', '-')}" if trial else _named(blocks)
        identity = {**self._identity, "merged_blocks": blocks, _FROM: start}
        return ExactFolder(self._runs / name, identity, self._tell, epochs=epochs)

    def branch(self, backbone: str, epochs: int) -> ExactFolder:
        """The folder of the training of a branched model, from the name of the task whose backbone it has."""
        self.begin()
        identity = {**self._identity, "branch": backbone}
        return ExactFolder(self._runs / f"{_BRANCH}{backbone}", identity, self._tell, epochs=epochs)

    def write(self, frontier: Frontier) -> None:
        """Write what the rounds have come to; what a finished one needed to go on is removed.

        Where nothing is new, nothing is written.
        """
        new = [one for one in frontier.rounds if one.merged_blocks not in self.finished]
        path = self.folder / FRONTIER
        if not new and path.is_file() and path.read_text("utf-8") == frontier.as_json():
            return
        self._choose(frontier)
        texts = {"frontier.csv": frontier.as_csv(), "report.html": report(frontier), FRONTIER: frontier.as_json()}
        for name, text in texts.items():
            with atomic_path(self.folder / name) as part:
                part.write_text(text, "utf-8")
        for one in new:
            self.finished[one.merged_blocks] = one
            self._files[one.file] = sha256_of(self.folder / one.file)
            self._note()
            self._clear(one.merged_blocks)
        self.baselines = {one.name: one for one in frontier.baselines}
        if any(one.steps for one in frontier.baselines):
            for run in self._runs.glob(f"{_BRANCH}*"):
                shutil.rmtree(run / CHECKPOINTS, ignore_errors=True)

    def _choose(self, frontier: Frontier) -> None:
        if frontier.chosen is None:
            (self.folder / CHOSEN).unlink(missing_ok=True)
            return
        file = next(one.file for one in frontier.rounds if one.merged_blocks == frontier.chosen)
        with atomic_path(self.folder / CHOSEN) as part:
            shutil.copyfile(self.folder / file, part)

    def _clear(self, blocks: int) -> None:
        shutil.rmtree(self._runs / _named(blocks) / CHECKPOINTS, ignore_errors=True)
        for trial in self._runs.glob(f"{_named(blocks)}-*"):
            shutil.rmtree(trial, ignore_errors=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        """Let others have the folder; one that was made for nothing is removed."""
        release(self._runs)
        if not (self._runs / ZIP).is_file():
            (self._runs / LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # something else is in it by now
                for one in self._made:
                    one.rmdir()


def _named(blocks: int) -> str:
    return f"{blocks:02d}"
