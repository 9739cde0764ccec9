"""Train a live model in stages, and leave it with the weights that were best on the validation examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import keras

from keras_weld.checks.meaning import Meaning
from keras_weld.data.split import Split
from keras_weld.errors import TrainingError, UsageError, WeldError
from keras_weld.models.quiet import quiet
from keras_weld.models.replay import graph_of
from keras_weld.training.answered import answered_by
from keras_weld.training.checkpoints import Snapshot
from keras_weld.training.choosing import choose, head_of
from keras_weld.training.conducted import build_for_training, conduct, make_deterministic, where_of
from keras_weld.training.conductor import Conductor, Place, Where, place_of, rate_of
from keras_weld.training.course import Course, Settings, course_of
from keras_weld.training.data_facts import data_of
from keras_weld.training.every import Every
from keras_weld.training.freezing import Freezing
from keras_weld.training.identity import digest_of, digest_of_weights, surroundings
from keras_weld.training.keeping import BestWeights, Keeper, Tell
from keras_weld.training.layer_facts import layers_of
from keras_weld.training.objective import Loss
from keras_weld.training.parts import Part, parts_of
from keras_weld.training.plan import DEFAULT_STAGES, Stage, format_stages, parse_stages
from keras_weld.training.result import StageRun, StagesRun
from keras_weld.training.run_architecture import told_architecture
from keras_weld.training.score import Score
from keras_weld.training.stages_folder import Ledger, StagesFolder
from keras_weld.training.trainer import beside, compile_for

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all (of all stages, if none ends early), and what is being trained."""

_NAMED = 4  # layers that a note names when there are more


def run_stages(
    model: keras.Model,
    train: Split,
    validation: Split,
    stages: str | Sequence[Stage] = DEFAULT_STAGES,
    settings: Settings | None = None,
    *,
    head: Sequence[str] | None = None,
    meanings: Sequence[Meaning | None] | None = None,
    loss: Loss | Mapping[str, Loss] | None = None,
    progress: Progress | None = None,
    run: Path | None = None,
    every: Every | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> StagesRun:
    """Train a live model in stages.

    Each stage freezes what it does not train (a frozen BatchNormalization stays in inference mode), has an
    optimizer of its own, and ends early when the validation examples say so. What decides is the accuracy on
    them, of equal ones the smaller loss; for values the loss. The model is left with the best weights of all
    stages, which may be those that it came with. All `trainable` flags are put back, and it is not compiled.

    Args:
        model: a built model; its weights are changed.
        train: the examples to learn from. With targets for some of the outputs alone, by their names, only what no
            other output comes from is trained.
        validation: the examples to decide by, with the same targets.
        stages: the stages, or their text.
        settings: how to train. The random state of Python, NumPy and Keras is set by its seed.
        head: paths of the layers that are the head; by default what comes after the features.
        meanings: what each output means; by default told from the graph.
        loss: a loss of Keras or its name (`:logits` behind it for logits), or a dict of such by output; by
            default chosen by what the output means and the targets are.
        progress: called after each step, and at the end of each epoch.
        run: a folder that keeps the training: interrupted at any moment and started again, it ends with the same
            bits. By default nothing is kept.
        every: when to take a checkpoint besides every epoch's end.
        tell: called with what a person should know of the folder.

    Returns:
        How all stages went, and what is to be told.

    Raises:
        UsageError: for stages that name nothing, and options that make no sense.
        DataError: if the examples do not fit the model.
        TrainingError: if Keras cannot train it, or the loss is no number before anything was gained.
    """
    planned, settings = parse_stages(stages), settings or Settings()
    keras.utils.set_random_seed(settings.seed)
    graph, parts = graph_of(model), parts_of(model)
    known = ([] if graph.opaque else head_of(graph)) if head is None else head
    answered = answered_by(model, graph, train.target_names if train.labelled else ())
    own = answered.own(parts)
    chosen = [choose(own, stage, known) for stage in planned]
    for stage, wanted in zip(planned, chosen, strict=True):
        _require_trainable(stage, wanted)
    course = course_of(answered, graph, train, validation, settings, meanings=meanings, loss=loss)
    folder = None if run is None else _folder(run, course, model, planned, every or Every(), tell)
    runs: list[StageRun] = []
    if folder is not None and folder.resumed is not None:
        runs += folder.ledger.earlier
        course.notes[:] = folder.ledger.notes
    with folder or nullcontext(), quiet(), Freezing(parts) as freezing:
        for number, (stage, wanted) in list(enumerate(zip(planned, chosen, strict=True), 1))[len(runs) :]:
            ledger = Ledger(number, runs, course.notes)
            trained = freezing.train_only(wanted, thaw=stage.named)
            course.notes += _about_frozen(stage, wanted, trained, freezing)
            first = sum(one.epochs for one in planned[: number - 1])
            told = _telling(progress, course.steps, first, planned, number)
            runs.append(run_stage(course, ledger, stage, trained, first, told, folder))
            if runs[-1].broken is not None:
                break
        if folder is not None:
            folder.end()
    return _concluded(course, runs)


def _folder(
    run: Path,
    course: Course,
    model: keras.Model,
    planned: Sequence[Stage],
    every: Every,
    tell: Callable[[str], None],
) -> StagesFolder:
    make_deterministic()
    epochs = sum(stage.epochs for stage in planned)
    return StagesFolder(
        run,
        _identity(course, model, planned),
        every,
        tell,
        steps=course.steps,
        epochs=epochs,
        architecture=told_architecture(model),
        rest=[keras.ops.convert_to_numpy(one.value) for one in beside(model, course.trainer)],
    )


def _identity(course: Course, model: keras.Model, planned: Sequence[Stage]) -> dict[str, Any]:
    settings = course.settings
    return {
        "stages": format_stages(planned),
        "model": digest_of(model),
        "layers": layers_of(model),
        "weights": digest_of_weights(model),
        "data": data_of(course.train),
        "validation_data": data_of(course.validation),
        "losses": {aim.output: aim.name for aim in course.aims},
        **{name: getattr(settings, name) for name in ("optimizer", "batch_size", "patience", "seed", "steps")},
        **surroundings(),
    }


def run_stage(
    course: Course,
    ledger: Ledger,
    stage: Stage,
    trained: Sequence[Part],
    first: int,
    tell: Tell,
    folder: StagesFolder | None = None,
) -> StageRun:
    """Train one stage; what is frozen and what is not is set already.

    Args:
        course: the training. Its best weights are those that its trainer has afterwards.
        ledger: number of the stage, and what was before it.
        stage: the stage.
        trained: the parts that it trains.
        first: number of its first epoch, counted over all stages from 0; the order of the examples follows it.
        tell: told of every step.
        folder: keeps the training, if it is kept.

    Raises:
        TrainingError: if Keras cannot train it, or the loss is no number before anything was gained.
    """
    number = ledger.number
    trainer, settings = course.trainer, course.settings
    compile_for(trainer, course.aims, settings.optimizer, stage.rate)
    if course.best is None:
        course.best = BestWeights(trainer, course.measure())
    best = course.best
    keeper = Keeper(number, course.monitor, best, settings.patience, tell)
    parameters = sum(math.prod(variable.shape) for variable in trainer.trainable_variables)
    _fit(course, ledger, stage, first, keeper, folder)
    best.put_back(trainer)
    if keeper.broken is not None:
        course.notes.append(_about_broken(stage, number, keeper.broken, best))
    kept = best.place[0] == number
    if not kept and keeper.reached is not None:
        course.notes.append(_about_worse(stage, number, keeper.reached, keeper.before))
    return StageRun(
        stage=stage,
        layers=tuple(part.path for part in trained),
        parameters=parameters,
        history=tuple(keeper.history),
        best_epoch=keeper.reached_in,
        before=keeper.before.figure,
        after=None if keeper.reached is None else keeper.reached.figure,
        kept=kept,
        broken=keeper.broken,
        seconds=keeper.seconds,
    )


def _fit(course: Course, ledger: Ledger, stage: Stage, first: int, keeper: Keeper, folder: StagesFolder | None) -> None:
    callbacks = [ledger, keeper, *course.settings.callbacks]
    resumed = None if folder is None else folder.resumed_in(ledger.number, callbacks)
    feed, held = course.feed(first, resumed), course.feed_validation()
    conductor = _conductor(course, ledger, callbacks, folder, resumed, where_of(feed))
    try:
        build_for_training(course.trainer, *course.some())
        conduct(course.trainer, conductor, feed, held, stage.epochs)
    except Exception as error:  # each backend has exceptions of its own
        if isinstance(error, WeldError) or error in (feed.refusal, held.refusal):
            raise
        raise TrainingError(
            "Keras cannot train the model.",
            layer=f"the stage {stage}",
            found=f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else 'no words'}",
            remedy="Check that inputs, targets and loss fit the model; a smaller --batch-size needs less memory.",
        ) from error


def _conductor(
    course: Course,
    ledger: Ledger,
    callbacks: Sequence[Any],
    folder: StagesFolder | None,
    resumed: Snapshot | None,
    where: Where,
) -> Conductor:
    if folder is None:
        return Conductor(callbacks, course.steps, Every(), None)
    keep = partial(folder.keep, ledger=ledger)
    place = Place(step=course.steps * ledger.epochs) if resumed is None else place_of(resumed)
    rate = rate_of(course.trainer) if resumed is None else resumed.facts["rate"]
    begun = partial(folder.begin, ledger, place, rate)
    made = Conductor(callbacks, course.steps, folder.every, keep, resumed, where=where, begun=begun)
    made.place.step = place.step
    return made


def _require_trainable(stage: Stage, wanted: Sequence[Part]) -> None:
    if not stage.named and all(part.frozen for part in wanted):
        raise UsageError(
            f"The stage {str(stage)!r} has nothing to train: all of its layers are frozen in the model itself.",
            expected="a layer that is not frozen",
            found=_shortened(wanted),
            remedy="Name the layers that are to be trained all the same, such as " + wanted[-1].path,
        )


def _about_frozen(stage: Stage, wanted: Sequence[Part], trained: Sequence[Part], freezing: Freezing) -> list[str]:
    left = [part for part in wanted if part not in trained]
    if left:
        return [
            f"Frozen in the model itself and left so by the stage {stage.part}: {_shortened(left)}. "
            "Name them in a stage to train them."
        ]
    thawed = [part for part in trained if freezing.was_frozen(part)]
    if thawed:
        return [f"Frozen in the model itself, and trained because {stage.part} names them: {_shortened(thawed)}."]
    return []


def _about_broken(stage: Stage, number: int, place: tuple[int, int], best: BestWeights) -> str:
    where = f"in stage {number} ({stage.part}), epoch {place[0]}, step {place[1]}"
    if best.place == (0, 0):
        raise TrainingError(
            f"The loss is no number any more {where}, and nothing was gained before.",
            expected="a loss that goes down",
            found="NaN or infinity",
            remedy=f"Try a lower rate than {stage.rate:g}, and check that the inputs have the range that the model "
            "was trained on.",
        )
    return f"Warning: the loss became no number {where}. Training ended there; the best weights before it were kept."


def _about_worse(stage: Stage, number: int, reached: Score, before: Score) -> str:
    return (
        f"Stage {number} ({stage.part}) did not make it better on the validation examples ({reached} against "
        f"{before} before), so its weights were put back."
    )


def _concluded(course: Course, runs: Sequence[StageRun]) -> StagesRun:
    best = course.best
    if best is None:
        raise UsageError("There are no stages.")
    if best.place == (0, 0):
        course.notes.append("No stage made the model better on the validation examples: it is as it was.")
    return StagesRun(
        monitor=course.monitor,
        losses={aim.output: aim.name for aim in course.aims},
        gives={aim.output: str(aim.kind) for aim in course.aims if aim.kind is not None},
        optimizer=course.settings.optimizer,
        batch_size=course.settings.batch_size,
        seed=course.settings.seed,
        before=dict(best.start.values),
        after=dict(best.score.values),
        best=best.place,
        stages=tuple(runs),
        notes=tuple(course.notes),
        seconds=sum(run.seconds for run in runs),
    )


def _telling(progress: Progress | None, steps: int, first: int, planned: Sequence[Stage], number: int) -> Tell:
    total = steps * sum(stage.epochs for stage in planned)
    head = f"Stage {number} of {len(planned)}, {planned[number - 1].part}"

    def tell(done: int, words: str) -> None:
        if progress is not None:
            progress(steps * first + done, total, f"{head}: {words}")

    return tell


def _shortened(parts: Sequence[Part]) -> str:
    named = ", ".join(part.path for part in parts[:_NAMED])
    return named if len(parts) <= _NAMED else f"{named} and {len(parts) - _NAMED} more"
