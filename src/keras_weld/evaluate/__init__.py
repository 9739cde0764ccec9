"""Judging models: metrics with intervals, paired differences, a verdict in words."""

from keras_weld.evaluate.bootstrap import Interval, interval, resample
from keras_weld.evaluate.compare import Measured, measure
from keras_weld.evaluate.metrics import METRICS, Metric, metric_for
from keras_weld.evaluate.outcome import Kind, Outcome, Task, outcome_of
from keras_weld.evaluate.run import predict
from keras_weld.evaluate.verdict import Verdict, judge

__all__ = [
    "METRICS",
    "Interval",
    "Kind",
    "Measured",
    "Metric",
    "Outcome",
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
