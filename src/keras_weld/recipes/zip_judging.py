"""How each task of a merged network does, beside its source model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import keras

from keras_weld.data.split import Dataset
from keras_weld.recipes.contest import Contestant, contest
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.zip_data import TaskData
from keras_weld.recipes.zip_plan import Plan
from keras_weld.zipping.walk import Zipped


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
