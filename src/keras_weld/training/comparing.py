"""How a run differs from the one that it goes on from: by name, with old and new values in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_weld.errors import TrainingError, WeldError
from keras_weld.training.changes import CHANGES
from keras_weld.training.compiled import CODE
from keras_weld.training.data_words import same_data, words_of_data
from keras_weld.training.identity import FURTHER, VERSION
from keras_weld.training.layer_facts import words_of_layers

_SURROUNDINGS = ("version", "versions", "hardware", "script", "layers")
"""What may differ from start to start; and the layers, by which another model is told."""

_WITH_STATE = ("model", "optimizer", "learning_rate")
"""What an optimizer's state hangs on: what is trained, and whether the rate is a schedule, which is no variable."""

_MODEL, _OPTIMIZER = "model", "optimizer"
_DATA = ("data", "validation_data")
_SEVERAL = ("loss_weights", "metrics", "steps", "callbacks", *_DATA)
GO_ON = "Go on with what it was begun with, or name another folder."
"""What to do where nothing may differ."""

_OFFER = "Go on with what it was begun with, begin another run, or say that it is meant:"
_COUNTED_IN_BATCHES = "batches"
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is another one now.

    Attributes:
        name: what it is.
        old: its value before, in words.
        new: its value now.
    """

    name: str
    old: str
    new: str

    @property
    def called(self) -> str:
        """The name, in words."""
        return self.name.replace("_", " ")

    @property
    def another(self) -> str:
        """What is another one, in words."""
        return f"{'other' if self.name in _SEVERAL else 'another'} {self.called}"

    @property
    def told(self) -> str:
        """The sentence for a change that is meant."""
        verb = "have" if self.name in _SEVERAL and self.name.endswith("s") else "has"
        return f"The {self.called} {verb} changed, as was asked for: {self.old} before, {self.new} now."


def changed(then: Mapping[str, Any], now: Mapping[str, Any], names: Collection[str]) -> list[Change]:
    """What is another one, of what both tell: an older version of keras-weld told less of a run.

    Args:
        then: what the run was.
        now: what it is.
        names: what is compared, in the order in which it is told.
    """
    if then.get("version") != VERSION:
        then, now = _of_both(then, now), _of_both(now, then)
    if _python(then) != _python(now):
        then, now = _without_code(then), _without_code(now)
    if then.get("batch_size") != now.get("batch_size"):
        then, now = _without_batches(then), _without_batches(now)
    return [Change(name, *_words(name, then, now)) for name in names if not _same(name, then, now)]


def changed_versions(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What is to be told of other versions of libraries, and of another machine."""
    there = [(name, then["versions"].get(name), version) for name, version in now["versions"].items()]
    for name, old, new in [*there, ("The machine", then.get("hardware"), now.get("hardware"))]:
        if old is not None and old != new:
            yield f"{name} was {old} and is {new} now: the bits may differ from those of an uninterrupted run."


def compare(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    changes: Collection[str],
    file: str,
    misfit: WeldError | None = None,
    unfit: WeldError | None = None,
) -> tuple[list[str], list[str]]:
    """How a run differs from the one it goes on from.

    Args:
        then: what the run was.
        now: what it is.
        changes: the differences that are meant.
        file: the run, for messages.
        misfit: why the variables that were kept cannot be those of the model, if they cannot.
        unfit: why the state that was kept cannot be the optimizer's, if it cannot: that begins anew where "optimizer"
            is among the changes.

    Returns:
        What is to be told, and the names of the differences that are meant and there.

    Raises:
        TrainingError: for differences that are not meant; names old and new.
        WeldError: `misfit` or `unfit`, if no difference that is not meant explains it.
    """
    found = changed(then, now, CHANGES)
    refused = [one for one in found if one.name not in changes]
    names = {one.name for one in refused}
    if misfit is not None and _MODEL not in names:
        raise misfit
    if unfit is not None and _OPTIMIZER not in changes and misfit is None:
        allowing = _allowing({*changes, *names, _OPTIMIZER})
        unfit.remedy = f"{unfit.remedy} Or have it begin anew, with the weights that were kept: {allowing}."
        if names.isdisjoint(_WITH_STATE):
            raise unfit
        misfit = unfit
    if refused:
        offer = f"{_OFFER} {_allowing({*changes, *names})}."
        raise _refusal(refused, file, offer if misfit is None else misfit.remedy)
    return [*(one.told for one in found), *changed_versions(then, now)], [one.name for one in found]


def require_same(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    file: str,
    *,
    what: str = "training",
    remedy: str = GO_ON,
) -> None:
    """Refuse to go on with something of which anything is another one now, but versions, machine and script.

    Args:
        then: what it was.
        now: what it is.
        file: its folder, for the message.
        what: what it is called there.
        remedy: what to do about it.

    Raises:
        TrainingError: for the first difference; names old and new.
    """
    for one in changed(then, now, [name for name in {**now, **then} if name not in _SURROUNDINGS]):
        raise TrainingError(
            f"The folder is that of another {what}, with other {one.called}.",
            file=file,
            expected=one.old,
            found=one.new,
            remedy=remedy,
        )


def _refusal(refused: Sequence[Change], file: str, remedy: str | None) -> TrainingError:
    """What to say of all differences that are not meant; what cannot be allowed is not offered."""
    return TrainingError(
        f"The run was begun with {' and '.join(one.another for one in refused)}.",
        file=file,
        expected=_sides(refused, "old"),
        found=_sides(refused, "new"),
        remedy=remedy,
    )


def _allowing(names: Collection[str]) -> str:
    """The option that allows changes."""
    return f"changes={[name for name in CHANGES if name in names]!r}"


def _sides(refused: Sequence[Change], side: str) -> str:
    if len(refused) == 1:
        return str(getattr(refused[0], side))
    return "; ".join(f"{one.called}: {getattr(one, side)}" for one in refused)


def _same(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    old, new = then.get(name), now.get(name)
    return same_data(old, new) if name in _DATA else bool(old == new)


def _words(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, str]:
    old, new = then.get(name), now.get(name)
    if name == "model" and "layers" in then and "layers" in now:
        return words_of_layers(then["layers"], now["layers"])
    if name in _DATA:
        return words_of_data(old, new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        old, new = ({**side, **side.get(FURTHER, {}), FURTHER: None} for side in (old, new))
        names = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        one, other = (", ".join(f"{key} {_short(side.get(key))}" for key in names) for side in (old, new))
        return one, other
    return _short(old), _short(new)


def _short(value: Any) -> str:
    text = "none" if value is None else f"{value:g}" if isinstance(value, float) else _plain(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _plain(value: Any) -> str:
    """A value without the marks of Python."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _of_both(one: Any, other: Any) -> Any:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one
    return {key: _of_both(value, other[key]) for key, value in one.items() if None not in (value, other.get(key))}


def _python(identity: Mapping[str, Any]) -> list[str]:
    return str(identity.get("versions", {}).get("python")).split(".")[:2]


def _without_code(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_code(one) for key, one in value.items() if not key.endswith(CODE)}
    return [_without_code(one) for one in value] if isinstance(value, list) else value


def _without_batches(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Without the number of batches, which is another one where their size is."""
    return {
        name: {key: one for key, one in value.items() if key != _COUNTED_IN_BATCHES} if name == "data" else value
        for name, value in identity.items()
    }
