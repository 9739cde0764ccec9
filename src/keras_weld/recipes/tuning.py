"""Training as a step of a recipe: what was asked for, and what goes into the lineage."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.core.arguments import require_whole_number
from keras_weld.core.pixel_ranges import USUAL, common_range
from keras_weld.data.prepare import Preparation
from keras_weld.io.limits import Limits
from keras_weld.recipes.composing import plain
from keras_weld.recipes.examples import Examples, examples_for
from keras_weld.training.plan import DEFAULT_STAGES, Stage, format_stages, parse_stages

if TYPE_CHECKING:
    import keras

    from keras_weld.checks.meaning import Meaning
    from keras_weld.compose.member import Composed
    from keras_weld.training.result import StagesRun

Progress = Callable[[int, int | None, str], None]
"""Called with steps done, steps in all (of all stages, if none ends early), and what is being trained."""

_LEAST = {"batch_size": 1, "patience": 1, "seed": 0, "steps": 1, "sample": 1}
BATCH_SIZE, OPTIMIZER, PATIENCE = 32, "adam", 3


@dataclass(frozen=True, slots=True)
class Training:
    """What to train on and how, as `tune` and its kin take it; nothing of it is open yet. What is None has its default.

    Attributes:
        data: what `open_data` takes.
        validation: the same, for the examples that decide; by default the data's own, else a tenth set aside.
        stages: `PART:EPOCHS@RATE` with commas between them, or a list of `Stage`. PART is `head`, `last-20` (the
            last 20 layers with weights), `all`, or the name, path or glob of layers (`backbone/block_1*`). By
            default the head first, then the last layers at a tenth of the rate: "head:30@1e-3,last-20:15@1e-4".
        loss: a Keras loss or its name (`:logits` behind it for outputs that are logits), or a dict of such by
            output. By default it follows from what the outputs mean and what the targets are.
        optimizer: name of a Keras optimizer. Each stage has a fresh one.
        batch_size: examples at a time.
        patience: a stage ends after so many epochs in which neither accuracy nor loss got better.
        seed: what everything random is drawn by, new layers too; where there is data, the random state of Python,
            NumPy and Keras is set by it.
        steps: batches of an epoch, for examples that never end.
        sample: take at most this many examples of each split.
        pixels: for images, the range that the model was trained on: `0..255`, `0..1` or `-1..1`.
        prepare: what to do to images before the model sees them, in the place of `pixels`.
        run: a folder that keeps the training: interrupted at any moment and started again, it ends with the same bits.
        every: when to take a checkpoint in it besides every epoch's end: "500 steps", "10 minutes".
    """

    data: Any
    validation: Any = None
    stages: str | Sequence[Stage] | None = None
    loss: Any = None
    optimizer: str = OPTIMIZER
    batch_size: int = BATCH_SIZE
    patience: int = PATIENCE
    seed: int = 0
    steps: int | None = None
    sample: int | None = None
    pixels: str = USUAL
    prepare: Preparation | None = None
    run: str | os.PathLike[str] | None = None
    every: str = "epoch"

    def __post_init__(self) -> None:
        for field in fields(self)[1:]:
            if getattr(self, field.name) is None:
                object.__setattr__(self, field.name, field.default)
        for name, least in _LEAST.items():
            if getattr(self, name) is not None:
                require_whole_number(name, getattr(self, name), least)

    def taking(self, ranges: Mapping[str, str] | None) -> Training:
        """The same for a model of these ranges of pixels: images come in the one that it takes, unless prepared.

        Args:
            ranges: by source, the range that it was trained on; what they are merged to takes the first.
        """
        if not ranges or self.prepare is not None or self.pixels != USUAL:
            return self
        return replace(self, pixels=common_range(ranges))

    def opened(self, limits: Limits | None = None, progress: Progress | None = None) -> Tuning:
        """The training with its data open; wrong stages and missing data are refused here, before a model is read.

        The random state of Python, NumPy and Keras is set by its seed, so that layers made from here on can be
        repeated.

        Args:
            limits: what packed files may unpack to.
            progress: called after each step.

        Raises:
            UsageError: for stages that are none.
            DataError: if the data cannot be read.
        """
        planned = parse_stages(DEFAULT_STAGES if self.stages is None else self.stages)
        examples = examples_for(
            self.data,
            self.validation,
            seed=self.seed,
            sample=self.sample,
            pixels=self.pixels,
            prepare=self.prepare,
            limits=limits,
        )
        import keras

        keras.utils.set_random_seed(self.seed)
        return Tuning(self, examples, planned, progress)


@dataclass(frozen=True, slots=True)
class Tuning:
    """A training that was asked for; its data is open.

    Attributes:
        asked: what was asked for.
        examples: what to learn from and to decide by.
        stages: the stages.
        progress: called after each step.
    """

    asked: Training
    examples: Examples
    stages: tuple[Stage, ...]
    progress: Progress | None = None

    @property
    def seed(self) -> int:
        """What everything random is drawn by."""
        return self.asked.seed

    def run(
        self,
        model: keras.Model,
        head: Sequence[str] | None = None,
        meanings: Sequence[Meaning | None] | None = None,
    ) -> StagesRun:
        """Train a live model, in place.

        Args:
            model: the model.
            head: the layers that are its head, if that is known.
            meanings: what each of its outputs means, if that is known.

        Raises:
            WeldError: as `run_stages` does.
        """
        from keras_weld.training.course import Settings
        from keras_weld.training.every import parse_every
        from keras_weld.training.kept_run import to_stderr
        from keras_weld.training.stages import run_stages

        asked = self.asked
        settings = Settings(asked.optimizer, asked.batch_size, asked.patience, asked.seed, asked.steps)
        return run_stages(
            model,
            self.examples.train,
            self.examples.validation,
            self.stages,
            settings,
            head=head,
            meanings=meanings,
            loss=asked.loss,
            progress=self.progress,
            run=None if asked.run is None else Path(asked.run),
            every=parse_every(asked.every),
            tell=to_stderr,
        )

    def parameters(self, run: StagesRun) -> dict[str, Any]:
        """What the training was asked for, as plain JSON values."""
        return {
            "stages": format_stages(self.stages),
            "data": self.examples.origin,
            "losses": dict(run.losses),
            **{name: getattr(self.asked, name) for name in ("optimizer", "batch_size", "patience", "seed", "steps")},
        }


def tune_composed(composed: Composed, tuning: Tuning) -> dict[str, Any]:
    """Train a composed model, its new layers as the head; gives the entries for `note_lineage`.

    Args:
        composed: the model; it is trained in place, and its notes and parameters are added to.
        tuning: how.

    Raises:
        WeldError: as `run_stages` does.
    """
    run = tuning.run(composed.model, composed.answering or composed.head)
    composed.notes.extend([*tuning.examples.notes, *run.notes])
    composed.parameters["training"] = tuning.parameters(run)
    return facts_of(run)


def facts_of(run: StagesRun) -> dict[str, Any]:
    """A training as entries of a lineage, in plain JSON values: its stages, its metrics, and what outputs now mean."""
    stages = [{**asdict(stage.stage), **asdict(stage)} for stage in run.stages]
    for one in stages:
        del one["stage"]
    metrics = {"monitor": run.monitor, "best": list(run.best), "before": run.before, "after": run.after}
    return {"stages": plain(stages), "metrics": plain(metrics), "gives": dict(run.gives)}
