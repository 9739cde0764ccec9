"""The models that a composition is made of: opened, understood, and loaded under names of their own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_weld.checks.candidate import Candidate, candidate_of
from keras_weld.core.arguments import list_of_models
from keras_weld.core.lineage import Source
from keras_weld.errors import UsageError, WrongKindError, add_context
from keras_weld.io.fingerprint import Fingerprints
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.recipes.contest import Progress
from keras_weld.recipes.loading import ANY_FILE, Loading
from keras_weld.recipes.member_names import is_path, member_names

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
    progress: Progress | None = None,
) -> Sources:
    """Load the models of a composition, each as a copy that shares nothing with anything else.

    Args:
        models: paths of saved models, or live Keras models.
        loading: how files are loaded.
        names: what the models are called in the merged model; by default after their files.
        untrained: whether a file of the architecture alone will do; its weights are then new, random ones.
        progress: called before each model with those that are loaded, how many there are, and what is loaded.

    Raises:
        UsageError: for names that do not fit.
        WrongKindError: for an architecture without its weights, unless that will do.
        WeldError: if a model cannot be loaded.
    """
    given = list_of_models(models)
    called = member_names(given, names)
    with Fingerprints(given) as prints:
        found: list[tuple[Member, Candidate]] = []
        for model, name in zip(given, called, strict=True):
            if progress is not None:
                progress(len(found), len(given), f"Loading {name}")
            found.append(_load(model, name, loading, untrained))
        sources = [
            Source(one.source, prints.of(model), str(known.state.kind), known.state.metadata.get("keras_version"))
            for model, (one, known) in zip(given, found, strict=True)
        ]
    return Sources([member for member, _ in found], [known for _, known in found], sources)


def _load(model: Any, name: str, loading: Loading, untrained: bool) -> tuple[Member, Candidate]:
    from keras_weld.compose.member import Member
    from keras_weld.models.copying import copy_of
    from keras_weld.models.load import load
    from keras_weld.models.state import state_of
    from keras_weld.recipes.proof import require_same

    if is_path(model):
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
