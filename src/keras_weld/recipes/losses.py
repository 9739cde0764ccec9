"""What the losses of models that are averaged say of their outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keras_weld.core.state import ModelState


def trained_otherwise(states: Sequence[ModelState]) -> Iterator[str]:
    """A note for each model of one architecture whose loss gives its outputs another meaning than the first's.

    Args:
        states: the models, open; one that does not tell its layers and loss is passed over.
    """
    told = [state for state in states if state.graph is not None and state.compile_config]
    losses = [(state.compile_config or {}).get("loss") for state in told]
    if all(loss == losses[0] for loss in losses):
        return  # as between checkpoints of one run; what works out meanings need not even be imported
    from keras_weld.checks.ports import outputs_of
    from keras_weld.checks.trained_for import other_meanings

    first, *others = told
    ours = outputs_of(first)
    for state in others:
        for one in other_meanings(ours, outputs_of(state)):
            yield (
                f"Warning: the models were trained for different things: what comes out of {state.source} as "
                f"{one.output} are {one.theirs}, where {first.source} gives {one.ours}. Average models that were "
                "trained with one loss."
            )
