"""How the merged networks of a zip are measured: what they cost, how fast they are, and how each task does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import keras

from keras_weld.data.split import Dataset
from keras_weld.judging.latency import as_given, compiled, speedup
from keras_weld.recipes.contest import Contestant, contest
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.zip_data import TaskData
from keras_weld.recipes.zip_plan import Plan
from keras_weld.zipping.frontier import Speedup
from keras_weld.zipping.walk import Zipped

BATCHES = (1, 8)


def judged(network: Zipped, plan: Plan, data: Mapping[str, TaskData]) -> dict[str, Evaluation]:
    """How each output with targets does, beside its source model's."""
    return {
        output: _judged(network.for_task(task), source, task, number, data[task].targets[output], data[task].dataset)
        for task, source in zip(plan.tasks, plan.models, strict=True)
        for number, output in enumerate(plan.outputs[task])
        if task in data and output in data[task].targets
    }


def _judged(
    merged: keras.Model, source: keras.Model, task: str, output: int, target: int, dataset: Dataset
) -> Evaluation:
    asked = partial(Contestant, output=output, target=target)
    return contest([asked("merged", lambda: merged), asked(task, lambda: source)], dataset)


def speedups(network: Zipped, plan: Plan) -> tuple[Speedup, ...]:
    """How many times as fast the network is as the source models one after the other."""
    merged, separate = compiled(network.model), [compiled(model) for model in plan.models]
    found = []
    for batch in BATCHES:
        own = [partial(one, as_given(model, batch)) for one, model in zip(separate, plan.models, strict=True)]
        ratio = speedup(own, partial(merged, as_given(network.model, batch)))
        found.append(Speedup(batch, ratio.value, ratio.low, ratio.high))
    return tuple(found)
