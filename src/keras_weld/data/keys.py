"""Which of several named arrays are inputs, which are targets, and of which split."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from keras_weld.data.arrays import array_split
from keras_weld.data.elements import side_of
from keras_weld.data.split import SPLITS, WHOLE, Split
from keras_weld.errors import DataError

DEFAULT = ("x", "y")
Keys = dict[str, str]
"""The names of inputs or targets, which all splits share, each with the key of its array in one split."""

CLASSES = ("classes", "class_names", "labels_names")


def parse_keys(text: str) -> tuple[list[str], list[str]]:
    """The names of inputs and targets out of `images,labels` or `image+age,label`.

    Raises:
        DataError: if it is not of that form.
    """
    inputs, comma, outputs = text.partition(",")
    names = [[name.strip() for name in part.split("+")] for part in (inputs, outputs)]
    if not all(names[0]) or "," in outputs or (comma and not all(names[1])):
        raise DataError(
            "The keys of the data are given as X,Y.",
            expected="such as images,labels; several inputs are joined by +: image+age,label",
            found=text,
        )
    return names[0], names[1] if comma else []


def splits_of(
    arrays: Mapping[str, Any], origin: str, keys: tuple[list[str], list[str]] | None = None
) -> dict[str, Split]:
    """Splits out of named arrays.

    Without `keys`, inputs are called `x` (several: `x0`, `x1`, …) and targets `y` (`y0`, `y1`, …). A split's
    name goes before or after the key: `x_train`, `train_images`.

    Args:
        arrays: arrays by key; read when asked for.
        origin: where they come from, for messages.
        keys: the names of inputs and of targets, if they are others.

    Raises:
        DataError: if the keys do not say what is what.
    """
    names = list(arrays)
    splits: dict[str, Split] = {}
    classes = next((arrays[key] for key in CLASSES if key in arrays), None)
    if classes is not None:
        classes = [str(name) for name in classes]
    for split, spellings in {WHOLE: ("",), **SPLITS}.items():
        for spelling in spellings:
            inputs, outputs = _find(names, spelling, keys)
            if inputs:
                splits[split] = array_split(
                    split,
                    origin,
                    _spread(inputs, arrays),
                    _spread(outputs, arrays),
                    classes,
                    called=inputs | outputs,
                )
                break
    if not splits:
        wanted = " and ".join(DEFAULT) if keys is None else ", ".join(keys[0] + keys[1])
        raise DataError(
            "The data has no arrays of the names that are looked for.",
            file=origin,
            expected=f"{wanted}, or these with a split's name, such as {(keys or (['x'], []))[0][0]}_test",
            found="the keys " + (", ".join(names) or "(none)"),
            remedy="Say which arrays are inputs and targets: FILE.npz:images,labels",
        )
    return splits


def _spread(keys: Keys, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays by name; where one key holds several, in a list or a dict, each has a name of its own."""
    spread: dict[str, Any] = {}
    for name, key in keys.items():
        spread |= side_of(arrays[key], name)
    return spread


def _find(names: list[str], split: str, keys: tuple[list[str], list[str]] | None) -> tuple[Keys, Keys]:
    """The inputs and targets of one split, each name with its key; both empty if the split is not there."""
    forms: list[Callable[[str], str]] = [lambda key: key]
    if split:
        forms = [lambda key: f"{key}_{split}", lambda key: f"{split}_{key}"]
    for form in forms:
        if keys is None:
            inputs, outputs = _numbered(names, "x", form), _numbered(names, "y", form)
        else:
            inputs = {key: form(key) for key in keys[0] if form(key) in names}
            outputs = {key: form(key) for key in keys[1] if form(key) in names}
            if inputs and (len(inputs), len(outputs)) != (len(keys[0]), len(keys[1])):
                inputs, outputs = {}, {}
        if inputs:
            return inputs, outputs
    return {}, {}


def _numbered(names: list[str], letter: str, form: Callable[[str], str]) -> Keys:
    """`x` alone, or `x0`, `x1`, … in the order of their numbers."""
    if form(letter) in names:
        return {letter: form(letter)}
    pattern = re.compile(re.escape(form("\0")).replace(re.escape("\0"), letter + r"(\d+)"))
    found = [(int(match[1]), f"{letter}{match[1]}", name) for name in names if (match := pattern.fullmatch(name))]
    return {plain: name for _, plain, name in sorted(found)}
