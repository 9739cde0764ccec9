"""From the outcomes of several models to figures, differences and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_weld.core.plural import counted
from keras_weld.data.split import Dataset, Split
from keras_weld.errors import UsageError
from keras_weld.judging.bootstrap import RESAMPLES
from keras_weld.judging.compare import Measured, best_of, measure
from keras_weld.judging.metrics import Metric
from keras_weld.judging.outcome import Kind, Outcome, Task
from keras_weld.judging.verdict import MARGIN, Verdict, judge, margin_for, sentence, show

NOTHING_AGAINST = "Whether the model is worse cannot be told: there is no source to compare it with."
NAME_SOURCES = "Name the models that it was made from: --against A B (in Python: against=[…])."

FEW = 100
"""Below this number of examples an interval is rough itself."""


_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One model on one split.

    Attributes:
        model: its name.
        role: `model`, `source`, or `best source`.
        value: the metric.
        low: lower end of its 95 % interval.
        high: upper end.
        difference: its figure minus the best source's; None for the best source and without sources.
        difference_low: lower end of the difference's 95 % interval.
        difference_high: upper end.
        verdict: `better`, `no worse`, `worse` or `cannot tell`, against the best source; None likewise.
    """

    model: str
    role: str
    value: float
    low: float
    high: float
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Judged:
    """All models on one split.

    Attributes:
        name: `validation`, `test`, `train`, or `all` for data that is not split.
        count: number of examples.
        rows: the model first, then the sources in the order given.
        margin: how much worse still counts as no worse, in the metric's unit; None without sources.
        sentence: the verdict on this split in words; None without sources.
    """

    name: str
    count: int
    rows: tuple[Row, ...]
    margin: float | None
    sentence: str | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        model: name of the model that was judged.
        data: what it was judged on.
        metric: name of the metric.
        unit: `%` for metrics whose differences are points, else "".
        higher_is_better: whether more is better.
        best_source: name of the best single source, or None without sources.
        chosen_on: the split it was chosen on.
        judged_on: the split that the verdict is from.
        verdict: `better`, `no worse`, `worse` or `cannot tell`; None without sources.
        worse_by: how much worse than the best source the model is, in the metric's unit; 0 if it is not. None
            without sources.
        sentence: the verdict in words.
        splits: every split that was judged.
        notes: what a person should know: how outputs were read, what was left out or assumed.
    """

    model: str
    data: str
    metric: str
    unit: str
    higher_is_better: bool
    best_source: str | None
    chosen_on: str | None
    judged_on: str
    verdict: str | None
    worse_by: float | None
    sentence: str
    splits: tuple[Judged, ...]
    notes: tuple[str, ...]

    def fails(self, points: float = 0.0) -> bool:
        """Whether the model is worse than the best source by more than `points` in the metric's unit.

        Only a difference whose whole interval is on the worse side counts.

        Raises:
            UsageError: if it was judged without sources.
        """
        if self.best_source is None:
            raise UsageError(NOTHING_AGAINST, remedy=NAME_SOURCES)
        return self.verdict == "worse" and self.worse_by is not None and self.worse_by > points


@dataclass(frozen=True, slots=True)
class Settings:
    """How to judge.

    Attributes:
        metric: what to measure.
        margin: how much worse still counts as no worse, as `margin_for` takes it.
        resamples: number of bootstrap resamplings.
        seed: what they are drawn by.
    """

    metric: Metric
    margin: float = MARGIN
    resamples: int = RESAMPLES
    seed: int = 0


def conclude(
    dataset: Dataset,
    splits: Sequence[Split],
    outcomes: Mapping[str, Sequence[Outcome]],
    names: Sequence[str],
    settings: Settings,
) -> Evaluation:
    """The evaluation of the first model against the others.

    Args:
        dataset: what it was judged on.
        splits: the splits to judge; sources are chosen on the first, the verdict is from the last.
        outcomes: by name of the split, one for each model.
        names: the models' names, in the same order.
        settings: how to judge.
    """
    metric = settings.metric
    chosen_on = splits[0].name
    best = 1 + best_of(outcomes[chosen_on][1:], metric) if len(names) > 1 else None
    judged = [_judge(split, outcomes[split.name], names, best, settings) for split in splits]
    last = judged[-1]
    own = last.rows[0]
    difference = 0.0 if own.difference is None else own.difference
    ends = f"{show(metric, own.low)} to {show(metric, own.high)}"
    figure = f"{metric.title} {show(metric, own.value)}"
    alone = f"{own.model}: {figure} (95 % interval {ends}, {counted(last.count, 'example')})."
    return Evaluation(
        model=names[0],
        data=dataset.origin,
        metric=metric.name,
        unit="%" if metric.points else "",
        higher_is_better=metric.higher_is_better,
        best_source=None if best is None else names[best],
        chosen_on=None if best is None else chosen_on,
        judged_on=last.name,
        verdict=own.verdict,
        worse_by=None if best is None else max(0.0, -difference if metric.higher_is_better else difference),
        sentence=last.sentence or alone,
        splits=tuple(judged),
        notes=(*dataset.notes, *_notes(splits, outcomes, names)),
    )


def _judge(
    split: Split, outcomes: Sequence[Outcome], names: Sequence[str], best: int | None, settings: Settings
) -> Judged:
    metric = settings.metric
    measured = measure(outcomes, metric, reference=best, resamples=settings.resamples, seed=settings.seed)
    allowed = None if best is None else margin_for(metric, settings.margin, measured[best].value)
    rows: list[Row] = []
    for index, (name, found) in enumerate(zip(names, measured, strict=True)):
        verdict = None
        if found.compared is not None and allowed is not None:
            verdict = judge(found.compared, higher_is_better=metric.higher_is_better, margin=allowed)
            if outcomes[0].count < _FEWEST:  # resampling one example gives that example
                verdict = Verdict.CANNOT_TELL
        role = "model" if index == 0 else "best source" if index == best else "source"
        rows.append(_row(name, role, found, verdict))
    words = None
    if best is not None and allowed is not None and measured[0].compared is not None:
        words = sentence(
            names[0],
            names[best],
            metric,
            (measured[0].value, measured[best].value),
            measured[0].compared,
            Verdict(rows[0].verdict or ""),
            margin=allowed,
            count=outcomes[0].count,
            split=split.name,
            sources=len(names) - 1,
        )
    return Judged(split.name, outcomes[0].count, tuple(rows), allowed, words)


def _row(name: str, role: str, found: Measured, verdict: Verdict | None) -> Row:
    compared = found.compared
    return Row(
        model=name,
        role=role,
        value=found.value,
        low=found.interval.low,
        high=found.interval.high,
        difference=None if compared is None else compared.value,
        difference_low=None if compared is None else compared.interval.low,
        difference_high=None if compared is None else compared.interval.high,
        verdict=None if verdict is None else verdict.value,
    )


def _notes(splits: Sequence[Split], outcomes: Mapping[str, Sequence[Outcome]], names: Sequence[str]) -> list[str]:
    notes = []
    if len(splits) == 1 and len(names) > 2:
        notes.append(
            "The best source was chosen on the same examples that it is judged on, which favours it a "
            "little; with validation examples (x_val, y_val) it would be chosen on those."
        )
    if splits[-1].name == "train":
        notes.append("These are training examples: a model that learnt them by heart looks good on them.")
    logits = [
        name
        for index, name in enumerate(names)
        if all(outcomes[split.name][index].kind is Kind.LOGITS for split in splits)
    ]
    if logits:
        notes.append(f"The outputs of {', '.join(logits)} are logits: they were turned into probabilities first.")
    notes += _fewer_classes(splits[0], outcomes[splits[0].name][0])
    counts = {split.name: outcomes[split.name][0].count for split in splits}
    few = [f"{name} ({count})" for name, count in counts.items() if count < FEW]
    if few:
        notes.append(f"Fewer than {FEW} examples: {', '.join(few)}. The intervals are rough.")
    return notes


def _fewer_classes(split: Split, outcome: Outcome) -> list[str]:
    """What to know where the data names fewer classes than the models tell apart."""
    known = split.classes
    if known is None or outcome.task is not Task.CLASSES or len(known) == outcome.outputs.shape[-1]:
        return []
    one = len(known) == 1
    named = known[0] if one else f"{known[0]} to {known[-1]}" if len(known) > 3 else ", ".join(known)
    return [
        f"The data has {len(known)} class{'' if one else 'es'} ({named}) and the models tell "
        f"{outcome.outputs.shape[-1]} apart: those of the data, in the order of their names, were taken for the "
        f"models' first {len(known)}. If the models number them otherwise, these figures mean nothing."
    ]
