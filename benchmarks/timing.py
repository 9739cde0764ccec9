"""Time whole processes and calls side by side: in turn, medians, ratios pair by pair."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}


def process_seconds(command: Sequence[str]) -> float:
    """Wall seconds of a process from start to end.

    Raises:
        SystemExit: if it fails, with what it said.
    """
    start = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **QUIET}, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return seconds


def call_seconds(call: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(measures: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Take each measure in turn, `rounds` times, after `warm_up` rounds that do not count."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds + warm_up):
        for name, measure in measures.items():
            seconds = measure()
            if number >= warm_up:
                taken[name].append(seconds)
    return taken


def show(taken: Mapping[str, Sequence[float]], base: str) -> None:
    """Print medians, the spread, and the ratio to `base` as the median of the pairs."""
    for name, seconds in taken.items():
        pairs = [one / other for one, other in zip(seconds, taken[base], strict=True)]
        spread = f"{min(seconds):.3f} to {max(seconds):.3f}"
        ratio = "" if name == base else f"   {statistics.median(pairs):6.2f} x {base}"
        print(f"  {name:<38} {statistics.median(seconds):7.3f} s  ({spread}){ratio}")


def ratio(taken: Mapping[str, Sequence[float]], one: str, other: str) -> float:
    """Median over the pairs of `one` divided by `other`."""
    return statistics.median(a / b for a, b in zip(taken[one], taken[other], strict=True))


def verdict(what: str, value: float, bound: float, *, at_least: bool) -> bool:
    """Print whether a figure is within its bound."""
    good = value >= bound if at_least else value <= bound
    print(f"  {'ok  ' if good else 'MISS'} {what}: {value:.2f} (wanted {'>=' if at_least else '<='} {bound:g})")
    return good


def peak_private_mb() -> float:
    """Largest resident memory of this process so far, in MB (10^6 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
