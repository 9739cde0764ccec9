"""Remedies that name the other merges, of which only those may be named that are possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keras_weld.checks.finding import Finding

OTHERS = "{others}"
"""In a remedy, at its end: the other merges that take these models, if there are any."""


def name_others(finding: Finding, possible: Sequence[str]) -> Finding:
    """The finding with the merges that are possible in the place of `OTHERS`.

    Args:
        finding: what was found.
        possible: names of merges that take these models.

    Example:
        >>> from keras_weld.checks.finding import note
        >>> name_others(note("No.", remedy="Train more" + OTHERS), ["fuse"]).remedy
        'Train more; weld fuse takes these.'
    """
    if finding.remedy is None or OTHERS not in finding.remedy:
        return finding
    named = " and ".join(f"weld {name}" for name in possible)
    told = {0: ".", 1: f"; {named} takes these."}.get(len(possible), f"; {named} take these.")
    return replace(finding, remedy=finding.remedy.replace(OTHERS, told))
