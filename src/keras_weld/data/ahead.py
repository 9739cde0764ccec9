"""Work done a little ahead by a few threads that are kept."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

THREADS = min(8, os.cpu_count() or 1)
AHEAD = 2
"""Batches that are worked on while the one before them is in use: the bound on memory."""


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="weld-data")


# A forked process has the pool without its threads, and would wait for them for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def ahead(batches: Iterable[Iterable[Item]], work: Callable[[Item], Made]) -> Iterator[list[Made]]:
    """The results of `work` for each item of each batch, in order.

    Args:
        batches: what to work on; asked for at most `AHEAD` batches further than what was given out.
        work: called in a thread for each item.

    Yields:
        The results of one batch.
    """
    waiting: deque[list[Future[Made]]] = deque()
    try:
        for batch in batches:
            waiting.append([_pool().submit(work, item) for item in batch])
            if len(waiting) > AHEAD:
                yield [future.result() for future in waiting.popleft()]
        while waiting:
            yield [future.result() for future in waiting.popleft()]
    finally:
        for futures in waiting:
            for future in futures:
                future.cancel()
