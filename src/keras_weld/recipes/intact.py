"""Holds opened files against their checksums, on another core, while something else is done with them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from keras_weld.core.state import ModelState


class Intact:
    """The checksums of some files, taken in the background; leave its block before the files are closed.

    Args:
        states: the files, open.
    """

    def __init__(self, states: Sequence[ModelState]) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._running = [self._pool.submit(state.verifier) for state in states if state.verifier is not None]

    def __enter__(self) -> Intact:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def require(self) -> None:
        """Wait for the last file.

        Raises:
            DamagedFileError: for the first whose bytes are not those that were written.
        """
        for one in self._running:
            one.result()
