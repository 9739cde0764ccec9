"""Fusing and ensembling independently trained networks of three architectures, judged on real pictures.

    python benchmarks/bench_compose.py --data pictures.npz --folder work --seeds 3

The data has x_train, y_train, x_val, y_val, x_test, y_test: pictures of 0 to 255 and labels. Each seed trains three
networks from nothing (those in the folder are kept), fuses two of them under a new head, and ensembles all three.
Sources are chosen on the validation pictures and judged on the test pictures. As a control, the better of the two
fused networks is trained on by the same stages.

Without --data nothing is measured: no pictures come with the project.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

EPOCHS = 8
FUSED = ("plain", "residual")


def sources(data: Path, folder: Path, seed: int, epochs: int) -> dict[str, Path]:
    """The three trained networks of a seed, trained now if they are not in the folder."""
    import keras
    from networks import NETWORKS, train

    import keras_weld as weld

    paths = {name: folder / f"{name}-{seed}.keras" for name in NETWORKS}
    with np.load(data) as arrays:
        x, y = arrays["x_train"], arrays["y_train"]
    for name, path in paths.items():
        if not path.exists():
            keras.utils.set_random_seed(1000 * seed + len(name))
            model = NETWORKS[name](x.shape[1], int(y.max()) + 1)
            train(model, x, y, epochs, seed)
            weld.save(model, path)
    return paths


def judged(name: str, made: Path, against: list[Path], data: Path) -> dict[str, Any]:
    """What `evaluate` says of a merge, in figures."""
    import keras_weld as weld

    found = weld.evaluate(made, against, data=data)
    rows = found.splits[-1].rows
    best = next(row for row in rows if row.role == "best source")
    print(f"  {name}: {found.sentence}", flush=True)
    return {
        "merge": name,
        "accuracy": rows[0].value,
        "best_source": best.model,
        "best_accuracy": best.value,
        "difference": rows[0].difference,
        "low": rows[0].difference_low,
        "high": rows[0].difference_high,
        "verdict": rows[0].verdict,
        "sources": {row.model: row.value for row in rows[1:]},
    }


def one_seed(data: Path, folder: Path, seed: int, epochs: int, stages: str | None) -> list[dict[str, Any]]:
    """Train, merge and judge."""
    import keras_weld as weld

    print(f"seed {seed}", flush=True)
    paths = sources(data, folder, seed, epochs)
    found = []
    two = [paths[name] for name in FUSED]
    made = folder / f"fused-{seed}.keras"
    weld.fuse(two, classes=None, head=128, data=data, stages=stages, out=made, seed=seed)
    found.append(judged("fuse", made, two, data))
    better = folder / found[0]["best_source"]
    control = folder / f"control-{seed}.keras"
    weld.tune(better, data, stages=stages, out=control, seed=seed)
    found.append(judged("control: the better one tuned on", control, two, data))
    for reduce in ("mean", "geometric", "vote"):
        made = folder / f"ensemble-{reduce}-{seed}.keras"
        weld.ensemble(list(paths.values()), reduce=reduce, out=made)
        found.append(judged(f"ensemble, {reduce}", made, list(paths.values()), data))
    return [{"seed": seed, **one} for one in found]


def main() -> int:
    """Measure, and write every figure to results.json in the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("bench-compose"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--stages", help="of the fused model and its control, as weld tune takes them")
    told = parser.parse_args()
    if told.data is None:
        print("No --data: skipped.")
        return 0
    told.folder.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in range(told.seeds):
        found += one_seed(told.data, told.folder, seed, told.epochs, told.stages)
    (told.folder / "results.json").write_text(json.dumps(found, indent=2))
    for row in found:
        print(
            f"{row['seed']} {row['merge']:<34} {row['accuracy']:6.2f}  {row['difference']:+6.2f} "
            f"({row['low']:+.2f} to {row['high']:+.2f})  {row['verdict']}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
