"""Zipping two networks that were trained on real pictures: every ingredient of the calibration, against a control.

    python benchmarks/bench_zip.py --data clothing=clothing.npz --data objects=cifar.npz --folder work --seeds 3
    python benchmarks/bench_zip.py --data … --folder work --only default --only "no distillation"

Each file has x_train, y_train, x_val, y_val, x_test, y_test: pictures of 0 to 255, which are brought to 48 x 48, and
labels. Each seed trains a MobileNet of width 0.5 on each from nothing (those in the folder are kept) until its cosine
schedule has ended. As a control, each is trained on for as many steps as a calibration takes. All figures are on test
pictures; the teachers and the merged network see the same ones.

Without --data nothing is measured: no pictures come with the project.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

SIZE, BATCH, STEPS, BLOCKS = 48, 64, 4000, 13
TEACHER_STEPS = 14_000
WAYS: dict[str, dict[str, Any]] = {
    "default": {},
    "no distillation": {"hard": 1.0, "soft": 0.0},
    "no labels": {"hard": 0.0, "soft": 1.0},
    "L1 of feature maps": {"layers": 1.0},
    "start mean": {"start": "mean"},
    "pointwise, by weights": {"share": "pointwise", "merge": "weights"},
    "kernels, by features": {"share": "kernels"},
    "a quarter of the steps": {"steps": STEPS // 4},
}
"""What is changed of the defaults in each way of zipping."""


def prepared(data: Path, folder: Path, task: str) -> Path:
    """The file with its pictures at the networks' size."""
    import keras

    path = folder / f"{task}.npz"
    if not path.exists():
        with np.load(data) as given:
            arrays = dict(given)
        for part in ("train", "val", "test"):
            pictures = np.asarray(arrays[f"x_{part}"])
            if pictures.ndim == 3:
                pictures = np.repeat(pictures[..., None], 3, axis=-1)
            sized = [
                keras.ops.convert_to_numpy(
                    keras.ops.image.resize(pictures[at : at + 512].astype("float32"), (SIZE, SIZE))
                )
                for at in range(0, len(pictures), 512)
            ]
            arrays[f"x_{part}"] = np.clip(np.rint(np.concatenate(sized)), 0, 255).astype("uint8")
        np.savez(path, **arrays)
    return path


def network(classes: int) -> Any:
    """A MobileNet of width 0.5 that takes pictures of 0 to 255."""
    import keras

    picture = keras.Input((SIZE, SIZE, 3), name="picture")
    body = keras.applications.MobileNet(
        input_tensor=keras.layers.Rescaling(1 / 127.5, -1)(picture), alpha=0.5, weights=None, classes=classes
    )
    return keras.Model(picture, body.output)


def trained(path: Path, data: Path, steps: int, seed: int, start: Path | None = None, *, peak: float = 2e-3) -> Path:
    """A network trained for so many steps of 64, from nothing or from another, unless it is there."""
    import keras
    from networks import train

    import keras_weld as weld

    if not path.exists():
        keras.utils.set_random_seed(seed)
        with np.load(data) as arrays:
            x, y = arrays["x_train"], arrays["y_train"]
        model = network(int(y.max()) + 1) if start is None else keras.models.load_model(start, compile=False)
        train(model, x, y, max(1, round(steps / (len(x) // BATCH))), seed, peak=peak)
        weld.save(model, path)
    return path


def hits(path: Path, data: Path) -> Any:
    """Which of the test pictures a model gets right, as 0 and 100."""
    import keras

    with np.load(data) as arrays:
        x, y = arrays["x_test"], arrays["y_test"]
    return 100.0 * (keras.models.load_model(path, compile=False).predict(x, verbose=0).argmax(-1) == y)


def drop_line(what: str, teacher: Any, other: Any) -> str:
    """A figure of a model, and how much better it is than its teacher, with an interval over the pictures."""
    from keras_weld.judging.bootstrap import interval, resample

    gain = other - teacher
    span = interval(resample([lambda drawn: drawn @ gain / len(gain)], len(gain))[:, 0])
    return f"  {what:<34} {other.mean():6.2f}  {gain.mean():+6.2f} ({span.low:+.2f} to {span.high:+.2f})"


def zipped(
    way: str, teachers: Mapping[str, Path], data: Mapping[str, Path], folder: Path, seed: int, steps: int
) -> dict[str, Any]:
    """One way of zipping; gives what its frontier says of the only round."""
    import keras_weld as weld

    options = {"steps": steps, "baselines": "none", **WAYS[way]}
    out = folder / f"{way.replace(' ', '-').replace(',', '')}-{seed}"
    began = time.perf_counter()
    found = weld.zipper(
        list(teachers.values()), names=list(teachers), data=dict(data), out=out, rounds=[BLOCKS], seed=seed, **options
    )
    took = time.perf_counter() - began
    one = found.rounds[-1]
    speeds = ", ".join(f"{speed.value:.2f} at batch {speed.batch}" for speed in one.speedup)
    print(f"{way}: start {one.start}, speedup {speeds}, compression {one.compression:.3f}, {took:.0f} s")
    for task, row in one.tasks.items():
        print(f"  {task:<34} {row.value:6.2f}  {-row.drop:+6.2f} ({-row.high:+.2f} to {-row.low:+.2f})", flush=True)
    tasks = {task: {"value": row.value, "gain": -row.drop, "examples": row.examples} for task, row in one.tasks.items()}
    return {"way": way, "seed": seed, "start": one.start, "seconds": took, "speedup": speeds, "tasks": tasks}


def one_seed(
    data: Mapping[str, Path], folder: Path, seed: int, ways: list[str], teacher_steps: int, steps: int
) -> list[dict[str, Any]]:
    """Teachers, control, and every way of zipping."""
    print(f"seed {seed}", flush=True)
    teachers, controls = {}, {}
    for number, (task, path) in enumerate(data.items()):
        teachers[task] = trained(folder / f"{task}-{seed}.keras", path, teacher_steps, 1000 * seed + number)
        control = folder / f"{task}-{seed}-control.keras"
        controls[task] = trained(control, path, steps, 1000 * seed + number + 500, teachers[task], peak=1e-3)
    for task, path in data.items():
        right = hits(teachers[task], path)
        print(f"  {task + ', teacher':<34} {right.mean():6.2f}")
        print(drop_line(f"{task}, control: {steps} steps on", right, hits(controls[task], path)), flush=True)
    return [zipped(way, teachers, data, folder, seed, steps) for way in ways]


def main() -> int:
    """Measure, and write every figure to results.json in the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", default=[], metavar="TASK=FILE")
    parser.add_argument("--folder", type=Path, default=Path("bench-zip"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--teacher-steps", type=int, default=TEACHER_STEPS)
    parser.add_argument("--steps", type=int, default=STEPS, help="of a calibration")
    parser.add_argument("--only", action="append", choices=list(WAYS), help="one way of zipping, or several")
    told = parser.parse_args()
    if not told.data:
        print("No --data: skipped.")
        return 0
    told.folder.mkdir(parents=True, exist_ok=True)
    given = dict(one.split("=", 1) for one in told.data)
    data = {task: prepared(Path(path), told.folder, task) for task, path in given.items()}
    found: list[dict[str, Any]] = []
    for seed in range(told.seeds):
        found += one_seed(data, told.folder, seed, told.only or list(WAYS), told.teacher_steps, told.steps)
        (told.folder / "results.json").write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
