"""Work that the training does not wait for: one thread, one thing at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from types import TracebackType

from keras_weld.errors import WeldError


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="weld-checkpoints")


# A forked process has the pool without its thread, and would wait for it for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


class Background:
    """Does one thing after another in a thread that all runs of the process share.

    What has been handed over is done even if the training breaks off; only a kill is quicker. As a context, it
    waits at the end. An error of the work is raised at the next `do` or `wait`, as it was; where the training
    itself has failed, it is added to that error as a note.
    """

    def __init__(self) -> None:
        self._pending: Future[None] | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Hand work over, once what was handed over before is done."""
        self.wait()
        self._pending = _pool().submit(work)

    def wait(self) -> None:
        """Wait for what was handed over.

        Raises:
            WeldError: or whatever else came out of it.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.wait()
        except WeldError as failure:
            if error is None:
                raise
            error.add_note(f"The last checkpoint was not written either. {failure}")


def all_done() -> None:
    """Wait for what earlier runs of this process have handed over."""
    _pool().submit(lambda: None).result()
