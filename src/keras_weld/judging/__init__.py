"""Judging models: metrics with intervals, paired differences, a verdict in words."""

from keras_weld.judging.bootstrap import Interval, interval, resample
from keras_weld.judging.compare import Measured, measure
from keras_weld.judging.metrics import METRICS, Metric, metric_for
from keras_weld.judging.outcome import Kind, Outcome, Task, outcome_of
from keras_weld.judging.run import Predicted, predict
from keras_weld.judging.verdict import Verdict, judge

__all__ = [
    "METRICS",
    "Interval",
    "Kind",
    "Measured",
    "Metric",
    "Outcome",
    "Predicted",
    "Task",
    "Verdict",
    "interval",
    "judge",
    "measure",
    "metric_for",
    "outcome_of",
    "predict",
    "resample",
]
