"""Fusing and ensembling independently trained networks of three architectures, judged on real pictures.

    python benchmarks/bench_compose.py --data pictures.npz --folder work --seeds 3
    python benchmarks/bench_compose.py --data pictures.npz --folder work --folds 3

The data has x_train, y_train, x_val, y_val, x_test, y_test: pictures of 0 to 255 and labels. Each seed trains three
networks from nothing (those in the folder are kept), fuses two of them under a new head, and ensembles all three.
Sources are chosen on the validation pictures and judged on the test pictures. As a control, the better of the two
fused networks is trained on by the same stages.

With --folds, for data of few pictures, all of them are put together and parted anew: each fold in turn is the test data
of networks that learn from the others, and the last lines are over all pictures, each judged once.

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


def parted(data: Path, folder: Path, folds: int) -> list[Path]:
    """The pictures parted anew into so many files, each with other test pictures; a tenth of the rest to choose by."""
    with np.load(data) as given:
        x, y = (np.concatenate([given[f"{name}_{part}"] for part in ("train", "val", "test")]) for name in "xy")
    parts = np.array_split(np.random.default_rng(0).permutation(len(y)), folds)
    paths = []
    for number, test in enumerate(parts):
        rest = np.concatenate([*parts[:number], *parts[number + 1 :]])
        val, train = np.split(rest, [len(rest) // 10])
        rows = {"train": train, "val": val, "test": test}
        paths.append(folder / f"fold-{number}.npz")
        arrays = {f"{name}_{part}": values[at] for part, at in rows.items() for name, values in (("x", x), ("y", y))}
        np.savez(paths[-1], **arrays)
    return paths


def hits(path: Path, data: Path) -> Any:
    """Which of the test pictures a model gets right, as 0 and 1."""
    import keras

    with np.load(data) as arrays:
        x, y = arrays["x_test"], arrays["y_test"]
    return (keras.models.load_model(path, compile=False).predict(x, verbose=0).argmax(-1) == y).astype(float)


def over_all(found: list[dict[str, Any]]) -> list[str]:
    """A line for each merge: how much better than the best source of its fold, over the pictures of all folds."""
    from keras_weld.judging.bootstrap import interval, resample

    lines = []
    for merge in dict.fromkeys(row["merge"] for row in found):
        those = [row for row in found if row["merge"] == merge]
        made, best = (np.concatenate([row["hits"][of] for row in those]) for of in ("made", "best"))
        gain = 100 * (made - best)
        count = len(gain)
        span = interval(resample([lambda drawn, gain=gain: drawn @ gain / len(gain)], count)[:, 0])  # type: ignore[misc]
        figures = f"{100 * made.mean():6.2f}  {gain.mean():+6.2f} ({span.low:+.2f} to {span.high:+.2f})"
        lines.append(f"all {count} {merge:<34} {figures}")
    return lines


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
        "hits": {"made": hits(made, data), "best": hits(made.parent / best.model, data)},
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
    with np.load(data) as arrays:
        chosen_by = (arrays["x_val"], arrays["y_val"])
    for reduce in ("mean", "geometric", "vote", "weighted"):
        made = folder / f"ensemble-{reduce}-{seed}.keras"
        fitted = {"fit_weights": chosen_by} if reduce == "weighted" else {}
        weld.ensemble(list(paths.values()), reduce=reduce, out=made, **fitted)
        found.append(judged(f"ensemble, {reduce}", made, list(paths.values()), data))
    return [{"seed": seed, **one} for one in found]


def main() -> int:
    """Measure, and write every figure to results.json in the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("bench-compose"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, help="in place of seeds: part all pictures anew into so many folds")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--stages", help="of the fused model and its control, as weld tune takes them")
    told = parser.parse_args()
    if told.data is None:
        print("No --data: skipped.")
        return 0
    told.folder.mkdir(parents=True, exist_ok=True)
    found = []
    data = parted(told.data, told.folder, told.folds) if told.folds else [told.data] * told.seeds
    for seed, one in enumerate(data):
        found += one_seed(one, told.folder, seed, told.epochs, told.stages)
    kept = [{name: value for name, value in row.items() if name != "hits"} for row in found]
    (told.folder / "results.json").write_text(json.dumps(kept, indent=2))
    for row in found:
        print(
            f"{row['seed']} {row['merge']:<34} {row['accuracy']:6.2f}  {row['difference']:+6.2f} "
            f"({row['low']:+.2f} to {row['high']:+.2f})  {row['verdict']}"
        )
    if told.folds:
        print("\n".join(over_all(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
