"""Data opened within the limits that hold for the files of models."""

from __future__ import annotations

from typing import Any

from keras_weld.data.open import open_data
from keras_weld.data.split import Dataset
from keras_weld.io.limits import Limits


def open_within(limits: Limits | None, what: Any, **options: Any) -> Dataset:
    """Open data by what the user calls it.

    Args:
        limits: what packed files may unpack to.
        what: the data, as `open_data` takes it.
        **options: the others that `open_data` takes.

    Raises:
        WeldError: as `open_data` does.
    """
    bounds = limits or Limits()
    return open_data(what, inflated_bytes=bounds.inflated_bytes, ratio=bounds.ratio, **options)
