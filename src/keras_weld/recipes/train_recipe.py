"""The recipe of a training: what stands in the file, checked field by field before anything is done."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, ValidationError

from keras_weld.core.pixel_ranges import require_range
from keras_weld.errors import MissingFileError, UsageError, WeldError
from keras_weld.recipes.yaml_lines import Place, read_yaml, where
from keras_weld.training.best import parse_best
from keras_weld.training.changes import require_change
from keras_weld.training.every import parse_every

_NAMED = "a name, or a name with settings: {name: adam, learning_rate: 1e-3}"


class Named(BaseModel):
    """Something called by its name, with settings."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    settings: dict[str, Any] = {}


def _named(value: Any) -> Any:
    """A name alone, or a mapping of a name and settings, as the fields of `Named`."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        return {"name": value["name"], "settings": {key: one for key, one in value.items() if key != "name"}}
    raise ValueError(_NAMED)


def _by_output(value: Any) -> Any:
    """What is for all outputs, under the empty name; or a mapping from outputs as it is."""
    return value if isinstance(value, Mapping) and "name" not in value else {"": value}


def _read_by(parse: Callable[[str], object]) -> AfterValidator:
    """The check that a text can be read by a function which refuses others."""

    def check(text: str) -> str:
        try:
            parse(text)
        except WeldError as error:
            raise ValueError(error.expected) from error
        return text

    return AfterValidator(check)


OneNamed = Annotated[Named, BeforeValidator(_named)]


class TrainRecipe(BaseModel):
    """What to train on what, and how; the names are those of `weld.fit`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: OneNamed
    data: str
    validation_data: str | None = None
    epochs: PositiveInt
    batch_size: PositiveInt = 32
    optimizer: OneNamed | None = None
    loss: Annotated[dict[str, OneNamed], BeforeValidator(_by_output)] = {}
    metrics: Annotated[dict[str, list[OneNamed]], BeforeValidator(_by_output)] = {}
    callbacks: list[OneNamed] = []
    every: Annotated[str, _read_by(parse_every)] = "epoch"
    seed: Annotated[int, Field(ge=0)] = 0
    steps: PositiveInt | None = None
    deterministic: bool = True
    changes: list[Annotated[str, _read_by(require_change)]] = []
    keep: PositiveInt = 2
    best: Annotated[str, _read_by(parse_best)] = "loss"
    pixels: Annotated[str, _read_by(require_range)] = "0..255"
    custom: list[str] = []


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A recipe, and where it is from.

    Attributes:
        recipe: what it asks for.
        text: what stands in the file.
        file: the file, for messages.
        folder: the folder that its paths and modules are looked for in.
        lines: the line of each field.
    """

    recipe: TrainRecipe
    text: str
    file: str
    folder: Path
    lines: Mapping[Place, int]

    @contextmanager
    def field(self, *place: str | int) -> Iterator[None]:
        """Inside the block, errors that name no file are about this field."""
        try:
            yield
        except WeldError as error:
            error.file = where(self.file, self.lines, place) + (f": {error.file}" if error.file else "")
            raise


def read_recipe(recipe: str | os.PathLike[str] | Mapping[str, Any]) -> RecipeFile:
    """A recipe out of a file, or out of a dict of the same form.

    Args:
        recipe: the path of a YAML or JSON file, whose folder is where its paths and modules are looked for; or
            a dict, for which that is the current folder.

    Raises:
        MissingFileError: if there is no such file.
        UsageError: naming the file, line and field of what is wrong.
    """
    if isinstance(recipe, Mapping):
        try:
            text = json.dumps(recipe, indent=1)
        except TypeError as error:
            raise UsageError(
                "A recipe holds numbers, texts, lists and dicts alone.",
                found=str(error),
                remedy="For live models and data: weld.fit.",
            ) from error
        return parse_recipe(text, "the recipe", Path.cwd())
    path = Path(recipe)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise MissingFileError("There is no such recipe.", file=path, expected="a YAML or JSON file") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise UsageError(
            "This is not a recipe.", file=path, expected="a YAML or JSON file in UTF-8", found=str(error)
        ) from error
    return parse_recipe(text, os.fspath(path), path.resolve().parent)


def parse_recipe(text: str, file: str, folder: Path) -> RecipeFile:
    """A recipe out of its text.

    Args:
        text: YAML or JSON.
        file: what it is called, for messages.
        folder: where its paths and modules are looked for.

    Raises:
        UsageError: naming the line and field of what is wrong.
    """
    values, lines = read_yaml(text, file)
    if not isinstance(values, Mapping):
        raise UsageError(
            "The recipe has no fields.",
            file=file,
            expected="fields such as model, data and epochs",
            found="nothing" if values is None else type(values).__name__,
            remedy="weld train --help shows a recipe.",
        )
    try:
        recipe = TrainRecipe.model_validate(dict(values))
    except ValidationError as error:
        raise _refusal(error, file, lines) from None
    return RecipeFile(recipe, text, file, folder, lines)


def _refusal(error: ValidationError, file: str, lines: Mapping[Place, int]) -> UsageError:
    faults = error.errors(include_url=False)
    first = min(faults, key=lambda one: one["type"] == "missing")  # a field that is misspelt is missing, too
    place = _place(first["loc"])
    also = dict.fromkeys(str(_place(one["loc"])[0]) for one in faults if one is not first)
    more = f" Then see to {', '.join(also)}." if also else ""
    at = where(file, lines, place)
    if first["type"] == "missing":
        return UsageError(
            "The recipe lacks a field.",
            file=at,
            expected=f"the field {place[-1]}",
            found="none",
            remedy=f"Write it: `{place[-1]}: …`.{more}",
        )
    if first["type"] == "extra_forbidden":
        known = list(TrainRecipe.model_fields)
        return UsageError(
            "The recipe has a field that there is not.",
            file=at,
            expected=", ".join(known),
            found=str(place[-1]),
            remedy=nearest(str(place[-1]), known) + more,
        )
    wanted = str(first["ctx"]["error"]) if first["type"] == "value_error" else first["msg"]
    return UsageError(
        "A field of the recipe has a value that it cannot have.",
        file=at,
        expected=wanted.removeprefix("Input should be ").removeprefix("a valid ").replace("dictionary", "mapping"),
        found=f"{first['input']!r} ({type(first['input']).__name__})",
        remedy=f"Write another value.{more}",
    )


def _place(loc: tuple[str | int, ...]) -> Place:
    """A place without the empty output and the names of our own forms."""
    return cast(Place, tuple(part for part in loc if part not in ("", "settings")))


def nearest(name: str, known: list[str]) -> str:
    """What to do about a name that there is not."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Write {close[0]}, if that is meant." if close else "Take it out, or choose one of these."
