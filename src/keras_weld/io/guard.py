"""Everything that is checked of a file before a model is built from it."""

from __future__ import annotations

import os
from collections.abc import Collection

from keras_weld.core.state import ModelState
from keras_weld.errors import add_context
from keras_weld.io.bare_operations import require_no_bare_operation
from keras_weld.io.check_sizes import check_sizes
from keras_weld.io.config_scan import require_safe, scan_config
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_with

_DEFAULT = Limits()


def scan_file(
    path: str | os.PathLike[str],
    *,
    limits: Limits = _DEFAULT,
    custom: Collection[str] = frozenset(),
    unsafe: bool = False,
    building: bool = True,
) -> ModelState:
    """Open a model file, and refuse it if building a model from it would not be safe.

    Checks, in this order: the file's structure; every class and function that its configuration names; the
    operations in a `.h5`, which Keras cannot tell from layers; the sizes that the configuration asks for against
    the tensors that are stored. The structure is looked through with h5py, as Keras will see it.

    Args:
        path: the file or folder.
        limits: what the file may ask for.
        custom: names of the classes and functions that the user passed in.
        unsafe: whether executable content (Lambda layers) is allowed.
        building: whether the model is built from this file; if another one has the architecture, this one's own is
            of no account.

    Returns:
        The open state; close it after use.

    Raises:
        WeldError: naming the file, the layer as far as known, and the remedy.
    """
    state = open_with(path, limits, Reader.H5PY)
    try:
        with add_context(file=path):
            if building:
                _scan(state, limits, custom, unsafe)
    except BaseException:
        state.close()
        raise
    return state


def _scan(state: ModelState, limits: Limits, custom: Collection[str], unsafe: bool) -> None:
    for config, compiled in ((state.config, False), (state.compile_config, True)):
        if config is not None:
            require_safe(
                scan_config(
                    config,
                    limits=limits,
                    custom=custom,
                    unsafe=unsafe,
                    file=state.source,
                    compiled=compiled,
                ),
                state.source,
            )
    require_no_bare_operation(state, custom)
    require_sizes(state, limits)


def require_sizes(state: ModelState, limits: Limits) -> None:
    """Refuse a file whose configuration asks for other sizes than it has stored; nothing is asked without one.

    Raises:
        ShapeMismatchError: naming the layer, the shape that its configuration asks for, and what is stored.
        LimitError: if an architecture alone asks for a tensor above the limit.
    """
    if state.config is not None:
        weights = state.kind != Kind.ARCHITECTURE
        check_sizes(state.config, state.specs, state.source, limits, weights=weights)
