"""How a zip tells how far it is: steps of all its calibrations, those of earlier starts counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from keras_weld.recipes.zip_asked import Progress
from keras_weld.training.checkpoints import Snapshot
from keras_weld.zipping.calibrating import Stepped


class Told:
    """What is told of a zip.

    Args:
        progress: called after each step; None for nobody.
        tell: called with what a person should know.
    """

    def __init__(self, progress: Progress | None, tell: Callable[[str], None]) -> None:
        self._progress, self._tell = progress, tell
        self._done = self._planned = 0

    def plan(self, steps: int) -> None:
        """Count on more steps to come."""
        self._planned += steps

    def pass_over(self, steps: int) -> None:
        """Count steps as done that an earlier start has made."""
        self._done += steps

    def tell(self, what: str) -> None:
        """Tell what is being done between steps."""
        if self._progress is not None:
            self._progress(self._done, self._planned, what)

    @contextmanager
    def calibration(self, what: str, steps: int, resumed: Snapshot | None) -> Iterator[Stepped]:
        """Inside the block, a calibration goes on; gives what is to be called after each of its steps.

        Args:
            what: what is calibrated.
            steps: its steps in all.
            resumed: the checkpoint that it goes on from.
        """
        if resumed is not None and resumed.step < steps:
            self._tell(f"Goes on at step {resumed.step:,} of {steps:,} ({what}).")

        def step(done: int, loss: float) -> None:
            if self._progress is not None:
                self._progress(self._done + done, self._planned, f"{what}, loss {loss:.3g}")

        yield step
        self._done += steps
