"""Starting values of a round: which are tried, and a network built with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from keras_weld.data.batch import Array
from keras_weld.errors import UsageError, add_context
from keras_weld.recipes.sources import Sources
from keras_weld.recipes.zip_asked import AUTO, Asked
from keras_weld.recipes.zip_data import TaskData
from keras_weld.zipping.alignment import align
from keras_weld.zipping.fitting import fit_shared, kept_rule
from keras_weld.zipping.lockstep import Trunk, trunk_of
from keras_weld.zipping.sharing import Rule
from keras_weld.zipping.start import ALIGN, FROM, LSQ, MEAN, set_start
from keras_weld.zipping.trace import trace
from keras_weld.zipping.walk import Zipped

TRIAL = 20
"""A start is tried for one step in so many."""
_LOOKING = (LSQ, ALIGN)
Build = Callable[..., Zipped]
"""Builds the network of a round: takes a `rule`, and a `name` if it is to have another one."""


def require_start_data(asked: Asked, data: Mapping[str, TaskData]) -> None:
    """Refuse a start that has to see examples where there are none.

    Raises:
        UsageError: if there is no data.
    """
    if asked.start == LSQ and not data:
        raise UsageError(
            "Least squares as a start need examples of every task; labels they need not have.",
            expected="data",
            found="no data",
            remedy="Give some: --data A:a.npz for each task (data={'A': 'a.npz', …}), or take --init mean.",
        )


def align_sources(sources: Sources) -> None:
    """Put the channels of all models but the first into the order of the first one's, in place.

    Raises:
        IncompatibleModelsError: if a permuted model does not predict what it predicted.
    """
    first = trace(sources.members[0].model)
    for member in sources.members[1:]:
        other = trace(member.model)
        with add_context(file=member.source):
            align(first, other, trunk_of([first, other]).length)


def starts_to_try(asked: Asked, tasks: Sequence[str], data: Mapping[str, TaskData]) -> list[str]:
    """The starts among which a trial decides; one alone where there is nothing to decide by.

    Least squares are among them where they look at half as many examples as the trial, or fewer.
    """
    if asked.start != AUTO:
        return [asked.start]
    if not data:
        return [MEAN]
    if not asked.steps:
        return [LSQ]
    known = [asked.start_examples if one.split.count is None else one.split.count for one in data.values()]
    looked_at = min(asked.start_examples, max(known))
    cheap = 2 * looked_at <= asked.steps // TRIAL * asked.batch_size
    return [MEAN, *([LSQ] if cheap else []), *(f"{FROM}{task}" for task in tasks)]


def examples_for_start(
    start: str, data: Mapping[str, TaskData], count: int, seed: int
) -> dict[str, Array | list[Array]]:
    """Some inputs of each task, drawn by a seed, in the order in which they are; of a stream the first ones.

    None for starts that look at none.
    """
    found: dict[str, Array | list[Array]] = {}
    if start not in _LOOKING:
        return found
    for number, (task, one) in enumerate(data.items()):
        if one.split.positioned:
            drawn = np.random.default_rng([seed, number]).permutation(one.split.counted())[:count]
            found[task], _ = one.split.take(np.sort(drawn))
        else:
            found[task], _ = next(iter(one.split.batches(count)))
    return found


def started(
    build: Build,
    rule: Rule,
    start: str,
    trunk: Trunk,
    examples: Mapping[str, Array | list[Array]],
    tell: Callable[[str], None],
) -> tuple[Zipped, list[str]]:
    """Build a network whose shared layers have the values of a start.

    Args:
        build: builds it.
        rule: which layers are shared.
        start: as `zipper` takes it, and not "auto".
        trunk: what the source models have in common.
        examples: by task, inputs for a start that has to see some.
        tell: called with the name of each layer that is fitted.

    Returns:
        The network, and what a person should know of its start.
    """
    network = build(rule=rule)
    set_start(network, MEAN if start in _LOOKING else start, list(network.outputs))
    if start not in _LOOKING or not examples:
        return network, []
    before = build(rule=kept_rule(network, trunk), name="before")
    left = fit_shared(network, before, trunk, examples, tell, statistics_alone=start == ALIGN)
    if not left or start == ALIGN:
        return network, []
    return network, [f"Least squares have no closed form for {', '.join(left)}: the mean is the start there."]
