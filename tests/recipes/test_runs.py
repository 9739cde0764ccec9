"""Which figure of a run is told as its best."""

from __future__ import annotations

from typing import Any

from keras_weld.recipes.runs import best_of


def history(*values: float, **more: float) -> list[dict[str, Any]]:
    return [
        {"epoch": number, "step": number + 1, "rate": 0.1, "loss": value, **more} for number, value in enumerate(values)
    ]


def test_parts_of_a_loss_are_losses() -> None:
    best = best_of(history(3.0, 1.0, 2.0, colour_distillation=0.5, colour_layers=0.2, colour_loss=0.3))
    assert best is not None
    assert (best.metric, best.value, best.epoch) == ("loss", 1.0, 2)


def test_a_metric_comes_before_a_loss_and_that_of_validation_before_that_of_training() -> None:
    best = best_of(history(3.0, 1.0, val_loss=1.0, accuracy=0.5, val_accuracy=0.4))
    assert best is not None
    assert (best.metric, best.value, best.examples) == ("val_accuracy", 0.4, "validation")
