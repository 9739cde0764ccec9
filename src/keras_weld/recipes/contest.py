"""Several models on the same examples: outputs matched to targets, and the evaluation of the first model."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from keras_weld.data.batch import Array
from keras_weld.data.split import WHOLE, Dataset, Split, never_ends
from keras_weld.errors import DataError, UsageError, add_context
from keras_weld.judging.bootstrap import RESAMPLES
from keras_weld.judging.metrics import metric_for
from keras_weld.judging.outcome import Outcome, outcome_of
from keras_weld.judging.run import Predicted, predict
from keras_weld.judging.verdict import MARGIN
from keras_weld.recipes.comparable import check_comparable, check_order
from keras_weld.recipes.judgement import Evaluation, Settings, conclude

Output: TypeAlias = int | str
"""An output of a model: its number from 0, or its name."""

Progress = Callable[[int, int | None, str], None]
"""Called with examples done, examples in all (of all models; None if not known), and the model at work."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model that is judged.

    Attributes:
        name: what it is called.
        live: gives the live model; it is let go of before the next one is asked for.
        file: where it comes from, for messages.
        output: which of its outputs is judged. A model with a single output is judged by that.
        target: number of the target that belongs to it; by default it is found by name, else by order.
    """

    name: str
    live: Callable[[], Any]
    file: str | os.PathLike[str] | None = None
    output: Output = 0
    target: int | None = None


def contest(
    contestants: Sequence[Contestant],
    dataset: Dataset,
    *,
    metric: str | None = None,
    batch_size: int = 256,
    margin: float = MARGIN,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge the first model against the others on the same examples.

    Args:
        contestants: the model, then its sources.
        dataset: what to judge on.
        metric: name of the metric; the usual one for the outputs if left out.
        batch_size: examples at a time.
        margin: how much worse still counts as no worse, as `evaluate` takes it.
        resamples: number of bootstrap resamplings.
        seed: what they are drawn by.
        progress: called after each batch.

    Raises:
        WeldError: if a model cannot be loaded, has no such output, or the data does not fit.
    """
    splits = splits_to_judge(dataset)
    outcomes: dict[str, list[Outcome]] = {split.name: [] for split in splits}
    counts = [split.count for split in splits]
    meter = _Meter(None if None in counts else len(contestants) * sum(filter(None, counts)), progress)
    truths: dict[str, tuple[Array, ...]] = {}
    asked: dict[str, int] = {}
    for one in contestants:
        live = one.live()
        with add_context(file=one.file):
            for split in splits:
                found = predict(live, split, batch_size=batch_size, tell=meter.of(one.name))
                check_order(truths.setdefault(split.name, found.targets), found.targets, split, one.name)
                number = _number(found, one, rival=one is not contestants[0])
                if one is contestants[0]:
                    asked[split.name] = _target(found, split, number) if one.target is None else one.target
                outcomes[split.name].append(
                    outcome_of(
                        found.outputs[number],
                        found.targets[asked[split.name]],
                        file=split.origin,
                        classes=split.classes,
                    )
                )
        del live  # one model at a time in memory
    names = [one.name for one in contestants]
    chosen = metric_for(outcomes[splits[0].name][0], metric)
    for split in splits:
        check_comparable(outcomes[split.name], names, chosen)
    return conclude(dataset, splits, outcomes, names, Settings(chosen, margin, resamples, seed))


def splits_to_judge(dataset: Dataset) -> list[Split]:
    """Validation and test; where there is neither, what is not split, and training data only if there is no other.

    Raises:
        DataError: if the data has no targets.
    """
    held = [name for name in ("validation", "test") if name in dataset.splits]
    names = held or [name for name in (WHOLE,) if name in dataset.splits] or list(dataset.splits)
    splits = [dataset.splits[name] for name in names]
    for split in splits:
        if split.endless:
            raise never_ends(split)
        if not split.labelled:
            raise DataError(
                "The data has inputs and no targets, so nothing can be judged.",
                file=split.origin,
                expected="inputs and targets",
                remedy="Store the targets under y, or name them: FILE.npz:images,labels; a live data set gives (x, y).",
            )
    return splits


def names_of(models: Sequence[Any]) -> list[str]:
    """Short names: the file's own, its path where two are called the same."""
    short = [Path(each).name if isinstance(each, str | os.PathLike) else str(each.name) for each in models]
    counts = Counter(short)
    names = [
        name if counts[name] == 1 else os.fspath(each) if isinstance(each, str | os.PathLike) else name
        for name, each in zip(short, models, strict=True)
    ]
    return [name if names.count(name) == 1 else f"{name} (#{index + 1})" for index, name in enumerate(names)]


class _Meter:
    """Adds up the examples that were done, over all models and splits."""

    def __init__(self, total: int | None, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def of(self, name: str) -> Callable[[int], None]:
        """What to call with the examples that the model of this name has done."""

        def tell(count: int) -> None:
            self.done += count
            if self.progress is not None:
                self.progress(self.done, self.total, name)

        return tell


def _number(found: Predicted, one: Contestant, *, rival: bool) -> int:
    """The number of the output that is judged; a source with one output is judged by that, whatever it is called."""
    count, output = len(found.outputs), one.output
    if isinstance(output, str) and output in found.names:
        return found.names.index(output)
    if isinstance(output, int) and 0 <= output < count:
        return output
    if rival and count == 1:
        return 0
    named = ", ".join(found.names)
    raise UsageError(
        f"The model {one.name} has no output {'number ' if isinstance(output, int) else ''}{output}.",
        expected=named if isinstance(output, str) and named else f"0 to {count - 1}",
        found=output,
    )


def _target(found: Predicted, split: Split, number: int) -> int:
    """The number of the target that belongs to the judged model's output: by name if it has one of them."""
    count, named = len(found.targets), split.target_names
    if found.names and found.names[number] in named:
        return named.index(found.names[number])
    if named and set(named) <= set(found.names):
        raise DataError(
            f"The data has no targets for the output {found.names[number]}.",
            file=split.origin,
            expected=f"targets under the name {found.names[number]}",
            found=", ".join(named),
            remedy="Give targets for it too, or choose an output that has some: --output NAME (output='NAME').",
        )
    if count == 1:
        return 0
    if count != len(found.outputs):
        raise DataError(
            "The data has another number of targets than the model has outputs.",
            file=split.origin,
            expected=f"{len(found.outputs)} (y0, y1, …), or one for the output that is judged",
            found=count,
        )
    return number
