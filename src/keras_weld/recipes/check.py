"""`weld check`: which of the four merges are possible for some models, and every reason why not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_weld.checks.candidate import Candidate, candidate_of
from keras_weld.checks.compat import PURPOSES, Merge, compare_models
from keras_weld.core.arguments import list_of_models, require_kind
from keras_weld.core.state import ModelState
from keras_weld.errors import MissingFileError, UsageError, add_context
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.recipes.inspect import scan
from keras_weld.recipes.intact import Intact

_DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found.

    Attributes:
        models: the models, as they were named.
        purpose: the merge that was asked for, or None.
        possible: whether that merge is possible; without one, whether any is.
        merges: the four merges with everything that was found.
    """

    models: tuple[str, ...]
    purpose: str | None
    possible: bool
    merges: tuple[Merge, ...]

    def merge(self, purpose: str) -> Merge:
        """What was found on one of the four merges.

        Raises:
            KeyError: if there is none of that name.
        """
        return {one.purpose: one for one in self.merges}[purpose]


def check(
    models: Sequence[Any],
    *,
    purpose: str | None = None,
    labels: Sequence[str | os.PathLike[str]] | None = None,
    limits: Limits | None = None,
) -> CheckReport:
    """Tell which of the four merges are possible for some models; no backend is imported.

    Every model is compared with the first. Whether models come from one start is seen in their kernels, which
    are read one pair at a time, while every `.keras` is held against its checksums.

    Args:
        models: paths of two or more saved models in any readable format, mixed, or live Keras models.
        purpose: `average`, `fuse`, `ensemble` or `zip`, if only that one is asked about.
        labels: for each model, a file with the names of its classes, one a line.
        limits: what the files may ask for.

    Returns:
        For each merge whether it is possible, and every finding with what was expected, found, and a remedy.

    Raises:
        UsageError: for a single model, fewer than two, another purpose, or not as many files of labels as models.
        WeldError: if a file cannot be read.

    Example:
        >>> import keras_weld as weld
        >>> report = weld.check(["a.keras", "b.keras"], purpose="average")  # doctest: +SKIP
        >>> report.possible  # doctest: +SKIP
        True
    """
    models = list_of_models(models)
    _validate(models, purpose, labels)
    named = [read_labels(Path(path)) for path in labels] if labels is not None else [None] * len(models)
    with ExitStack() as stack:
        candidates = [
            _candidate(model, names, _DEFAULT if limits is None else limits, stack)
            for model, names in zip(models, named, strict=True)
        ]
        intact = stack.enter_context(Intact([one.state for one in candidates]))
        merges = compare_models(candidates)
        intact.require()
    chosen = [one for one in merges if purpose in (None, one.purpose)]
    possible = any(one.possible for one in chosen)
    return CheckReport(tuple(one.name for one in candidates), purpose, possible, merges)


def read_labels(path: Path) -> list[str]:
    """The labels in a file, one a line; empty lines at the end do not count.

    Raises:
        MissingFileError: if the file is not there.
        UsageError: if it is not text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise MissingFileError(
            "There is no such file of labels.", file=path, remedy="Check the path after --labels."
        ) from None
    except UnicodeDecodeError:
        raise UsageError(
            "The file of labels is not text.",
            file=path,
            expected="UTF-8 text, one label a line",
            remedy="Write the names of the classes into a text file, in the order of the outputs.",
        ) from None
    return [line.strip() for line in text.rstrip().splitlines()]


def _validate(models: Sequence[Any], purpose: str | None, labels: Sequence[Any] | None) -> None:
    if len(models) < 2:
        raise UsageError(
            "There is nothing to compare.",
            expected="two models or more",
            found=str(len(models)),
            remedy="Name the models that you want to merge; weld inspect shows a single one.",
        )
    if purpose is not None and purpose not in PURPOSES:
        raise UsageError(
            "There is no such merge.",
            expected="one of " + ", ".join(PURPOSES),
            found=purpose,
            remedy="Choose one of these with --for, or leave it out to see all four.",
        )
    if labels is not None:
        require_kind("labels", labels, Sequence, "a file for each model, such as ['a.txt', 'b.txt']")
        for path in labels:
            require_kind("labels", path, (str, os.PathLike), "a file for each model, such as ['a.txt', 'b.txt']")
    if labels is not None and len(labels) != len(models):
        raise UsageError(
            "There are not as many files of labels as models.",
            expected=f"{len(models)}, one for each model in the same order",
            found=str(len(labels)),
            remedy="Give --labels once for each model.",
        )


def _candidate(model: Any, labels: list[str] | None, limits: Limits, stack: ExitStack) -> Candidate:
    state = stack.enter_context(_open(model, limits))
    with add_context(file=state.source):
        report = scan(state, limits)
        return candidate_of(
            state,
            labels,
            custom=[found.full_name for found in report.custom],
            executable=report.code,
            problems=report.problems,
        )


def _open(model: Any, limits: Limits) -> ModelState:
    if isinstance(model, str | os.PathLike):
        return open_model(model, limits)
    from keras_weld.models.state import state_of

    return state_of(model)
