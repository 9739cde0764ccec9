"""The rules that a configuration is held to: one object, text or number at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from keras_weld.errors import LimitError, UnsafeFileError, WeldError
from keras_weld.io import allow_list
from keras_weld.io.allowed_names import KERAS_VERSION
from keras_weld.io.config_walk import Entry, Object, Text
from keras_weld.io.limits import Limits

_MISSING = object()
# Numbers in a layer's configuration that say nothing about its size.
_NO_SIZES = frozenset(
    {
        "bin_boundaries", "factor", "fill_value", "ignore_class", "mask_token", "mask_value", "max_value",
        "mean", "min_value", "offset", "oov_token", "salt", "scale", "seed", "shared_object_id", "threshold",
        "value", "variance", "vocabulary",
    }
)  # fmt: skip
# Texts under these keys are files that Keras opens.
_PATHS = frozenset(
    {"checkpoint", "file", "filename", "filepath", "path", "preset", "url", "vocabulary", "idf_weights"},
)
_LAYERS = ("applications", "layers", "models", "operations")
_OPTIMIZERS = ("optimizers",)
_PLAIN_DTYPE = re.compile(r"bool|string|bfloat16|u?int(4|8|16|32|64)|float(16|32|64|8_e4m3fn|8_e5m2)|complex(64|128)")
_NOT_KERAS = "Do not use this file unless you know who made it; Keras does not write such files."


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something to report that is no problem by itself.

    Attributes:
        sort: `custom`, `executable`, `older` or `shadowed`.
        name: name of the class or function.
        module: where the file says it is from.
        registered_name: the name that it was registered under.
        function: whether it is a function.
        passed: whether the user passed it in.
    """

    sort: str
    name: str
    module: str | None
    registered_name: str | None
    function: bool = False
    passed: bool = False


Judgement = Verdict | WeldError | None


class Judge:
    """Holds what a walk finds to the rules; it has to be shown an object before the object's entries.

    Args:
        custom: names that the user passed in.
        limits: `dimension` applies.
    """

    def __init__(self, custom: frozenset[str], limits: Limits) -> None:
        self._custom = custom
        self._limits = limits
        self._sized: dict[int, bool] = {}  # id of a built-in object -> whether its numbers are sizes

    def judge(self, item: Object | Text | Entry) -> Judgement:
        """None for what is fine, an error for what no honest file has, a verdict for what to report."""
        if isinstance(item, Entry):
            return self._entry(item)
        if isinstance(item, Text):
            return self._text(item)
        return self._object(item)

    def _text(self, item: Text) -> Verdict | None:
        if item.owner is not None and id(item.owner.raw) not in self._sized:
            return None  # what a custom layer's texts mean is its author's business
        kinds = ("losses", "metrics") if item.kind in ("losses", "metrics") else (item.kind,)
        if item.text not in self._custom and any(allow_list.is_known_text(item.text, kind) for kind in kinds):
            return None
        passed = item.text in self._custom
        return Verdict("custom", item.text, None, None, item.kind != "optimizers", passed)

    def _entry(self, item: Entry) -> WeldError | None:
        sized = self._sized.get(id(item.owner.raw))
        if sized is None:  # not built in: its author says what its numbers mean
            return None
        if isinstance(item.value, str):
            return self._check_path(item, item.value)
        if sized and item.value > self._limits.dimension and item.key not in _NO_SIZES:
            return self._too_large(item, item.value)
        return None

    def _check_path(self, item: Entry, text: str) -> WeldError | None:
        if not text or ("://" not in text and item.key not in _PATHS):
            return None
        return UnsafeFileError(
            f"The model asks to open {_shown(text)} while it is loaded.",
            layer=str(item.owner.place),
            expected=f"`{item.key}` as values kept inside the model, or none",
            found=f"{item.owner.raw.get('class_name')} with {item.key}={_shown(text)}",
            remedy="Save the model again with the values themselves in it; a file must not choose what is "
            "read on your machine.",
        )

    def _too_large(self, item: Entry, value: int) -> LimitError:
        return LimitError(
            "A layer asks for a size above the limit `dimension`.",
            layer=str(item.owner.place),
            expected=f"at most {self._limits.dimension:,}",
            found=f"{item.owner.raw.get('class_name')} with {item.key or 'config'}={value:,}",
            remedy=f"If you trust the file, raise it: --limit dimension={value}",
        )

    def _object(self, item: Object) -> Judgement:
        raw = item.raw
        name, module = raw["class_name"], raw.get("module", _MISSING)
        registered = raw.get("registered_name")
        if not isinstance(name, str) or not isinstance(registered, str | None):
            return _strange(item, "names that are texts", f"class_name={_shown(name)}")
        if not (module is _MISSING or module is None or isinstance(module, str)):
            return _strange(item, "a module that is a text", f"module={_shown(module)}")
        if name == "__typespec__":
            return _strange(item, "no TensorFlow type specification: reading one can run code", name)
        if name in allow_list.VALUES:
            return _value(item)
        nodes = raw.get("inbound_nodes")
        if item.is_layer and isinstance(nodes, list) and any(_is_eager(node) for node in nodes):
            return _strange(item, "layers called on the output of a layer", "one called on plain values")
        return self._named(item, name, module, registered)

    def _named(self, item: Object, name: str, module: Any, registered: str | None) -> Judgement:
        kinds = allow_list.kinds_under(module) if isinstance(module, str) else None
        ours = module is _MISSING or kinds is not None or module == "builtins"
        said = module if isinstance(module, str) else None
        if name in allow_list.EXECUTABLE and (ours or registered in (None, name) or name == "__lambda__"):
            return Verdict("executable", name, said, registered)
        if name == "function":
            return self._function(item, said, registered)
        if name in allow_list.REPLACED_CLASSES and ours and registered in (None, name):
            return None
        if module is _MISSING:
            return self._without_module(item, name, registered)
        if kinds is None:
            return self._from_outside(name, said, registered)
        return self._built_in(item, name, str(module), kinds, registered)

    def _function(self, item: Object, module: str | None, registered: str | None) -> Judgement:
        name = item.raw["config"]
        if not isinstance(name, str):
            return _strange(item, "the name of a function", _shown(name))
        if module is not None and allow_list.is_known_function(name, module):
            if registered not in (None, name, "function"):
                return _wrong_registration(item, name, registered)
            return Verdict("shadowed", name, module, registered, True, True) if name in self._custom else None
        if module is not None and module != "builtins" and allow_list.kinds_under(module) is not None:
            return _gadget(item, f"{module}.{name}")
        return Verdict("custom", name, module, registered, True, self._function_passed(name, registered))

    def _without_module(self, item: Object, name: str, registered: str | None) -> Judgement:
        # Keras 2 wrote its optimizers as Custom>Adam.
        bare = name.removeprefix("Custom>")
        if allow_list.is_known_class(bare, None if bare == name else _OPTIMIZERS):
            if registered not in (None, name):
                return _wrong_registration(item, name, registered)
            return self._accept(item, name, registered)
        passed = self._passed(name, registered)
        sort = "older" if name in allow_list.OLDER_CLASSES and not passed else "custom"
        return Verdict(sort, name, None, registered, False, passed)

    def _from_outside(self, name: str, module: str | None, registered: str | None) -> Verdict:
        return Verdict("custom", name, module, registered, False, self._passed(name, registered))

    def _built_in(
        self, item: Object, name: str, module: str, kinds: tuple[str, ...], registered: str | None
    ) -> Judgement:
        bare = name.removeprefix("Custom>") if "optimizers" in kinds else name
        if allow_list.is_known_class(bare, kinds):
            if registered not in (None, name, bare) and registered != f"Custom>{bare}":
                return _wrong_registration(item, name, registered)
            if registered == f"Custom>{bare}" and not allow_list.is_known_class(bare, _OPTIMIZERS):
                return _wrong_registration(item, name, registered)
            return self._accept(item, name, registered)
        if name in allow_list.OLDER_CLASSES:
            return Verdict("older", name, module, registered)
        return _gadget(item, f"{module}.{name}")

    def _accept(self, item: Object, name: str, registered: str | None) -> Verdict | None:
        self._sized[id(item.raw)] = allow_list.is_known_class(name, _LAYERS)
        return Verdict("shadowed", name, None, registered, False, True) if name in self._custom else None

    def _function_passed(self, name: str, registered: str | None) -> bool:
        """Keras looks for functions by their name alone, and registers all of them as "function"."""
        if registered not in (None, "function", name) and registered.rpartition(">")[2] != name:
            return False
        return name in self._custom

    def _passed(self, name: str, registered: str | None) -> bool:
        if registered is not None and registered in self._custom:
            return True
        if registered is not None and registered != name and not registered.endswith(f">{name}"):
            return False
        return name in self._custom or name.rpartition(">")[2] in self._custom


def _value(item: Object) -> WeldError | None:
    config = item.raw["config"]
    dtype = config.get("dtype") if isinstance(config, dict) else None
    if dtype is None or (isinstance(dtype, str) and _PLAIN_DTYPE.fullmatch(dtype)):
        return None
    return _strange(item, "values of a plain dtype", f"dtype {_shown(dtype)}")


def _is_eager(node: Any) -> bool:
    """Whether a node of the graph is called on no layer's output: Keras would compute it while loading."""
    if not isinstance(node, dict):
        return False
    steps: list[Any] = [node]
    while steps:
        step = steps.pop()
        if isinstance(step, dict):
            if step.get("class_name") == "__keras_tensor__":
                return False
            steps.extend(step.values())
        elif isinstance(step, list):
            steps.extend(step)
    return True


def _gadget(item: Object, name: str) -> UnsafeFileError:
    return UnsafeFileError(
        f"The model names {name}, which is not something that models are made of.",
        layer=str(item.place),
        expected=f"layers, losses, metrics and functions of Keras up to {KERAS_VERSION}",
        found=name,
        remedy=f"{_NOT_KERAS} If it is new in a Keras after {KERAS_VERSION}, update keras-weld.",
    )


def _wrong_registration(item: Object, name: str, registered: str | None) -> UnsafeFileError:
    return UnsafeFileError(
        f'The model says "{name}" of Keras and means another class, registered as "{registered}".',
        layer=str(item.place),
        expected=f'no registered name, or "{name}"',
        found=_shown(registered),
        remedy=_NOT_KERAS,
    )


def _strange(item: Object, expected: str, found: str) -> UnsafeFileError:
    return UnsafeFileError(
        "The model's configuration holds something that no saved model needs.",
        layer=str(item.place),
        expected=expected,
        found=found,
        remedy=_NOT_KERAS,
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
