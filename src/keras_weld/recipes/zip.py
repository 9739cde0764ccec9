"""`weld zip`: trained networks of one architecture into one multi-task network, deeper and deeper."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.core.arguments import require_whole_number
from keras_weld.errors import UsageError
from keras_weld.io.limits import Limits
from keras_weld.recipes.loading import Loading
from keras_weld.recipes.sources import load_sources
from keras_weld.recipes.zip_asked import BASELINES, MIXING, TRAINED, Asked, Progress
from keras_weld.recipes.zip_data import open_tasks
from keras_weld.recipes.zip_presets import DEFAULT, WEIGHTS, chosen

if TYPE_CHECKING:
    from keras_weld.zipping.frontier import Frontier
    from keras_weld.zipping.optimizing import Schedule
    from keras_weld.zipping.walk import Merge

MAX_DROP, START_EXAMPLES, EVERY = 1.0, 512, "5 minutes"


def zipper(
    models: Sequence[Any],
    *,
    out: str | os.PathLike[str],
    data: Mapping[str, Any] | None = None,
    preset: str = DEFAULT,
    share: Any = None,
    merge: Merge | None = None,
    start: str | None = None,
    start_examples: int = START_EXAMPLES,
    rounds: str | Sequence[int] | None = None,
    carry: bool | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    mixing: str | None = None,
    optimizer: Any = None,
    rate: float | None = None,
    schedule: Schedule | None = None,
    hard: float | None = None,
    soft: float | None = None,
    layers: float | None = None,
    layers_at: str | None = None,
    max_drop: float | None = MAX_DROP,
    min_speedup: float | None = None,
    inputs: str | None = None,
    blocks: str | None = None,
    names: Sequence[str] | None = None,
    pixels: str = "0..255",
    seed: int = 0,
    every: str = EVERY,
    deterministic: bool = True,
    fresh: bool = False,
    baselines: str = TRAINED,
    callbacks: Sequence[Any] = (),
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
) -> Frontier:
    """Zip trained networks of one architecture into one multi-task network, layer by layer from the input.

    After "On Merging MobileNets for Efficient Multitask Inference" (Wu, Chan, Chen; 2019), for any Keras graph: the
    networks are walked in lock-step, layers of the first blocks are shared by a rule, and what comes out is calibrated
    so that every task keeps its answers. Each depth gives one merged network; its costs, its speed and its accuracy
    are measured.

    Interrupted at any moment and called again in the same way, it goes on where it was, inside a round too, and ends
    with the same networks; a zip that was finished gives its frontier.

    Args:
        models: two saved models or more, or live ones, of one architecture up to their heads.
        out: a folder for `merged-NN.keras`, `chosen.keras`, `frontier.json` and `frontier.csv`.
        data: by task, what it learns from and is judged on, as `open_data` takes it. Without it nothing is
            calibrated, and everything but accuracy is measured.
        preset: what holds for the options up to `layers_at`, and for `inputs`, where they are None: "default", or
            "paper" for the choices of the paper and its released code.
        share: which layers of merged blocks are shared: "all" (the default), "kernels", "pointwise" (the paper's),
            "pointwise+norm" (its code's), a regular expression for names of layers, or a function of `LayerFacts`.
        merge: "features" (the default), one calculation for all tasks, or "weights", each task on its own activations.
        start: starting values of what is shared: "mean" (eq. 1 of the paper), "from:TASK", "random", "lsq" (least
            squares, layer by layer, on examples without labels), "align" (the mean of models whose channels were
            put into the order of the first one's); "auto" (the default) tries mean, lsq and each task for a
            twentieth of the steps, and takes the one with the lowest loss on held-out examples. With data and
            `steps=0` it is lsq.
        start_examples: how many examples of each task lsq and align look at; align can do without.
        rounds: which depths: "all", numbers of merged blocks, or "auto" (the default) for the deepest, and shallower
            ones only while a task drops more than `max_drop`.
        carry: whether a round begins from what the one before has learnt, as it does by default but with "auto"; or
            each from the source models.
        steps: steps of calibration in each round, by default 4,000.
        batch_size: examples of each task in a step, by default 32.
        mixing: "joint" (the default) if all tasks count in each step, or "turns" if one does, in turn.
        optimizer: its name in Keras, by default "adam"; or one of Keras, whose own learning rate then holds.
        rate: the learning rate at the start, by default 1e-3.
        schedule: how it falls: "cosine" (the default) to 0, "constant", "0.94@10" for times 0.94 after every ten
            epochs, or a function that makes a schedule of Keras from the rate and the steps.
        hard: how much the loss on labels counts, by default 0.3.
        soft: how much the distillation of the source models' answers counts, by default 0.7.
        layers: how much the L1 difference to their feature maps counts (eq. 2 of the paper); by default 1 by weights
            and 0 by features.
        layers_at: where these are compared: at the ends of "blocks" (the default), or after the layers that a sharing
            rule names ("pointwise") and the normalization and activation that follow them.
        max_drop: how much a task may lose in the chosen network, in points.
        min_speedup: how many times as fast as the separate models it has to be.
        inputs: "auto" for one input where the models take the same, "separate" for one for each task.
        blocks: a regular expression for names of layers that tells the blocks, in place of what the graph tells.
        names: of the tasks; by default after the files.
        pixels: for images as data, the range that the models take.
        seed: what everything random is drawn by.
        every: when to take a checkpoint inside a round, besides twenty of them: "500 steps", "10 minutes".
        deterministic: on TensorFlow, whether its operations are made to give the same bits each time, which some do
            more slowly.
        fresh: whether to begin anew in a folder that another zip, or this one, has begun in.
        baselines: what the merged networks are compared with: "trained" for the separate models and one backbone under
            every head (`branch`), as it is and trained as long as a round; "untrained" without that training; "none".
        callbacks: of Keras, told of every calibration as by `fit`, a twentieth of a round being an epoch.
        progress: called after each step with steps done, steps in all, and a few words.
        tell: called with what a person should know; by default it is written to the standard error.
        custom_objects: classes of your own that the models need.
        unsafe: also load models that carry Python code.
        limits: what the files may ask for.

    Returns:
        The merged networks with their costs, and which one was chosen.

    Raises:
        IncompatibleModelsError: if the models have nothing in common that can be shared.
        UsageError: for options that make no sense.
        DataError: if a task's data is missing or does not fit its model.
        TrainingError: if a calibration breaks down, or the folder is that of another zip; names old and new.

    Example:
        >>> import keras_weld as weld
        >>> found = weld.zipper(["a.keras", "b.keras"], data={"a": "a.npz", "b": "b.npz"}, out="out")  # doctest: +SKIP
        >>> found.chosen  # doctest: +SKIP
        13
    """
    options = chosen(
        preset,
        {
            "share": share,
            "merge": merge,
            "start": start,
            "rounds": rounds,
            "carry": carry,
            "steps": steps,
            "batch_size": batch_size,
            "mixing": mixing,
            "optimizer": optimizer,
            "rate": rate,
            "schedule": schedule,
            "hard": hard,
            "soft": soft,
            "layers": layers,
            "layers_at": layers_at,
            "inputs": inputs,
        },
    )
    for name, value, least in (
        ("steps", options["steps"], 0),
        ("batch_size", options["batch_size"], 1),
        ("start_examples", start_examples, 1),
        ("seed", seed, 0),
    ):
        require_whole_number(name, value, least)
    _require_choices(options, baselines)
    from keras_weld.training.every import parse_every
    from keras_weld.zipping.calibration import Shares

    shares = Shares(*(options.pop(name) for name in ("hard", "soft", "layers")))
    separate = options.pop("inputs") == "separate"
    if data is None:
        options["steps"] = 0
    asked = Asked(
        **options,
        shares=shares,
        separate=separate,
        max_drop=max_drop,
        min_speedup=min_speedup,
        blocks=blocks,
        seed=seed,
        start_examples=start_examples,
        every=parse_every(every),
        deterministic=deterministic,
        baselines=baselines,
        callbacks=tuple(callbacks),
    )
    loading = Loading(custom_objects, unsafe, limits)
    sources = load_sources(models, loading, names=names)
    tasks = [member.name for member in sources.members]
    opened = open_tasks(data, tasks, seed=seed, pixels=pixels, limits=limits)
    from keras_weld.recipes.zip_rounds import Zipping
    from keras_weld.training.kept_run import to_stderr

    return Zipping(sources, opened, asked, loading).run(Path(out), progress, tell or to_stderr, fresh=fresh)


def _require_choices(options: Mapping[str, Any], baselines: str) -> None:
    ways = {"merge": ("features", WEIGHTS), "inputs": ("auto", "separate"), "mixing": MIXING, "baselines": BASELINES}
    given = {**options, "baselines": baselines}
    for name, known in ways.items():
        if given[name] not in known:
            raise UsageError(f"There is no such choice of {name}.", expected=" or ".join(known), found=given[name])
    rounds = options["rounds"]
    if isinstance(rounds, str) and rounds not in ("all", "auto"):
        raise UsageError(
            "The rounds are not told.",
            expected="all, auto, or numbers of merged blocks such as 1,4,10 (rounds=[1, 4, 10])",
            found=rounds,
        )
