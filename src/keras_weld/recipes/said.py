"""What the user says of the outputs of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from keras_weld.errors import UsageError
from keras_weld.recipes.member_names import by_member, member_named

Outputs: TypeAlias = "Mapping[str, str | Mapping[str, str]] | str"
"""A word for all models; or by model a word, or a dict of words by the names of its outputs."""

WORDS = ("probabilities", "logits", "independent-probabilities", "independent-logits", "values")
"""What a user can say of a model's outputs."""


@dataclass(frozen=True, slots=True)
class Said:
    """Words for outputs.

    Attributes:
        whole: by the name of a model, the word for its outputs.
        single: by the name of a model, words by the names of its outputs.
    """

    whole: Mapping[str, str] = field(default_factory=dict)
    single: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, model: str, output: str) -> str | None:
        """The word for this very output, if there is one."""
        return self.single.get(model, {}).get(output)


def said_of(given: Outputs | None, models: Sequence[Any], names: Sequence[str]) -> Said:
    """What the user says of the outputs, by the models' names.

    Args:
        given: a word for all models; or by name or path a word, or words by output. `"MODEL:OUTPUT"` is one output
            too.
        models: the models.
        names: their names.

    Raises:
        UsageError: for a word that is none of `WORDS`, or a model that there is not.

    Example:
        >>> said_of({"a": {"size": "values"}, "b": "logits"}, ["a.keras", "b.keras"], ["a", "b"]).of("a", "size")
        'values'
    """
    if isinstance(given, str):
        return Said(dict.fromkeys(names, _word(given, names[0])))
    whole: dict[str, str] = {}
    single: dict[str, dict[str, str]] = {}
    for key, value in (given or {}).items():
        model, output = _place(key, models, names)
        name = next(iter(by_member({model: ""}, models, names)))
        if isinstance(value, Mapping):
            single.setdefault(name, {}).update({one: _word(word, f"{name}:{one}") for one, word in value.items()})
        elif output is not None:
            single.setdefault(name, {})[output] = _word(value, f"{name}:{output}")
        else:
            whole[name] = _word(value, name)
    return Said(whole, single)


def _place(key: str, models: Sequence[Any], names: Sequence[str]) -> tuple[str, str | None]:
    """A model and perhaps one of its outputs; the name of a file may have colons too."""
    model, colon, output = str(key).rpartition(":")
    is_output = colon and member_named(key, models, names) is None and member_named(model, models, names) is not None
    return (model, output) if is_output else (key, None)


def _word(word: Any, where: str) -> str:
    if not isinstance(word, str) or word.replace(" ", "-") not in WORDS:
        raise UsageError(
            "Outputs are not of such a kind.",
            expected=", ".join(WORDS),
            found=str(word),
            remedy=f"Take one of these words: --outputs {where}:{WORDS[0]}",
        )
    return word.replace("-", " ")
