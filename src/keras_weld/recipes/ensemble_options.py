"""The options of an ensemble, read and held against each other before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_weld.core.arguments import require_numbers
from keras_weld.errors import UsageError
from keras_weld.recipes.shares import shares

if TYPE_CHECKING:
    from keras_weld.compose.plan import Plan


def given_weights(count: int, weights: Sequence[float], normalize: bool) -> list[float]:
    """Weights that were given, one for each model.

    Raises:
        UsageError: if one is negative, or they do not sum to 1.
    """
    require_numbers("weights", weights, "a list of numbers, such as [0.5, 0.5]")
    if any(weight < 0 for weight in weights):
        raise UsageError(
            "A model cannot have a negative weight in an ensemble: what comes out would be no probabilities.",
            expected="0 or more",
            found=", ".join(f"{weight:g}" for weight in weights),
        )
    return shares(count, weights, normalize)


def check_options(plan: Plan, fit_weights: Any) -> None:
    """Refuse weights that a plan has no use for, and a plan that lacks what it needs.

    Raises:
        UsageError: says what goes with what.
    """
    reducer, given = plan.reducer, plan.weights is not None
    if given and fit_weights is not None:
        raise UsageError("Weights are given or found, not both.", found="--weights and --fit-weights")
    if given and not reducer.takes_weights:
        raise UsageError(
            f"{plan.reduce} gives no model more weight than another.",
            expected="no weights",
            found=f"--weights with --reduce {plan.reduce}",
            remedy="Take --reduce weighted.",
        )
    if fit_weights is not None and not (reducer.finds_weights or reducer.trained):
        raise UsageError(
            "Weights are found for a weighted mean of probabilities or values, or for stack.",
            expected="--reduce weighted, or --reduce stack",
            found=f"--reduce {plan.reduce}",
        )
    if reducer.needs_weights and not given and fit_weights is None:
        raise UsageError(
            "A weighted mean needs weights.",
            expected="one for each model, or data to find them on",
            found="none",
            remedy="Give --weights 0.6,0.4, or --fit-weights val.npz",
        )
    if reducer.trained and fit_weights is None:
        raise UsageError(
            f"{plan.reduce} has to be trained on held-out data.",
            expected="data that the models were not trained on",
            found="none",
            remedy="Give --fit-weights val.npz",
        )
