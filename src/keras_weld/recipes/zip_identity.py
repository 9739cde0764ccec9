"""What a zip is, as plain JSON, so that another command in its folder is noticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from keras_weld.recipes.sources import Sources
from keras_weld.recipes.zip_asked import Asked
from keras_weld.recipes.zip_data import TaskData
from keras_weld.training.compiled import setting_of
from keras_weld.training.data_facts import data_of
from keras_weld.training.identity import digest_of, digest_of_weights, surroundings

_NOT_COMPARED = (
    "share",
    "shares",
    "optimizer",
    "schedule",
    "rounds",
    "max_drop",
    "min_speedup",
    "every",
    "baselines",
    "callbacks",
)
"""What is told otherwise; and the limits, by which nothing is trained, and when checkpoints are taken."""


def identity_of(sources: Sources, data: Mapping[str, TaskData], asked: Asked) -> dict[str, Any]:
    """What a zip is.

    Args:
        sources: the models: files are known by their SHA-256, live ones by that of architecture and weights.
        data: by task; what it is judged on, too, since figures of finished rounds are taken over.
        asked: how to zip.
    """
    prints = {
        member.name: one.sha256 or f"{digest_of(member.model)} {digest_of_weights(member.model)}"
        for member, one in zip(sources.members, sources.lineage, strict=True)
    }
    settings = {one.name: getattr(asked, one.name) for one in fields(asked) if one.name not in _NOT_COMPARED}
    return {
        "sources": prints,
        "data": {
            task: {name: data_of(split) for name, split in one.dataset.splits.items()} for task, one in data.items()
        },
        "share": setting_of(asked.share),
        "optimizer": asked.optimizer if isinstance(asked.optimizer, str) else asked.optimizer.get_config(),
        "schedule": setting_of(asked.schedule),
        "rounds": asked.rounds if isinstance(asked.rounds, str) else [int(one) for one in asked.rounds],
        **settings,
        **asdict(asked.shares),
        **surroundings(),
    }
