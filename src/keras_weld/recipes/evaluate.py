"""`weld evaluate`: every model on the same data, and whether the one is the better."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

from keras_weld.core.arguments import (
    list_of_models,
    require_flag,
    require_function,
    require_kind,
    require_model,
    require_whole_number,
)
from keras_weld.data.prepare import Preparation
from keras_weld.io.limits import Limits
from keras_weld.judging.bootstrap import RESAMPLES
from keras_weld.judging.metrics import require_metric
from keras_weld.judging.verdict import MARGIN
from keras_weld.recipes.contest import Contestant, Output, Progress, contest, names_of, splits_to_judge
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.limited_data import open_within

if TYPE_CHECKING:
    from typing import TypeAlias

    import keras

    Model: TypeAlias = str | os.PathLike[str] | keras.Model


def evaluate(
    model: Model,
    against: Sequence[Model] = (),
    *,
    data: Any,
    metric: str | None = None,
    output: Output = 0,
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
        output: which output to judge, by number or name, for models with several. A source with a single output
            is judged by that.
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
    limits = Limits() if limits is None else limits
    require_kind("limits", limits, Limits, "limits by name, such as Limits()")
    require_whole_number("batch_size", batch_size, 1)
    require_whole_number("resamples", resamples, 1)
    require_whole_number("seed", seed, 0)
    require_kind("margin", margin, Real, "points or percent, such as 1.0")
    require_flag("unsafe", unsafe)
    require_function("progress", progress)
    require_metric(metric)
    dataset = open_within(limits, data, sample=sample, seed=seed, pixels=pixels, prepare=prepare)
    splits_to_judge(dataset)  # what cannot be judged is refused before a model is looked at
    models = [model, *list_of_models(against)]
    for each in models:
        require_model(each)
    contestants = [
        Contestant(
            name,
            partial(_live, each, custom_objects, unsafe, limits),
            file=each if isinstance(each, str | os.PathLike) else None,
            output=output,
        )
        for name, each in zip(names_of(models), models, strict=True)
    ]
    return contest(
        contestants,
        dataset,
        metric=metric,
        batch_size=batch_size,
        margin=margin,
        resamples=resamples,
        seed=seed,
        progress=progress,
    )


def _live(model: Any, custom_objects: Any, unsafe: bool, limits: Limits) -> Any:
    if not isinstance(model, str | os.PathLike):
        return model
    from keras_weld.models.load import load

    return load(model, custom_objects=custom_objects, compile=False, unsafe=unsafe, limits=limits)
