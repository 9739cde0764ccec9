"""`weld train` and `weld resume`: a training that stands in a file, and goes on exactly after any interruption."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.data.open import open_data
from keras_weld.data.split import Dataset
from keras_weld.errors import TrainingError
from keras_weld.recipes.kept_recipe import Asked, epochs_of, keeping, kept_recipe, with_asked
from keras_weld.recipes.train_parts import build, callbacks_of
from keras_weld.recipes.train_recipe import RecipeFile, read_recipe
from keras_weld.training.fit import fit
from keras_weld.training.rehearsal import placed
from keras_weld.training.telling import TellSteps

if TYPE_CHECKING:
    import keras

Tell = Callable[[str], None]

_OPTION = re.compile(r"changes=\[([^\]]*)\]")


def train(
    recipe: str | os.PathLike[str] | Mapping[str, Any],
    *,
    run: str | os.PathLike[str],
    verbose: Any = "auto",
    tell: Tell | None = None,
    progress: TellSteps | None = None,
) -> keras.Model:
    """Train what a recipe says, or go on with it where it was interrupted, with the same bits.

    The recipe has the names of `fit`: `model` (a `.keras` file, or `module:function` that builds one), `data`,
    `epochs`; and, where they are wanted, `validation_data`, `batch_size`, `optimizer`, `loss`, `metrics`,
    `callbacks`, `every`, `seed`, `steps`, `deterministic`, `changes`, `keep`, `best`, `pixels` and `custom`. Without
    `optimizer`, `loss` and `metrics`, the model is trained as it was compiled.

    Args:
        recipe: a YAML or JSON file, or a dict of the same form. Paths and modules in it are looked for in the
            file's folder, which is the current folder while it trains.
        run: the folder of the run; it keeps the recipe, for `resume`.
        verbose: as in `model.fit`.
        tell: called with what a person should know; by default it is written to the standard error.
        progress: called after each step with steps done, steps in all, and a few words.

    Returns:
        The trained model.

    Raises:
        UsageError: naming the recipe's line and field that makes no sense.
        TrainingError: if the run cannot be gone on with.
        WeldError: if model or data cannot be loaded, or do not fit each other.

    Example:
        >>> import keras_weld as weld
        >>> model = weld.train("recipe.yaml", run="run")  # doctest: +SKIP
    """
    file = read_recipe(recipe)
    asked = Asked(os.fspath(file.folder))
    return _train(file, asked, Path(run), file.recipe.changes, verbose=verbose, tell=tell, progress=progress)


def resume(
    run: str | os.PathLike[str],
    *,
    epochs: int | str | None = None,
    data: str | os.PathLike[str] | None = None,
    verbose: Any = "auto",
    tell: Tell | None = None,
    progress: TellSteps | None = None,
) -> keras.Model:
    """Go on with a run that `train` began, by the recipe that it keeps.

    Args:
        run: the folder of the run.
        epochs: epochs in all; `"+20"` for 20 more than it was to have. By default as before.
        data: other data to go on with, which the run notes; by default the same.
        verbose: as in `model.fit`.
        tell: called with what a person should know; by default it is written to the standard error.
        progress: called after each step with steps done, steps in all, and a few words.

    Returns:
        The trained model.

    Raises:
        TrainingError: if the run was begun by a script, which is named, or cannot be gone on with.
        WeldError: if the folder is none of a run, or model or data cannot be loaded.

    Example:
        >>> import keras_weld as weld
        >>> model = weld.resume("run", epochs="+20")  # doctest: +SKIP
    """
    file, asked = kept_recipe(Path(run))
    changes: set[str] = set(file.recipe.changes)
    if epochs is not None:
        asked = replace(asked, epochs=epochs_of(epochs, file.recipe.epochs))
    if data is not None:
        asked = replace(asked, data=_from_anywhere(os.fspath(data)))
        changes |= {"data", "validation_data"}  # which may be a part of it
    return _train(with_asked(file, asked), asked, Path(run), changes, verbose=verbose, tell=tell, progress=progress)


def _train(
    file: RecipeFile, asked: Asked, run: Path, changes: Collection[str], *, tell: Tell | None, **shown: Any
) -> keras.Model:
    recipe = file.recipe
    folder = placed(run)[0].absolute()
    with keeping(folder, file.text, asked), chdir(file.folder), _changes_as_a_field():
        data = _opened(file, "data")
        held = None if recipe.validation_data is None else _opened(file, "validation_data")
        return fit(
            lambda: build(file),
            data,
            run=folder,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            validation_data=held,
            callbacks=callbacks_of(file),
            every=recipe.every,
            seed=recipe.seed,
            steps=recipe.steps,
            deterministic=recipe.deterministic,
            changes=changes,
            keep=recipe.keep,
            best=recipe.best,
            tell=tell,
            **shown,
        )


@contextmanager
def _changes_as_a_field() -> Iterator[None]:
    """Inside the block, what a refusal says of the option `changes` is said of the recipe's field."""
    try:
        yield
    except TrainingError as error:
        if error.remedy is not None:
            error.remedy = _OPTION.sub(_as_field, error.remedy)
        raise


def _as_field(option: re.Match[str]) -> str:
    return f"`changes: [{option[1].replace(chr(39), '')}]` in the recipe"


def _opened(file: RecipeFile, field: str) -> Dataset:
    """The data that a field of the recipe names."""
    recipe = file.recipe
    with file.field(field):
        return open_data(getattr(recipe, field), seed=recipe.seed, pixels=recipe.pixels)


def _from_anywhere(data: str) -> str:
    """Data as it is named from any folder: files by their whole paths."""
    return os.path.abspath(data) if os.path.exists(data) or ".npz" in data.lower() else data
