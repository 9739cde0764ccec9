"""Calls of TensorFlow's functions in models of Keras 2, as the operations of Keras 3 that mean the same.

Keras 2 made a layer of each: `x * 2` is a `TFOpLambda` with the function `math.multiply`, `x[:, 0]` a
`SlicingOpLambda`. Its arguments stand where other layers have those of their call.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from keras_weld.errors import UnknownClassError
from keras_weld.models.keras_private import layers_in
from keras_weld.models.older_calls import is_reference, tensor
from keras_weld.models.older_op_rules import RULES, Rule

Config = dict[str, Any]

CLASSES = ("TFOpLambda", "SlicingOpLambda")
"""The layers that Keras 2 made of such calls."""

_VALUES = ("__keras_tensor__", "__numpy__", "__tensor__")
_CONSTANT = "_CONSTANT_VALUE"
_GET_ITEM = "__operators__.getitem"


@dataclass(slots=True)
class _Said:
    """A call as the file tells it; what was understood of its arguments is taken out of `rest`."""

    name: str
    function: str
    first: Any
    rest: dict[str, Any] = field(default_factory=dict)

    def take(self, name: str, default: Any = None) -> Any:
        value = self.rest.pop(name, None)
        return default if value is None else value


def operations(layer: Config) -> list[Config]:
    """The layers of Keras 3 for a layer that stands for a call of TensorFlow; the last has its name.

    Args:
        layer: its description in a model of Keras 2.

    Raises:
        UnknownClassError: naming function and layer, if no operation means the same.
    """
    said = _said(layer)
    special = _SPECIAL.get(said.function)
    if special is not None:
        made = special(said)
    elif said.function in RULES:
        made = [_by_rule(said, RULES[said.function])]
    else:
        raise _refused(said.name, said.function, "no operation of Keras that means the same is known")
    left = [name for name, value in said.rest.items() if name != "name" and value not in (None, False)]
    if left:
        raise _refused(said.name, said.function, f"its argument {left[0]}={said.rest[left[0]]!r:.60}")
    return made


def refuse_means_of_integers(model: keras.Model) -> None:
    """Refuse a mean of whole numbers, of which TensorFlow cuts off the fraction and Keras does not.

    Args:
        model: built of what `operations` gave; what goes into each is known only now.

    Raises:
        UnknownClassError: naming the call.
    """
    for one in layers_in(model):
        for operation in getattr(one, "operations", ()):
            if type(operation).__name__ == "Mean" and "int" in str(operation.input.dtype):
                raise _refused(operation.name, "math.reduce_mean", "a mean of whole numbers, without its fraction")


def _said(layer: Config) -> _Said:
    name, function = layer["name"], str(layer["config"].get("function"))
    calls = layer.get("inbound_nodes")
    if not isinstance(calls, list) or len(calls) != 1 or not isinstance(calls[0], list) or not calls[0]:
        raise _refused(name, function, "another number of calls than one")
    entries = [calls[0]] if isinstance(calls[0][0], str) else calls[0]
    if not all(isinstance(one, list) and len(one) in (3, 4) for one in entries):
        raise _refused(name, function, "arguments within others")
    values = [one[2] if one[0] == _CONSTANT else tensor(one) for one in entries]
    rest = dict(entries[0][3]) if len(entries[0]) > 3 else {}
    return _Said(name, function, values[0] if entries[0] is calls[0] else values, rest)


def _by_rule(said: _Said, rule: Rule) -> Config:
    for name, value in rule.neutral.items():
        if name in said.rest and said.rest[name] == value:
            del said.rest[name]
    called_on = [_value(said, said.first), *(_value(said, said.rest.pop(name, None)) for name in rule.tensors)]
    if None in called_on:
        raise _refused(said.name, said.function, "an argument that is left out")
    made_with = {one.name: _plain(said, said.take(name, one.default)) for name, one in rule.settings.items()}
    return _operation(said.name, rule.operation, {**made_with, **rule.fixed}, *called_on)


def _operation(name: str, operation: str, made_with: Mapping[str, Any], *called_on: Any, **named: Any) -> Config:
    module, class_name = operation.split(".")
    return {
        "module": f"keras.src.ops.{module}",
        "class_name": class_name,
        "config": {"name": name, **made_with},
        "registered_name": class_name,
        "name": name,
        "inbound_nodes": [{"args": list(called_on), "kwargs": named}],
    }


def _value(said: _Said, value: Any) -> Any:
    """What an operation is called on: a tensor, a number, or an array."""
    if is_reference(value):
        return tensor(value)
    if isinstance(value, list | tuple) and any(isinstance(one, dict) for one in value):
        return [_value(said, one) for one in value]
    if isinstance(value, dict) and value.get("class_name") not in _VALUES:
        raise _refused(said.name, said.function, "an argument that is no tensor")
    if not isinstance(value, list | tuple):
        return value
    numbers = list(_flat(value))
    if not numbers or not all(isinstance(one, int | float) for one in numbers):
        raise _refused(said.name, said.function, f"the constant {value!r:.60}")
    kind = "float32" if any(isinstance(one, float) for one in numbers) else "int32"
    if isinstance(numbers[0], bool):
        kind = "bool"
    return {"class_name": "__numpy__", "config": {"value": value, "dtype": kind}}


def _flat(value: Any) -> list[Any]:
    return list(itertools.chain.from_iterable(map(_flat, value))) if isinstance(value, list | tuple) else [value]


def _plain(said: _Said, value: Any) -> Any:
    """What an operation is made with: no tensor may be in it."""
    if any(isinstance(one, str | dict) for one in _flat(value)) and not isinstance(value, str):
        raise _refused(said.name, said.function, "a size or an axis that is computed")
    return value


def _get_item(said: _Said) -> list[Config]:
    key = said.take("slice_spec")
    parts = [_index(said, one) for one in (key if isinstance(key, list | tuple) else [key])]
    return [_operation(said.name, "numpy.GetItem", {}, said.first, parts)]


def _index(said: _Said, part: Any) -> Any:
    if isinstance(part, dict) and set(part) == {"start", "stop", "step"}:
        ends = {name: _index(said, value) for name, value in part.items()}
        return {"class_name": "__slice__", "config": ends}
    if isinstance(part, dict) and part.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    if part is None or isinstance(part, int):
        return part
    raise _refused(said.name, said.function, "an index that is computed")


def _matmul(said: _Said) -> list[Config]:
    sides = {"a": said.first, "b": _value(said, said.take("b"))}
    made = []
    for side, value in sides.items():
        if said.take(f"transpose_{side}", False):
            made.append(_operation(f"{said.name}.{side}", "numpy.Swapaxes", {"axis1": -2, "axis2": -1}, value))
            sides[side] = tensor([f"{said.name}.{side}", 0, 0])
    return [*made, _operation(said.name, "numpy.Matmul", {}, *(_value(said, one) for one in sides.values()))]


def _split(said: _Said) -> list[Config]:
    """Equal parts by their number, others by where they end."""
    sizes = _plain(said, said.take("num_or_size_splits"))
    if said.take("num") is not None or (isinstance(sizes, list) and min(sizes, default=-1) < 0):
        raise _refused(said.name, said.function, "sizes that are not told")
    parts = sizes if isinstance(sizes, int) else list(itertools.accumulate(sizes[:-1]))
    made_with = {"indices_or_sections": parts, "axis": _plain(said, said.take("axis", 0))}
    return [_operation(said.name, "numpy.Split", made_with, said.first)]


def _pad(said: _Said) -> list[Config]:
    mode = str(said.take("mode", "CONSTANT")).lower()
    value = said.take("constant_values", 0)
    made_with = {"pad_width": _plain(said, said.take("paddings")), "mode": mode}
    named = {"constant_values": _value(said, value)} if mode == "constant" and value else {}
    return [_operation(said.name, "numpy.Pad", made_with, said.first, **named)]


def _l2_normalize(said: _Said) -> list[Config]:
    """TensorFlow holds the square of the norm against its epsilon, Keras the norm."""
    axis = _plain(said, said.take("axis"))
    if not isinstance(axis, int | list):
        raise _refused(said.name, said.function, "no axis")
    made_with = {"axis": axis, "order": 2, "epsilon": math.sqrt(said.take("epsilon", 1e-12))}
    return [_operation(said.name, "nn.Normalize", made_with, said.first)]


def _norm(said: _Said) -> list[Config]:
    """By its formula: Keras's own operation does not take an axis on JAX."""
    over = {"axis": _plain(said, said.take("axis")), "keepdims": said.take("keepdims", False)}
    order = said.take("ord", "euclidean")
    if order in ("euclidean", 2) and (order == "euclidean" or isinstance(over["axis"], int)):
        return _chain(said, ("numpy.Square", {}), ("numpy.Sum", over), ("numpy.Sqrt", {}))
    if order == 1 and isinstance(over["axis"], int):
        return _chain(said, ("numpy.Absolute", {}), ("numpy.Sum", over))
    raise _refused(said.name, said.function, f"ord={order!r}, axis={over['axis']}")


def _add_n(said: _Said) -> list[Config]:
    if not isinstance(said.first, list):
        raise _refused(said.name, said.function, "one tensor alone")
    return _chain(said, ("numpy.Stack", {"axis": 0}), ("numpy.Sum", {"axis": 0, "keepdims": False}))


def _chain(said: _Said, *steps: tuple[str, Mapping[str, Any]]) -> list[Config]:
    """Several operations, each called on what the one before gives."""
    made: list[Config] = []
    given = _value(said, said.first)
    for number, (operation, made_with) in enumerate(steps, 1):
        name = said.name if number == len(steps) else f"{said.name}.step_{number}"
        made.append(_operation(name, operation, made_with, given))
        given = tensor([name, 0, 0])
    return made


_SPECIAL: Mapping[str, Callable[[_Said], list[Config]]] = {
    _GET_ITEM: _get_item,
    "compat.v1.norm": _norm,
    "compat.v1.pad": _pad,
    "linalg.matmul": _matmul,
    "math.add_n": _add_n,
    "math.l2_normalize": _l2_normalize,
    "norm": _norm,
    "pad": _pad,
    "split": _split,
}


def _refused(layer: str, function: str, found: str) -> UnknownClassError:
    called = "x[…]" if function == _GET_ITEM else f"tf.{function}"
    return UnknownClassError(
        f"The model calls {called} in a way that cannot be said in Keras 3.",
        layer=layer,
        expected="a call of TensorFlow for which keras.ops has one of equal meaning",
        found=f"{called}: {found}",
        remedy="Build the model anew in code with Keras 3, and load the weights of this file into it: "
        "weld.load(file, architecture='model.json'). Inspecting, checking and averaging work as it is.",
    )
