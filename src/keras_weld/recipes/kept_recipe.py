"""The recipe that a run keeps: its text, the folder that its paths are of, and what was asked for since."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from keras_weld.errors import MissingFileError, TrainingError, UsageError, WeldError
from keras_weld.io.atomic import atomic_path
from keras_weld.recipes.train_recipe import RecipeFile, parse_recipe
from keras_weld.training.holding import LOCK
from keras_weld.training.run_folder import ASKED, RECIPE, RUN, read_json, read_run


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a recipe besides its text.

    Attributes:
        folder: the folder that its paths and modules are looked for in.
        epochs: the epochs asked for by a resume, instead of the recipe's.
        data: the data asked for by a resume, instead of the recipe's.
    """

    folder: str
    epochs: int | None = None
    data: str | None = None


@contextmanager
def keeping(run: Path, text: str, asked: Asked) -> Iterator[None]:
    """Keep a recipe in a run's folder; if the training does not come to begin with it, all is put back as it was.

    Args:
        run: the run's folder; it is made if it is missing.
        text: the recipe.
        asked: the rest.

    Raises:
        WriteError: if it cannot be written.
    """
    made = [folder for folder in (run, *run.parents) if not folder.exists()]
    run.mkdir(parents=True, exist_ok=True)
    there = {entry.name for entry in run.iterdir()}
    new = {RECIPE: text, ASKED: json.dumps(asdict(asked), indent=1)}
    old, known = {name: _text(run / name) for name in new}, _text(run / RUN)
    _write(run, new)
    try:
        yield
    except BaseException as error:
        begun = _text(run / RUN) != known
        # After Ctrl-C, a new run can be gone on with by what it keeps, if it had not come to its first step either.
        if not begun and (known is not None or isinstance(error, Exception)):
            _write(run, old)
            _remove(run, {LOCK} - there, made)
        raise


def kept_recipe(run: Path) -> tuple[RecipeFile, Asked]:
    """The recipe that a run was begun with, with what was asked for since.

    Raises:
        MissingFileError: if the folder is none of a run, or the recipe's own folder is gone.
        TrainingError: if the run was begun by a script; names it.
        DamagedFileError: if what is kept cannot be read.
    """
    if not (run / RECIPE).is_file() or not (run / ASKED).is_file():
        raise _begun_by_a_script(run)
    asked = Asked(**read_json(run / ASKED))
    if not Path(asked.folder).is_dir():
        raise MissingFileError(
            "The folder that the run was begun in is gone; its data and modules are looked for there.",
            file=asked.folder,
            remedy=f"Bring it back, or name its new place in {run / ASKED}.",
        )
    file = parse_recipe((run / RECIPE).read_text("utf-8"), os.fspath(run / RECIPE), Path(asked.folder))
    return with_asked(file, asked), asked


def with_asked(file: RecipeFile, asked: Asked) -> RecipeFile:
    """A recipe with what was asked for since in the place of its own."""
    given = {name: value for name, value in (("epochs", asked.epochs), ("data", asked.data)) if value is not None}
    return replace(file, recipe=file.recipe.model_copy(update=given))


def epochs_of(asked: int | str | None, before: int) -> int:
    """Epochs in all: `20`, or `+20` for so many more than before.

    Raises:
        UsageError: if it is neither, or fewer than one.
    """
    if asked is None:
        return before
    text = str(asked)
    number = text.removeprefix("+")
    if not number.isdecimal() or int(number) < 1:
        raise UsageError(
            "This is no number of epochs.", expected="20 for 20 in all, +20 for 20 more than before", found=text
        )
    return int(number) + (before if text.startswith("+") else 0)


def _begun_by_a_script(run: Path) -> WeldError:
    told = read_run(run)
    script = (told["starts"] or [told["identity"]])[-1].get("script")
    return TrainingError(
        "The run was begun by a script, and goes on when that is started again.",
        file=run,
        expected=f"a run begun by `weld train`, which keeps its recipe as {RECIPE}",
        found=f"the script {script or 'unknown'}, as {RUN} tells",
        remedy=f"Start it again: python {script}" if script else "Start it again.",
    )


def _text(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def _remove(run: Path, names: Collection[str], folders: Sequence[Path]) -> None:
    """Remove files of a run, and then folders that are empty, the inner before the outer."""
    for name in names:
        (run / name).unlink(missing_ok=True)
    with suppress(OSError):  # something else is in it by now
        for folder in folders:
            folder.rmdir()


def _write(run: Path, files: Mapping[str, str | None]) -> None:
    for name, text in files.items():
        if text == _text(run / name):
            continue
        if text is None:
            (run / name).unlink(missing_ok=True)
        else:
            with atomic_path(run / name) as temporary:
                temporary.write_text(text, "utf-8")
