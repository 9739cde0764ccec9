"""`weld evaluate`: every model on the same data, and whether the one is the better."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.core.arguments import list_of_models
from keras_weld.data.batch import Array
from keras_weld.data.open import open_data
from keras_weld.data.prepare import Preparation
from keras_weld.data.split import Dataset, Split, never_ends
from keras_weld.errors import DataError, UsageError, add_context
from keras_weld.io.limits import Limits
from keras_weld.judging.bootstrap import RESAMPLES
from keras_weld.judging.metrics import metric_for
from keras_weld.judging.outcome import Outcome, outcome_of
from keras_weld.judging.run import Predicted, predict
from keras_weld.judging.verdict import MARGIN
from keras_weld.recipes.comparable import check_comparable, check_order
from keras_weld.recipes.judgement import Evaluation, Settings, conclude

if TYPE_CHECKING:
    from typing import TypeAlias

    import keras

    Model: TypeAlias = str | os.PathLike[str] | keras.Model

Progress = Callable[[int, int | None, str], None]
"""Called with examples done, examples in all (of all models; None if not known), and the model at work."""


def evaluate(
    model: Model,
    against: Sequence[Model] = (),
    *,
    data: Any,
    metric: str | None = None,
    output: int = 0,
    sample: int | None = None,
    pixels: str = "0..255",
    prepare: Preparation | None = None,
    batch_size: int = 256,
    margin: float = MARGIN,
    resamples: int = RESAMPLES,
    seed: int = 0,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge a model against the sources it was made from, on the same data.

    Validation and test examples are judged separately. The best single source is chosen on the validation
    examples where there are any: chosen on those it is judged on, it would have luck on its side.

    Args:
        model: the merged model, a path or live.
        against: the source models, paths or live.
        data: an `.npz` file, a folder of images, `module:function`, `tfds:NAME`, live arrays, or a live data set
            such as a `tf.data.Dataset`, a `PyDataset` or a `DataLoader`; see `open_data`.
        metric: name of the metric; the usual one for the outputs if left out.
        output: which output to judge, for models with several.
        sample: judge on at most this many examples of each split.
        pixels: for images, the range that the models were trained on.
        prepare: what to do to images before a model sees them, in the place of `pixels`.
        batch_size: examples at a time.
        margin: how much worse still counts as no worse: points for metrics in percent, else percent of the
            best source's figure.
        resamples: number of bootstrap resamplings.
        seed: what they, and a sample, are drawn by.
        custom_objects: as for `load`.
        unsafe: as for `load`.
        limits: as for `load`.
        progress: called after each batch.

    Returns:
        Figures, intervals, differences and the verdict.

    Raises:
        UsageError: if the sources are no list, or something is no model.
        WeldError: if a model cannot be loaded, or the data does not fit.

    Example:
        >>> evaluate("merged.keras", ["a.keras", "b.keras"], data="digits.npz")  # doctest: +SKIP
    """
    limits = limits or Limits()
    dataset = open_data(
        data,
        sample=sample,
        seed=seed,
        pixels=pixels,
        prepare=prepare,
        inflated_bytes=limits.inflated_bytes,
        ratio=limits.ratio,
    )
    splits = splits_to_judge(dataset)
    models = [model, *list_of_models(against)]
    for each in models:
        _require_model(each)
    names = _names(models)
    outcomes: dict[str, list[Outcome]] = {split.name: [] for split in splits}
    counts = [split.count for split in splits]
    meter = _Meter(None if None in counts else len(models) * sum(filter(None, counts)), progress)
    truths: dict[str, tuple[Array, ...]] = {}
    for name, each in zip(names, models, strict=True):
        live = _live(each, custom_objects, unsafe, limits)
        with add_context(file=each if isinstance(each, str | os.PathLike) else None):
            for split in splits:
                found = predict(live, split, batch_size=batch_size, tell=meter.of(name))
                check_order(truths.setdefault(split.name, found.targets), found.targets, split, name)
                outcomes[split.name].append(_outcome(found, split, output, name))
        del live  # one model at a time in memory
    chosen = metric_for(outcomes[splits[0].name][0], metric)
    for split in splits:
        check_comparable(outcomes[split.name], names, chosen)
    return conclude(dataset, splits, outcomes, names, Settings(chosen, margin, resamples, seed))


def splits_to_judge(dataset: Dataset) -> list[Split]:
    """Validation and test, or the only split there is; training data is judged only if there is no other.

    Raises:
        DataError: if the data has no targets.
    """
    names = [name for name in ("validation", "test", "all") if name in dataset.splits] or list(dataset.splits)
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


def _require_model(model: Any) -> None:
    if not isinstance(model, str | os.PathLike) and not hasattr(model, "predict_on_batch"):
        raise UsageError(
            "This is not a model.",
            expected="the path of a saved model, or a live Keras model",
            found=type(model).__name__,
        )


def _live(model: Any, custom_objects: Any, unsafe: bool, limits: Limits) -> Any:
    if not isinstance(model, str | os.PathLike):
        return model
    from keras_weld.models.load import load

    return load(model, custom_objects=custom_objects, compile=False, unsafe=unsafe, limits=limits)


def _outcome(found: Predicted, split: Split, output: int, name: str) -> Outcome:
    outputs, targets = found.outputs, found.targets
    if not 0 <= output < len(outputs):
        raise UsageError(
            f"The model {name} has no output number {output}.",
            expected=f"0 to {len(outputs) - 1}",
            found=output,
        )
    if len(targets) not in (1, len(outputs)):
        raise DataError(
            "The data has another number of targets than the model has outputs.",
            file=split.origin,
            expected=f"{len(outputs)} (y0, y1, …), or one for the output that is judged",
            found=len(targets),
        )
    chosen = targets[output] if len(targets) > 1 else targets[0]
    return outcome_of(outputs[output], chosen, file=split.origin, classes=split.classes)


def _names(models: Sequence[Any]) -> list[str]:
    """Short names: the file's own, its path where two are called the same."""
    short = [Path(each).name if isinstance(each, str | os.PathLike) else str(each.name) for each in models]
    counts = Counter(short)
    names = [
        name if counts[name] == 1 else os.fspath(each) if isinstance(each, str | os.PathLike) else name
        for name, each in zip(short, models, strict=True)
    ]
    return [name if names.count(name) == 1 else f"{name} (#{index + 1})" for index, name in enumerate(names)]
