"""Scan a model's configuration for what could do harm, before anything is built from it.

A configuration is data, but Keras imports, calls and allocates what it names. Here it is held against the
allow-list (`allow_list.py`): what Keras ships passes, what the user passed in passes, all else is reported.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Any

from keras_weld.errors import LimitError, UnknownClassError, UnsafeFileError, WeldError
from keras_weld.io.config_rules import Judge
from keras_weld.io.config_walk import Entry, Object, Text, TooDeepError, walk
from keras_weld.io.limits import Limits

_DEFAULT = Limits()
_FEW = 50  # of each sort of finding; a hostile file could fill the memory with them


@dataclass(frozen=True, slots=True)
class FoundClass:
    """A class or function that a configuration names and Keras does not ship, or that runs code.

    Attributes:
        class_name: its name.
        module: the module that the file says it is from, or None.
        registered_name: the name that it was registered under (`package>Name`), or None.
        where: the place in words: `layer "my_scale" (number 3 of "functional_1")`.
        function: whether it is a function.
    """

    class_name: str
    module: str | None
    registered_name: str | None
    where: str
    function: bool = False

    @property
    def full_name(self) -> str:
        """The name with its module, as far as the file tells it."""
        return f"{self.module}.{self.class_name}" if self.module else self.class_name

    @property
    def of_python(self) -> bool:
        """Whether it is Python's own, such as `os.system`: no part of a model, and nothing to pass in."""
        if self.module == "builtins":  # as Keras says of functions that are from nowhere else, too
            return hasattr(builtins, self.class_name)
        return (self.module or "").split(".")[0] in sys.stdlib_module_names


@dataclass(frozen=True)
class ConfigReport:
    """What a scan found.

    Attributes:
        custom: every class and function that Keras does not ship, in the model's order.
        unknown: those of `custom` that were not passed in.
        executable: what runs code that comes with the file (Lambda, TFSMLayer and their like).
        older: layers that older versions of Keras had and Keras 3 has not.
        shadowed: what Keras ships and the user passed in something of the same name for.
        problems: what no honest file has, or what is above a limit, each as the error it would be.
        unsafe: whether executable content was allowed.
    """

    custom: tuple[FoundClass, ...] = ()
    unknown: tuple[FoundClass, ...] = ()
    executable: tuple[FoundClass, ...] = ()
    older: tuple[FoundClass, ...] = ()
    shadowed: tuple[FoundClass, ...] = ()
    problems: tuple[WeldError, ...] = ()
    unsafe: bool = False

    @property
    def of_python(self) -> tuple[FoundClass, ...]:
        """What is from Python's own library and was not passed in."""
        return tuple(one for one in self.unknown if one.of_python)

    def joined(self, other: ConfigReport) -> ConfigReport:
        """This report with what another found of the same model."""
        found = {one.name: (*getattr(self, one.name), *getattr(other, one.name)) for one in fields(self)[:-1]}
        return ConfigReport(**found, unsafe=self.unsafe)

    @property
    def code(self) -> tuple[str, ...]:
        """The layers that run code, in words; the function in a Lambda layer is not told apart from it."""
        layers = [one for one in self.executable if one.class_name != "__lambda__"]
        alone = [
            one
            for one in self.executable
            if one not in layers and not any(one.where.endswith(it.where) for it in layers)
        ]
        return tuple(dict.fromkeys(f"{one.class_name} in {one.where}" for one in (*layers, *alone)))


@dataclass
class _Findings:
    custom: list[FoundClass] = field(default_factory=list)
    unknown: list[FoundClass] = field(default_factory=list)
    executable: list[FoundClass] = field(default_factory=list)
    older: list[FoundClass] = field(default_factory=list)
    shadowed: list[FoundClass] = field(default_factory=list)
    problems: dict[tuple[Any, ...], list[WeldError]] = field(default_factory=dict)

    def add_problem(self, error: WeldError) -> None:
        """Keep an error; those that differ in their place alone are told as one."""
        alike = (type(error), error.problem, error.found)
        if alike in self.problems or len(self.problems) < _FEW:
            self.problems.setdefault(alike, []).append(error)

    def add(self, sort: str, found: FoundClass) -> None:
        entries: list[FoundClass] = getattr(self, sort)
        if len(entries) < _FEW and found not in entries:
            entries.append(found)

    def report(self, unsafe: bool) -> ConfigReport:
        return ConfigReport(
            tuple(self.custom),
            tuple(self.unknown),
            tuple(self.executable),
            tuple(self.older),
            tuple(self.shadowed),
            tuple(map(_as_one, self.problems.values())),
            unsafe,
        )


def scan_config(
    config: Any,
    *,
    limits: Limits = _DEFAULT,
    custom: Collection[str] = frozenset(),
    unsafe: bool = False,
    file: str | None = None,
    compiled: bool = False,
) -> ConfigReport:
    """Find everything in a configuration that Keras would import, call or allocate, and hold it to the rules.

    Nothing is imported or built. The settings of `compile` inside the configuration are scanned as well.

    Args:
        config: the model's configuration as plain JSON values.
        limits: `json_depth` and `dimension` apply.
        custom: names of the classes and functions that the user passed in: class names (`Scale`) or
            registered names (`my_package>Scale`).
        unsafe: whether executable content is allowed; it is reported either way.
        file: the file that it is from, for messages.
        compiled: whether `config` is how the model was compiled, by itself.

    Returns:
        The report; give it to `require_safe` to refuse what is not safe.
    """
    findings = _Findings()
    judge = Judge(frozenset(custom), limits)
    try:
        for item in walk(config, depth=limits.json_depth, size=limits.dimension, compiled=compiled):
            _judge(judge, item, findings)
    except TooDeepError:
        findings.problems = {("too deep",): [_too_deep(limits)], **findings.problems}
    report = findings.report(unsafe)
    for problem in report.problems:
        problem.file = file
    return report


def _as_one(alike: list[WeldError]) -> WeldError:
    """The first of several errors, with the number of its places."""
    first = alike[0]
    if others := len({error.layer for error in alike}) - 1:
        first.layer = f"{first.layer} and {others} more"
    return first


def _judge(judge: Judge, item: Object | Text | Entry, findings: _Findings) -> None:
    verdict = judge.judge(item)
    if verdict is None:
        return
    if isinstance(verdict, WeldError):
        findings.add_problem(verdict)
        return
    if isinstance(item, Entry):
        return
    where = str(item.place)
    found = FoundClass(verdict.name, verdict.module, verdict.registered_name, where, verdict.function)
    findings.add(verdict.sort, found)
    if verdict.sort == "custom" and not verdict.passed:
        findings.add("unknown", found)


def _too_deep(limits: Limits) -> LimitError:
    return LimitError(
        "The nesting of the model's configuration is above the limit `json_depth`.",
        expected=f"at most {limits.json_depth} levels",
        found="more",
        remedy=f"If you trust the file, raise it: --limit json_depth={2 * limits.json_depth}",
    )


def require_safe(report: ConfigReport, file: str | None = None) -> None:
    """Refuse a model whose configuration is not safe to build.

    Args:
        report: what `scan_config` found.
        file: the file that it is from, for messages.

    Raises:
        UnsafeFileError: for what no honest file has, and for executable content unless it was allowed.
        LimitError: for a size above a limit.
        UnknownClassError: for a class or function that was not passed in, or that Keras 3 no longer has.
    """
    if report.problems:
        raise report.problems[0]
    if report.executable and not report.unsafe:
        raise _executable(report, file)
    if report.unknown:
        raise _unknown(report, file)
    if report.older:
        raise _older(report, file)


def _executable(report: ConfigReport, file: str | None) -> UnsafeFileError:
    first = report.executable[0]
    return UnsafeFileError(
        f"The model contains code: {_article(first.class_name)}.",
        file=file,
        layer=first.where,
        expected="layers that Keras builds from numbers and names alone",
        found=_listed([found.class_name for found in report.executable]),
        remedy="Loading it would run that code with all your rights. If you trust whoever made the file, "
        "pass --unsafe (in Python: unsafe=True); inspecting, checking and averaging need no code and work "
        "without.",
    )


def _unknown(report: ConfigReport, file: str | None) -> UnknownClassError:
    first = report.unknown[0]
    name = first.class_name.rpartition(">")[2]
    module = first.module if first.module and first.module != "builtins" else "your_module"
    what = "function" if first.function else "class"
    key = next((one for one in (first.registered_name, first.class_name) if one and ">" in one), name)
    remedy = f'Pass it: --custom {module}:{name}, or in Python weld.load(path, custom_objects={{"{key}": {name}}}).'
    if first.of_python:
        remedy = "It is Python's own and no part of a model. Do not use this file unless you know who made it."
    return UnknownClassError(
        f'The model uses the {what} "{name}", which is neither built into Keras nor was passed in.',
        file=file,
        layer=first.where,
        expected="classes and functions that Keras ships, or that you pass in",
        found=_listed([found.full_name for found in report.unknown]),
        remedy=remedy,
    )


def _older(report: ConfigReport, file: str | None) -> UnknownClassError:
    first = report.older[0]
    return UnknownClassError(
        f'The model uses "{first.class_name}", which Keras 3 no longer has.',
        file=file,
        layer=first.where,
        expected="layers that Keras 3 can build",
        found=_listed([found.class_name for found in report.older]),
        remedy="Build the model anew in code with Keras 3 and load the weights of this file into it. "
        "Inspecting, checking and averaging work as it is.",
    )


def _article(name: str) -> str:
    return "a lambda function" if name == "__lambda__" else f"a {name} layer"


def _listed(names: list[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - 5} more" if len(distinct) > 5 else ""
    return ", ".join(distinct[:5]) + more
