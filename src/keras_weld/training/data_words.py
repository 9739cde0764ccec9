"""Two tellings of examples in words: what differs, short enough to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras_weld.training.data_facts import ALL, SOME

_SIDES = {"x": "input", "y": "target"}
_SHOWN = 8  # labels, or means of features
_IN_WORDS = ("mean", "means")  # told, and not compared: their last digits depend on the machine


def same_data(old: Any, new: Any) -> bool:
    """Whether two tellings of `data_of` are of the same examples, as far as can be told."""
    return bool(_compared(old) == _compared(new))


def words_of_look(facts: Mapping[str, Any]) -> str | None:
    """What is to be told of how examples are compared with those of an earlier start; None if all are looked at."""
    if facts["compared"] == ALL:
        return None
    values = ", and the values of some" if facts["compared"] == SOME else " alone"
    return f"That they are the same examples as before is told by their number and shapes{values}: not all others show."


def words_of_data(old: Any, new: Any) -> tuple[str, str]:
    """What differs between two tellings of `data_of`, or of several by name, for either side."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return _whole(old), _whole(new)
    if all(isinstance(one, Mapping) for one in (*old.values(), *new.values())):
        return _of_several(old, new)
    found: tuple[list[str], list[str]] = ([], [])
    for name in [key for key in {**old, **new} if _compared(old.get(key)) != _compared(new.get(key))]:
        one, other = old.get(name), new.get(name)
        if name in _SIDES:
            texts = _of_arrays(_SIDES[name], one or [], other or [])
        elif name == "labels":
            texts = _of_labels(one or [], other or [])
        else:
            texts = _of_value(name, one), _of_value(name, other)
        for side, text in zip(found, texts, strict=True):
            side.append(text)
    return "; ".join(found[0]), "; ".join(found[1])


def _of_several(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, str]:
    names = [name for name in {**old, **new} if _compared(old.get(name)) != _compared(new.get(name))]
    found = {name: words_of_data(old.get(name), new.get(name)) for name in names}
    before, after = ("; ".join(f"{name}: {texts[side]}" for name, texts in found.items()) for side in (0, 1))
    return before, after


def _compared(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _compared(one) for key, one in value.items() if key not in _IN_WORDS}
    return [_compared(one) for one in value] if isinstance(value, list) else value


def _whole(facts: Any) -> str:
    if not isinstance(facts, Mapping):
        return "none"
    arrays = [f"{word}s {', '.join(map(_array, facts[side]))}" for side, word in _SIDES.items() if facts.get(side)]
    return "; ".join([_of_value("count", facts.get("count")), *arrays])


def _of_value(name: str, value: Any) -> str:
    if name == "count":
        return "an unknown number of examples" if value is None else f"{value} examples"
    return f"{name} {value}"


def _of_arrays(word: str, old: Sequence[Any], new: Sequence[Any]) -> tuple[str, str]:
    if len(old) != len(new):
        return f"{len(old)} {word}s", f"{len(new)} {word}s"
    differing = [number for number in range(len(old)) if _compared(old[number]) != _compared(new[number])]
    return tuple(  # type: ignore[return-value]
        "; ".join(f"{word}{f' {number + 1}' if len(old) > 1 else ''}: {_array(side[number])}" for number in differing)
        for side in (old, new)
    )


def _array(facts: Mapping[str, Any]) -> str:
    shape = " x ".join(map(str, facts["shape"])) or "one number"
    parts = [f"{shape} of {facts['dtype']}"]
    if facts.get("mean") is not None:
        parts.append(f"mean {facts['mean']:.6g}")
    if facts.get("means"):
        means = facts["means"]
        shown = ", ".join(f"{value:.4g}" for value in means[:_SHOWN])
        parts.append(f"of the features {shown}{', …' if len(means) > _SHOWN else ''}")
    if facts.get("checksum"):
        parts.append(f"checksum {facts['checksum']}")
    return ", ".join(parts)


def _of_labels(old: Sequence[Any], new: Sequence[Any]) -> tuple[str, str]:
    """Of each target, the labels that occur more or less often."""
    texts: tuple[list[str], list[str]] = ([], [])
    for one, other in zip(old, new, strict=len(old) == len(new)):
        one, other = one or {}, other or {}
        labels = sorted(
            (label for label in {**one, **other} if one.get(label) != other.get(label)), key=lambda label: int(label)
        )
        rest = f", and {len(labels) - _SHOWN} more labels" if len(labels) > _SHOWN else ""
        for side, counts in zip(texts, (one, other), strict=True):
            if labels:
                shown = ", ".join(f"{counts.get(label, 0)} of label {label}" for label in labels[:_SHOWN])
                side.append(shown + rest)
    return "; ".join(texts[0]), "; ".join(texts[1])
