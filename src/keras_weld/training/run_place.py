"""Where a run goes, and that no other process is in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from keras_weld.errors import UsageError
from keras_weld.training.holding import held
from keras_weld.training.rehearsal import placed

Function = TypeVar("Function", bound=Callable[..., Any])


def in_its_folder(function: Function) -> Function:
    """Decorator of a function that trains the run named by its keyword `run`: nobody else trains it meanwhile.

    In a rehearsal, it is trained in another folder than the one that is named.
    """

    @wraps(function)
    def alone(*given: Any, run: str | os.PathLike[str] | None = None, **options: Any) -> Any:
        if run is None:
            raise UsageError(
                f"weld.{function.__name__} keeps the training in a folder, and none is named.",
                expected="run='FOLDER', where it goes on when it is started again",
                remedy=f"weld.{function.__name__}(…, run='run')",
            )
        folder, more = placed(run)
        with held(folder):
            return function(*given, run=folder, **{**options, **more})

    return cast(Function, alone)
