"""How a model was compiled and how far it was trained, from its config and its optimizer's variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from keras_weld.core.snake_case import snake_case
from keras_weld.core.state import LazyTensor, ModelState

_INNER = "inner_optimizer"


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss.

    Attributes:
        name: what it is called: `categorical_crossentropy`.
        from_logits: whether it takes logits; None where the file has its name alone, which people also give to what
            gives logits.
    """

    name: str
    from_logits: bool | None = None


@dataclass(frozen=True, slots=True)
class Optimizer:
    """What a file tells of the optimizer.

    Attributes:
        name: its class, `Adam`, or None if only its variables are there; of one that scales the loss, the class that
            it wraps.
        learning_rate: the current one, or None if it is not told.
        schedule: the class of the schedule that the learning rate follows, or None.
        step: how many updates were made, or None.
        variables: how many variables the file keeps for it; without them training starts afresh.
        bytes: their size.
        scales_loss: whether it scales the loss for float16 and leaves the steps to the one that it wraps
            (`keras.optimizers.LossScaleOptimizer`).
    """

    name: str | None
    learning_rate: float | None
    schedule: str | None
    step: int | None
    variables: int
    bytes: int
    scales_loss: bool = False


def optimizer_of(state: ModelState) -> Optimizer | None:
    """The optimizer in a file, or None if there is no trace of one."""
    compiled = state.compile_config or {}
    written = compiled.get("optimizer", compiled.get("optimizer_config"))
    if not written and not state.optimizer:
        return None
    name, config = _class_and_config(written)
    inner = config.get(_INNER)
    if isinstance(inner, Mapping):
        name, config = _class_and_config(inner)
    wraps = isinstance(inner, Mapping) or any(_INNER in tensor.spec.path.split("/") for tensor in state.optimizer)
    counts = _of_steps(state, config.get("name")) if wraps else state.optimizer
    rate = config.get("learning_rate", config.get("lr"))
    schedule = _class_and_config(rate)[0] if isinstance(rate, Mapping) else None
    stored = _scalar(counts, "learning_rate")
    if stored is None and isinstance(rate, int | float) and not isinstance(rate, bool):
        stored = float(rate)
    step = _scalar(counts, "iteration", "iterations")
    return Optimizer(
        name=name,
        learning_rate=stored,
        schedule=schedule,
        step=None if step is None else int(step),
        variables=len(state.optimizer),
        bytes=sum(tensor.spec.nbytes for tensor in state.optimizer),
        scales_loss=wraps,
    )


def loss_of(compiled: Mapping[str, Any] | None, name: str, number: int, count: int) -> Loss | None:
    """The loss on one output.

    Args:
        compiled: how the model was compiled.
        name: the output's name.
        number: the output's number, from 0.
        count: how many outputs there are.
    """
    value: Any = (compiled or {}).get("loss")
    if isinstance(value, Mapping) and "class_name" not in value:
        value = value.get(name)
    elif isinstance(value, list):
        value = value[number] if len(value) == count else None
    return _loss(value)


def losses_of(compiled: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Names of all losses, as far as they are Keras's own or have a name."""
    found = [loss.name for value in _flat((compiled or {}).get("loss")) if (loss := _loss(value))]
    return tuple(dict.fromkeys(found))


def metrics_of(compiled: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Names of the metrics that the model was compiled with."""
    compiled = compiled or {}
    values = [*_flat(compiled.get("metrics")), *_flat(compiled.get("weighted_metrics"))]
    names = [value if isinstance(value, str) else _named(value) for value in values]
    return tuple(dict.fromkeys(name for name in names if name))


def _loss(value: Any) -> Loss | None:
    if isinstance(value, str):
        return Loss(_LONG_NAMES.get(value, snake_case(value)))
    name, config = _class_and_config(value)
    if name is None:
        return None
    if name == "function" and isinstance(value.get("config"), str):
        return Loss(_LONG_NAMES.get(value["config"], value["config"]))
    said = config.get("from_logits")
    return Loss(snake_case(name), said if isinstance(said, bool) else None)


def _class_and_config(value: Any) -> tuple[str | None, Mapping[str, Any]]:
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, Mapping):
        return None, {}
    name, config = value.get("class_name"), value.get("config")
    if isinstance(name, str) and ">" in name:
        name = name.rpartition(">")[2]
    return (name if isinstance(name, str) else None), (config if isinstance(config, Mapping) else {})


def _named(value: Any) -> str | None:
    name, config = _class_and_config(value)
    if name == "function":
        return value["config"] if isinstance(value.get("config"), str) else None
    given = config.get("name")
    return given if isinstance(given, str) else snake_case(name) if name else None


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, Mapping) and "class_name" not in value:
        for item in value.values():
            yield from _flat(item)
    elif value is not None:
        yield value


def _of_steps(state: ModelState, name: Any) -> list[LazyTensor]:
    """The variables of an optimizer that another wraps, which has a step and a rate of its own that stay 0.

    Keras 3 keeps them in a group of their own; a whole-model `.h5` names them after the wrapped optimizer.

    Args:
        state: the file, open.
        name: of the wrapped optimizer, as far as the file tells.
    """
    by_group = [tensor for tensor in state.optimizer if _INNER in tensor.spec.path.split("/")]
    by_name = [tensor for tensor in state.optimizer if tensor.spec.name.rpartition("/")[0] == f"optimizer/{name}"]
    return by_group or by_name or state.optimizer


def _scalar(tensors: Iterable[LazyTensor], *names: str) -> float | None:
    for tensor in tensors:
        if tensor.spec.name.rpartition("/")[2] in names and tensor.spec.size == 1:
            return _value(tensor)
    return None


def _value(tensor: LazyTensor) -> float:
    return float(tensor.read().reshape(()).item())


_LONG_NAMES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
}
