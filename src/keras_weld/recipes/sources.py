"""The models that a composition is made of: opened, understood, and loaded under names of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_weld.checks.candidate import Candidate, candidate_of
from keras_weld.core.arguments import list_of_models
from keras_weld.core.file_names import stem_of
from keras_weld.core.lineage import Source
from keras_weld.errors import UsageError, WrongKindError, add_context
from keras_weld.io.fingerprint import Fingerprints
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.recipes.loading import ANY_FILE, Loading

if TYPE_CHECKING:
    from keras_weld.compose.member import Member


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of a composition, in the order in which they were given.

    Attributes:
        members: the loaded models under their names in the merged model.
        candidates: what their files tell.
        lineage: their entries in the lineage.
    """

    members: Sequence[Member]
    candidates: Sequence[Candidate]
    lineage: Sequence[Source]


def load_sources(
    models: Any,
    loading: Loading = ANY_FILE,
    *,
    names: Sequence[str] | None = None,
    untrained: bool = False,
) -> Sources:
    """Load the models of a composition, each as a copy that shares nothing with anything else.

    Args:
        models: paths of saved models, or live Keras models.
        loading: how files are loaded.
        names: what the models are called in the merged model; by default after their files.
        untrained: whether a file of the architecture alone will do; its weights are then new, random ones.

    Raises:
        UsageError: for names that do not fit.
        WrongKindError: for an architecture without its weights, unless that will do.
        WeldError: if a model cannot be loaded.
    """
    given = list_of_models(models)
    called = member_names(given, names)
    with Fingerprints(given) as prints:
        found = [_load(model, name, loading, untrained) for model, name in zip(given, called, strict=True)]
        sources = [
            Source(one.source, prints.of(model), str(known.state.kind), known.state.metadata.get("keras_version"))
            for model, (one, known) in zip(given, found, strict=True)
        ]
    return Sources([member for member, _ in found], [known for _, known in found], sources)


def member_names(models: Sequence[Any], names: Sequence[str] | None = None) -> list[str]:
    """Names for models: those given, or the files' without their suffixes, each once.

    Raises:
        UsageError: if there are not as many as models, one is twice, or one is not fit to name a layer.

    Example:
        >>> member_names(["run/a.keras", "other/a.keras", "b.weights.h5"])
        ['a', 'a_2', 'b']
    """
    if names is None:
        return _each_once([_plain(_stem(model)) for model in models])
    if len(names) != len(models) or len(set(names)) != len(names):
        raise UsageError(
            "Each model needs one name of its own.",
            expected=f"{len(models)} different names",
            found=", ".join(names),
            remedy="Give as many names as models, with commas between them: --names digits,letters",
        )
    for name in names:
        if name != _plain(name):
            raise UsageError(
                "This cannot be the name of a layer.",
                expected="letters, digits, _ . and -, a letter or digit first",
                found=name,
                remedy=f"Take {_plain(name)}",
            )
    return list(names)


def by_member(given: Mapping[str, str] | None, models: Sequence[Any], names: Sequence[str]) -> dict[str, str]:
    """Options that were given for some of the models, by the models' names in the merged model.

    Args:
        given: values by the path of a model, or by its name.
        models: the models.
        names: their names.

    Raises:
        UsageError: for a key that names none of them.
    """
    paths = {os.fspath(model): name for model, name in zip(models, names, strict=True) if _is_path(model)}
    found = {}
    for key, value in (given or {}).items():
        name = key if key in names else paths.get(os.fspath(key))
        if name is None:
            raise UsageError(
                "An option is given for a model that there is not.",
                expected=", ".join(names),
                found=key,
                remedy="Name the model as here, or by its path.",
            )
        found[name] = value
    return found


def _load(model: Any, name: str, loading: Loading, untrained: bool) -> tuple[Member, Candidate]:
    from keras_weld.compose.member import Member
    from keras_weld.models.copying import copy_of
    from keras_weld.models.load import load
    from keras_weld.models.state import state_of
    from keras_weld.recipes.proof import require_same

    if _is_path(model):
        with add_context(file=model):
            with open_model(model, loading.limits or Limits()) as state:
                if state.kind is Kind.ARCHITECTURE and not untrained:
                    raise _without_weights()
                known = candidate_of(state)
            _require_strings(port.dtype for port in known.summary.inputs)
            live = load(
                model,
                custom_objects=loading.custom_objects,
                compile=False,
                unsafe=loading.unsafe,
                limits=loading.limits,
            )
        return Member(name, os.fspath(model), live), known
    _require_strings(port.dtype for port in getattr(model, "inputs", None) or ())
    copied = copy_of(model, loading.custom_objects)
    require_same(model, copied)
    with state_of(model) as state:
        known = candidate_of(state)
    return Member(name, state.source, copied), known


def _without_weights() -> WrongKindError:
    return WrongKindError(
        "The file holds the architecture alone: its weights would be new, random ones.",
        expected="a model with its weights",
        found=str(Kind.ARCHITECTURE),
        remedy="Give the whole model as .keras: build it from this file, load its weights, and save it. If new weights "
        "are what you want, save the model with them first.",
    )


def _require_strings(dtypes: Iterable[str | None]) -> None:
    """Refuse a model that takes texts where the backend has none: not even Keras could run what comes out.

    Raises:
        UsageError: naming the backend that can.
    """
    import keras

    backend = keras.backend.backend()
    if "string" in dtypes and backend != "tensorflow":
        raise UsageError(
            f"The model takes texts, and {backend} has no strings.",
            expected="a model that takes numbers, or the backend TensorFlow",
            found="an input of dtype string",
            remedy="Run it on TensorFlow: KERAS_BACKEND=tensorflow, set before Keras is imported.",
        )


def _is_path(model: Any) -> bool:
    return isinstance(model, str | os.PathLike)


def _stem(model: Any) -> str:
    return stem_of(model if _is_path(model) else str(getattr(model, "name", "model")))


def _plain(name: str) -> str:
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    return kept if re.match(r"[A-Za-z0-9]", kept) else f"model{kept}"


def _each_once(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        number, free = 1, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return found
