"""`weld branch`: one model's backbone under the heads of several."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_weld.errors import UsageError
from keras_weld.io.limits import Limits
from keras_weld.recipes.answers import KIND_OF, form_of, said_of
from keras_weld.recipes.composing import deliver, note_lineage, require_whole_model
from keras_weld.recipes.sources import by_member, load_sources

if TYPE_CHECKING:
    import keras

OTHER_FEATURES = (
    "Trained on other features than those of {backbone}: the heads of {names}. Train them on the backbone before use, "
    "unless the models share it."
)


def branch(
    models: Sequence[Any],
    *,
    backbone: str | os.PathLike[str] | None = None,
    heads: str = "own",
    at: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | str | None = None,
    names: Sequence[str] | None = None,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
    out: str | os.PathLike[str] | None = None,
) -> keras.Model:
    """Put the heads of several models on the backbone of one of them.

    This is the simplest way to several tasks in one model, and what others are compared with. The models may have any
    architecture; only the one that gives the backbone needs to be cut. What the heads of the others were trained on is
    replaced, so they have to be trained again. What was decided is told by the notes of `lineage(model)`.

    Args:
        models: paths of saved models, or live Keras models, which are copied.
        backbone: the model (its name or path) whose backbone is taken; by default the first.
        heads: "own" for the heads that the models bring, with a projection where they take another number of
            features; "new" to make those of the others anew.
        at: by model, the layer whose output is taken as its features, instead of what is found.
        outputs: what the outputs of models are, by model or for all, for the activation of heads that are made anew,
            where files do not tell: "probabilities", "logits", "independent-probabilities", "independent-logits" or
            "values".
        names: what the models, and so the outputs, are called in the result; by default after their files.
        custom_objects: classes of your own that the models need, as `load` takes them.
        unsafe: also load models that carry Python code.
        limits: what the files may ask for.
        out: a `.keras` file to write; it is loaded in a fresh process with plain Keras before it gets its name.

    Returns:
        The model. It takes what the backbone's model takes, and gives a dict: an output for each model under its name,
        or NAME_OUTPUT for each of a model with several.

    Raises:
        IncompatibleModelsError: if the backbone cannot be cut off its model, or a head not be made anew.
        UsageError: for options that make no sense.
        WeldError: if a model cannot be loaded, or the result cannot be written.

    Example:
        >>> import keras_weld as weld
        >>> model = weld.branch(["digits.keras", "letters.keras"], backbone="digits")  # doctest: +SKIP
        >>> model.output_names  # doctest: +SKIP
        ['digits', 'letters']
    """
    require_whole_model(out)
    sources = load_sources(models, names=names, custom_objects=custom_objects, unsafe=unsafe, limits=limits)
    from keras_weld.compose import branch as composing
    from keras_weld.compose.parts import part_of

    called = [member.name for member in sources.members]
    if not called:
        raise UsageError("There is nothing to branch.", expected="one model or more", found="none")
    base = called[0] if backbone is None else next(iter(by_member({os.fspath(backbone): ""}, models, called)))
    parts = [part_of(member) for member in sources.members]
    said = said_of(outputs, models, called)
    forms = {
        part.member.name: [
            form_of(part, number, known, said.get(part.member.name)) for number in range(len(part.names))
        ]
        for part, known in zip(parts, sources.candidates, strict=True)
    }
    composed = composing.branch(parts, backbone=base, heads=heads, at=by_member(at, models, called), forms=forms)
    elsewhere = [name for name, how in composed.parameters["heads"].items() if name != base and how != "new"]
    if elsewhere:
        composed.notes.append(OTHER_FEATURES.format(names=", ".join(elsewhere), backbone=base))
    gives = {
        name if len(part.names) == 1 else f"{name}_{output}": str(KIND_OF[form])
        for part in parts
        for name in [part.member.name]
        for output, form in zip(part.names, forms[name], strict=True)
        if form is not None
    }
    note_lineage(composed, "branch", sources.lineage, gives=gives)
    if out is not None:
        deliver(composed.model, out, custom_objects, unsafe=unsafe)
    return composed.model
