"""From a difference and its interval to a word, and to the sentence that a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from keras_weld.core.plural import counted
from keras_weld.errors import UsageError
from keras_weld.judging.bootstrap import Interval
from keras_weld.judging.metrics import Metric

MARGIN = 1.0


class Verdict(StrEnum):
    """Whether one model is better than another, as far as the data can tell."""

    BETTER = "better"
    NO_WORSE = "no worse"
    WORSE = "worse"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Compared:
    """A model's figure minus another's, on the same examples.

    Attributes:
        value: the difference.
        interval: its 95 % interval.
    """

    value: float
    interval: Interval


def margin_for(metric: Metric, margin: float, reference: float) -> float:
    """The margin in the metric's own unit.

    Args:
        metric: the metric.
        margin: points for metrics in percent; for others, percent of `reference`.
        reference: the figure of the model that is compared with.

    Raises:
        UsageError: if the margin is negative.
    """
    if not margin >= 0:
        raise UsageError("The margin cannot be negative.", expected="0 or more", found=margin)
    return margin if metric.points else margin / 100 * abs(reference)


def judge(compared: Compared, *, higher_is_better: bool, margin: float) -> Verdict:
    """The verdict on a difference.

    `better` if the whole interval is on the better side of zero, `worse` if it is on the other side, `no
    worse` if its bad end is above minus the margin, else `cannot tell`.

    Args:
        compared: the model's figure minus the other's.
        higher_is_better: whether more is better.
        margin: how much worse still counts as no worse, in the metric's unit.

    Example:
        >>> judge(Compared(0.2, Interval(-0.4, 0.8)), higher_is_better=True, margin=1.0).value
        'no worse'
    """
    worst, best = compared.interval.low, compared.interval.high
    if not higher_is_better:
        worst, best = -best, -worst
    if worst > 0:
        return Verdict.BETTER
    if best < 0:
        return Verdict.WORSE
    if worst >= -margin:
        return Verdict.NO_WORSE
    return Verdict.CANNOT_TELL


def show(metric: Metric, value: float) -> str:
    """A figure with its unit."""
    return f"{value:.2f} %" if metric.points else f"{value:.4g}"


def show_difference(metric: Metric, value: float) -> str:
    """A difference with its sign."""
    text = f"{value:+.2f}" if metric.points else f"{value:+.3g}"
    return text.replace("-0.00", "+0.00") if float(text) == 0 else text


def sentence(
    model: str,
    source: str,
    metric: Metric,
    values: tuple[float, float],
    compared: Compared,
    verdict: Verdict,
    *,
    margin: float,
    count: int,
    split: str,
    sources: int = 2,
) -> str:
    """The verdict in words with its figures.

    Args:
        model: name of the model.
        source: name of the source that it is compared with.
        metric: what was measured.
        values: the figures of model and source.
        compared: their difference.
        verdict: what follows from it.
        margin: the margin in the metric's unit.
        count: number of examples.
        split: name of the split they are from.
        sources: number of sources, for the words.
    """
    best = f"the best single source, {source}" if sources > 1 else source
    unit = " points" if metric.points else ""
    allowed = f"{margin:.2g}" if not metric.points else "1 point" if margin == 1 else f"{margin:g} points"
    heads = {
        Verdict.BETTER: f"{model} is better than {best}",
        Verdict.WORSE: f"{model} is worse than {best}",
        Verdict.NO_WORSE: f"{model} is no worse than {best}, within a margin of {allowed}",
        Verdict.CANNOT_TELL: f"Cannot tell whether {model} is better or worse than {best}",
    }
    ends = [show_difference(metric, end) for end in (compared.interval.low, compared.interval.high)]
    where = counted(count, "example" if split == "all" else f"{split} example")
    return (
        f"{heads[verdict]}: {metric.title} {show(metric, values[0])} against {show(metric, values[1])}, "
        f"difference {show_difference(metric, compared.value)}{unit} "
        f"(95 % interval {ends[0]} to {ends[1]}, {where})."
    )
