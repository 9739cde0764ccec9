"""Training as a step of a recipe: what was asked for, and what goes into the lineage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

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

BATCH_SIZE, OPTIMIZER, PATIENCE = 32, "adam", 3


@dataclass(frozen=True, slots=True)
class Tuning:
    """A training that was asked for; its data is open.

    Attributes:
        examples: what to learn from and to decide by.
        stages: the stages.
        loss: the loss that was asked for, if any.
        optimizer: name of the optimizer.
        batch_size: examples at a time.
        patience: epochs in which neither accuracy nor loss got better, after which a stage ends.
        seed: what everything random is drawn by.
        steps: batches of an epoch, for examples that never end.
        progress: called after each step.
    """

    examples: Examples
    stages: tuple[Stage, ...]
    loss: Any = None
    optimizer: str = OPTIMIZER
    batch_size: int = BATCH_SIZE
    patience: int = PATIENCE
    seed: int = 0
    steps: int | None = None
    progress: Progress | None = None

    def set_seed(self) -> None:
        """Set the random state of Python, NumPy and Keras, so that layers made from here on can be repeated."""
        import keras

        keras.utils.set_random_seed(self.seed)

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
        from keras_weld.training.stages import run_stages

        settings = Settings(self.optimizer, self.batch_size, self.patience, self.seed, self.steps)
        return run_stages(
            model,
            self.examples.train,
            self.examples.validation,
            self.stages,
            settings,
            head=head,
            meanings=meanings,
            loss=self.loss,
            progress=self.progress,
        )

    def parameters(self, run: StagesRun) -> dict[str, Any]:
        """What the training was asked for, as plain JSON values."""
        return {
            "stages": format_stages(self.stages),
            "data": self.examples.origin,
            "losses": dict(run.losses),
            "optimizer": self.optimizer,
            "batch_size": self.batch_size,
            "patience": self.patience,
            "seed": self.seed,
            "steps": self.steps,
        }


def tuning_of(
    data: Any,
    validation: Any = None,
    *,
    stages: str | Sequence[Stage] | None = None,
    sample: int | None = None,
    pixels: str = "0..255",
    prepare: Preparation | None = None,
    seed: int = 0,
    limits: Limits | None = None,
    **options: Any,
) -> Tuning:
    """A training out of what a user gives; wrong stages and missing data are refused here, before any model is read.

    Args:
        data: what `open_data` takes.
        validation: the same, for the examples that decide; by default the data's own, else a tenth set aside.
        stages: the stages or their text.
        sample: take at most this many examples of each split.
        pixels: for images, the range that the model was trained on.
        prepare: what to do to images before the model sees them, in the place of `pixels`.
        seed: what everything random is drawn by.
        limits: what packed files may unpack to.
        options: the rest of `Tuning`; what is None has its default.

    Raises:
        UsageError: for stages that are none.
        DataError: if the data cannot be read.
    """
    planned = parse_stages(DEFAULT_STAGES if stages is None else stages)
    examples = examples_for(data, validation, seed=seed, sample=sample, pixels=pixels, prepare=prepare, limits=limits)
    given = {name: value for name, value in options.items() if value is not None}
    return Tuning(examples, planned, seed=seed, **given)


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
    """A training as entries of a lineage, in plain JSON values: its stages with their histories, and its metrics."""
    stages = [{**asdict(stage.stage), **asdict(stage)} for stage in run.stages]
    for one in stages:
        del one["stage"]
    metrics = {"monitor": run.monitor, "best": list(run.best), "before": run.before, "after": run.after}
    return {"stages": plain(stages), "metrics": plain(metrics)}
