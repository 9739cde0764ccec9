"""`weld ensemble`: several models in one graph that gives one answer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keras_weld.core.arguments import require_size, require_whole_number
from keras_weld.core.pixel_ranges import common_range
from keras_weld.data.split import Dataset
from keras_weld.io.limits import Limits
from keras_weld.recipes.answered import targets_by_output
from keras_weld.recipes.answers import KIND_OF, all_told, contradictions, forms_of
from keras_weld.recipes.class_labels import Labels, alignment_of, labels_of
from keras_weld.recipes.contest import Progress, splits_to_judge
from keras_weld.recipes.ensemble_options import check_options, given_weights
from keras_weld.recipes.judged import judge_composed, rivals_of
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.learnt import learnt
from keras_weld.recipes.limited_data import open_within
from keras_weld.recipes.loading import Loading
from keras_weld.recipes.member_names import by_member
from keras_weld.recipes.named import require_named
from keras_weld.recipes.said import Outputs, said_of
from keras_weld.recipes.scaling import different_scaling
from keras_weld.recipes.sources import load_sources
from keras_weld.recipes.steps import begin, finish

if TYPE_CHECKING:
    import keras


def ensemble(
    models: Sequence[Any],
    *,
    reduce: str | None = None,
    weights: Sequence[float] | None = None,
    normalize: bool = False,
    fit_weights: Any = None,
    calibrate: Any = None,
    outputs: Outputs | None = None,
    output: str | None = None,
    labels: Labels | None = None,
    unknown: str = "refuse",
    inputs: str = "shared",
    size: tuple[int, int] | None = None,
    ranges: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    data: Any = None,
    seed: int = 0,
    progress: Progress | None = None,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
    out: str | os.PathLike[str] | None = None,
) -> keras.Model:
    """Put several models into one graph that gives one answer of theirs.

    The models may have any architecture; what must agree is what their outputs mean. Probabilities and logits of the
    same classes are brought to one meaning, which is told by the notes of `lineage(model)`. Where a file does not
    tell what its outputs are, it is refused, and `outputs` says it.

    Args:
        models: paths of saved models, or live Keras models, which are copied.
        reduce: "mean", "weighted", "geometric", "max", "vote", "logit-mean" or "stack"; by default "mean", or
            "weighted" if weights are given or found.
        weights: the share of each model; they sum to 1.
        normalize: whether to divide the weights by their sum.
        fit_weights: held-out data, as `open_data` takes it, to find the weights on; with "stack", to train its small
            combiner on.
        calibrate: held-out data to find a temperature for each model on, before anything else.
        outputs: what the outputs are, by model or for all: "probabilities", "logits", "independent-probabilities",
            "independent-logits" or "values". Of a model with several outputs, a dict by their names: {"a": {"size":
            "values"}}; a word for the whole model holds for those that its file does not tell.
        output: the only output to take, by name, for models with several.
        labels: for each model, a file with the names of its classes, one a line, or the names; None, and
            by default all, for those in the models' lineages.
        unknown: what is done with classes that only some models know: "refuse"; "zero", a model gives 0 to a class
            that it does not know; "known", a class is left to the models that know it.
        inputs: "shared" for one input for all, "separate" for one for each.
        size: height and width of shared images, instead of the largest that a model takes.
        ranges: by model, the range of pixels that it was trained on: "0..255", "0..1" or "-1..1".
        names: what the models are called in the result; by default after their files.
        data: examples to judge the ensemble on, against the best of its members; what came of it is in
            `lineage(model)["evaluations"]`.
        seed: what examples that stop the training of a combiner are drawn by, and resamplings.
        progress: called as it goes on, with what is done, how much there is in all, and what is being done.
        custom_objects: classes of your own that the models need, as `load` takes them.
        unsafe: also load models that carry Python code.
        limits: what the files may ask for.
        out: a `.keras` file to write; it is loaded in a fresh process with plain Keras before it gets its name.

    Returns:
        The model, with float32 outputs of the first model's names. The sources are layers of it.

    Raises:
        IncompatibleModelsError: if the outputs mean different things, or what they mean cannot be known.
        UsageError: for options that make no sense.
        DataError: if the held-out data does not fit.
        WeldError: if a model cannot be loaded, or the result cannot be written.

    Example:
        >>> import keras_weld as weld
        >>> model = weld.ensemble(["a.keras", "b.keras"], outputs={"b": "logits"})  # doctest: +SKIP
        >>> weld.lineage(model)["notes"]  # doctest: +SKIP
        ['b gives logits: they go through a softmax first.']
    """
    loading = Loading(custom_objects, unsafe, limits)
    models = begin(models, out)
    require_whole_number("seed", seed, 0)
    require_size(size)
    called = require_named(
        models, names, output=output, ranges=ranges, inputs=inputs, size=size, outputs=outputs, limits=limits
    )
    lists = labels_of(labels, models, called, unknown, limits)
    dataset = None if data is None else _opened(data, seed, limits, common_range(ranges))
    sources = load_sources(models, loading, names=names, progress=progress)
    from keras_weld.compose import ensemble as composing
    from keras_weld.compose.parts import columns_of, part_of
    from keras_weld.compose.plan import Plan, given_form

    parts = [part_of(member) for member in sources.members]
    columns, notes = columns_of(parts, output)
    told_models = all_told(parts, sources.candidates, said_of(outputs, models, called), output)
    forms = forms_of(told_models, columns)
    taken = [[column.numbers[place] for column in columns] for place in range(len(parts))]
    notes += contradictions(told_models, taken)
    pixels = by_member(ranges, models, called)
    notes += different_scaling(sources, inputs, pixels)
    beside = composing.side_by_side(parts, columns, forms, inputs=inputs, size=size, ranges=pixels)
    alignment, told = alignment_of(sources, lists, unknown, parts, columns)
    notes += told
    plan = Plan(
        reduce=reduce or ("mean" if weights is None and fit_weights is None else "weighted"),
        weights=None if weights is None else given_weights(len(called), weights, normalize),
        labels=alignment,
        unknown=unknown,
    )
    check_options(plan, fit_weights)
    if progress is not None and not (fit_weights is None and calibrate is None):
        progress(0, 1, "Asking the models on held-out data")
    plans, found = learnt(beside, plan, fit_weights, calibrate, seed=seed, limits=limits, pixels=common_range(ranges))
    composed = composing.ensemble(beside, plans)
    composed.notes[:0] = notes
    composed.notes.extend(found)
    known = sources.lineage
    weighted = plans[0].weights
    if weighted is not None and all(one.weights == weighted for one in plans):
        known = [replace(one, weight=weight) for one, weight in zip(known, weighted, strict=True)]
    gives = {
        name: str(KIND_OF[given_form(answer, plan)])
        for name, answer in zip(composed.model.output_names, beside.answers, strict=True)
    }
    evaluations: list[Evaluation] = []
    if dataset is not None:
        targets, left = _targets(dataset, [answer.name for answer in beside.answers])
        composed.notes.extend(left)
        rivals = rivals_of(composing.views(beside, alignment), models)
        called_now = list(gives)
        evaluations = judge_composed(
            composed.model,
            {called_now[number]: [replace(one, output=number) for one in rivals] for number in targets},
            dataset,
            out=out,
            targets={called_now[number]: target for number, target in targets.items()},
            seed=seed,
            progress=progress,
        )
    named = None if plan.labels is None else list(plan.labels.labels)
    return finish(composed, "ensemble", known, evaluations, out, loading, progress, labels=named, gives=gives)


def _opened(data: Any, seed: int, limits: Limits | None, pixels: str) -> Dataset:
    """What to judge on; what cannot be judged on is refused before a model is looked at."""
    dataset = open_within(limits, data, seed=seed, pixels=pixels)
    splits_to_judge(dataset)
    return dataset


def _targets(dataset: Dataset, names: Sequence[str]) -> tuple[Mapping[int, int], list[str]]:
    """By number of an output that can be judged, the number of its target, and what to know about the others."""
    known = [targets_by_output(names, split) for split in splits_to_judge(dataset)]
    judged = {number: target for number, target in known[0].items() if all(number in one for one in known)}
    left = [name for number, name in enumerate(names) if number not in judged]
    return judged, [f"There are no targets for {', '.join(left)}: not judged."] if left else []
