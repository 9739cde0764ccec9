"""A frontier with made-up figures, for tests of how it is told."""

from __future__ import annotations

from keras_weld.zipping.frontier import Baseline, Frontier, Peak, Round, Speedup, TaskFigures

SOURCES = {"clothing": 72.0, "objects": 77.7}


def figures(task: str, drop: float, wide: float = 1.5) -> TaskFigures:
    source = SOURCES[task]
    value = source - drop
    verdict = "worse" if drop > wide else "better" if drop < -wide else "no worse"
    return TaskFigures(
        metric="accuracy",
        value=value,
        value_low=value - 2,
        value_high=value + 2,
        source=source,
        source_low=source - 2,
        source_high=source + 2,
        drop=drop,
        low=drop - wide,
        high=drop + wide,
        verdict=verdict,
        examples=372,
    )


def round_of(blocks: int) -> Round:
    speed = 1 + blocks * 0.075
    return Round(
        merged_blocks=blocks,
        file=f"merged-{blocks:02d}.keras",
        compression=1 + blocks**3 / 2300,
        memory=1 + blocks * 0.05,
        activations=1 + blocks * 0.06,
        speedup=(Speedup(1, speed, speed - 0.03, speed + 0.04), Speedup(8, speed - 0.05, speed - 0.1, speed)),
        start="from:objects",
        steps=4000 if blocks else 0,
        tasks={"clothing": figures("clothing", blocks * 0.3 - 3), "objects": figures("objects", blocks * 0.2 - 0.5)},
        losses=tuple((step, 2.5 / (1 + step / 700) + blocks / 20) for step in range(200, 4001, 200)) if blocks else (),
        peak=Peak(31_000_000, int(31_000_000 / speed), speed),
        onnx=(Speedup(1, speed + 0.02, speed, speed + 0.05),),
    )


def baseline(name: str, drop: float, steps: int = 0) -> Baseline:
    return Baseline(
        name=name,
        compression=1.97,
        memory=1.98,
        activations=2.0,
        speedup=(Speedup(1, 1.97, 1.9, 2.0), Speedup(8, 1.95, 1.9, 2.0)),
        tasks={"clothing": figures("clothing", drop), "objects": figures("objects", 0.2)},
        steps=steps,
        losses=tuple((step, 3 / (1 + step / 900)) for step in range(200, 4001, 200)) if steps else (),
    )


def frontier(depths: tuple[int, ...] = (0, 1, 4, 7, 10, 13), tasks: tuple[str, ...] = tuple(SOURCES)) -> Frontier:
    return Frontier(
        tasks=tasks,
        blocks=13,
        share="all",
        merge="features",
        rounds=tuple(round_of(depth) for depth in depths),
        chosen=depths[-1],
        max_drop=1.0,
        min_speedup=None,
        notes=("normalization calculates otherwise in clothing: each task keeps its own.",),
        baselines=(baseline("branch, not trained", 60.0), baseline("branch, trained", 1.4, 4000)),
    )
