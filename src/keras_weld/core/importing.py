"""Modules of the user's own, found the way that `python script.py` finds them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def current_folder_importable() -> Iterator[None]:
    """Inside the block, modules of the current folder can be imported; they are searched first."""
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
