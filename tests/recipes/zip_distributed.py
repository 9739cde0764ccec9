"""Zips two small models on devices or processes that `keras.distribution` spreads it over, and prints the losses.

`python zip_distributed.py OUT devices` takes two virtual devices; `… OUT processes NUMBER ADDRESSES` is one of two
processes. `zip_small` alone is what both do.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

CLASSES = {"kind": 3, "colour": 4}
COSTS = {"compression": 1.0, "memory": 1.0, "activations": 1.0, "speedup": ()}


def zip_small(out: Path) -> dict[str, Any]:
    """Losses, and each task's accuracy."""
    import numpy as np
    from zip_models import made

    from keras_weld import zipper
    from keras_weld.recipes.zip_measuring import Meter

    models, data = [], {}
    for number, (task, classes) in enumerate(CLASSES.items()):
        models.append(made("mlp", classes, number))
        random = np.random.default_rng(number)
        x, y = random.uniform(0, 1, (24, 5)).astype("float32"), random.integers(0, classes, 24)
        out.mkdir(parents=True, exist_ok=True)
        np.savez(out / f"{task}.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        data[task] = out / f"{task}.npz"
    costs, Meter.costs = Meter.costs, lambda meter, network, trunk: COSTS  # type: ignore[method-assign, assignment]
    try:
        settings: dict[str, Any] = {"start": "mean", "steps": 5, "batch_size": 4, "layers": 1.0, "baselines": "none"}
        found = zipper(
            models, names=list(CLASSES), out=out / "zip", data=data, rounds=[2], tell=lambda text: None, **settings
        )
    finally:
        Meter.costs = costs  # type: ignore[method-assign]
    one = found.rounds[0]
    return {"losses": [loss for _, loss in one.losses], "values": [each.value for each in one.tasks.values()]}


def main(out: str, how: str, number: str = "0", addresses: str = "") -> None:
    """Spread the work, zip, and print."""
    if how == "devices":
        os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    import keras

    distribution = keras.distribution
    if how == "processes":
        distribution.initialize(addresses, 2, int(number))
    spread = distribution.DataParallel(devices=distribution.list_devices(), auto_shard_dataset=False)
    distribution.set_distribution(spread)
    print(json.dumps({"devices": len(distribution.list_devices()), **zip_small(Path(out))}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "zipping"))
    main(*sys.argv[1:])
