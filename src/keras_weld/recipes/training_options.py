"""The options of training that several functions take by the same names: written down once, shown by each."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

from keras_weld.recipes.tuning import Training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_weld.data.prepare import Preparation
    from keras_weld.training.plan import Stage

Function = TypeVar("Function", bound=Callable[..., Any])

_NAME = "training"
_LINE = re.compile(rf"^( *)\*\*{_NAME}:.*\n(?:\1 .*\n)*", re.MULTILINE)


class TrainingOptions(TypedDict, total=False):
    """How to train, by keywords; `Training` says what each means and what holds without it."""

    stages: str | Sequence[Stage] | None
    loss: Any
    optimizer: str
    batch_size: int
    patience: int
    seed: int
    steps: int | None
    sample: int | None
    pixels: str
    prepare: Preparation | None
    run: str | os.PathLike[str] | None
    every: str


def shows_training_options(function: Function) -> Function:
    """Decorator for a function that ends in `**training: Unpack[TrainingOptions]`.

    Its signature and its docstring, as `help` and editors show them, have each option by itself; a keyword that is
    none of them is refused in its name.

    Example:
        >>> @shows_training_options
        ... def improve(model: str, **training: Any) -> Training:
        ...     return Training(model, **training)
        >>> "batch_size" in inspect.signature(improve).parameters
        True
    """
    options = TrainingOptions.__annotations__
    shown = inspect.signature(function)
    own = [one for name, one in shown.parameters.items() if name != _NAME]
    each = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type)
        for one in fields(Training)
        if one.name in options
    ]
    known = {one.name for one in own}

    @wraps(function)
    def refusing(*given: Any, **named: Any) -> Any:
        for name in named:
            if name not in known and name not in options:
                raise TypeError(f"{function.__name__}() got an unexpected keyword argument {name!r}")
        return function(*given, **named)

    refusing.__signature__ = shown.replace(parameters=[*own, *each])  # type: ignore[attr-defined]
    refusing.__doc__ = function.__doc__ and _LINE.sub(lambda found: indent(_described(), found[1]), function.__doc__)
    return cast(Function, refusing)


def _described() -> str:
    """What the docstring of `Training` says of the options, from the first one on."""
    first = next(iter(TrainingOptions.__annotations__))
    _, start, rest = (inspect.getdoc(Training) or "").partition(f"    {first}:")
    return dedent(start + rest) + "\n"
