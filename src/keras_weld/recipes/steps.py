"""What every composition begins and ends with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.core.arguments import list_of_models, require_another_file, require_model
from keras_weld.core.lineage import Source
from keras_weld.data.open import require_data
from keras_weld.errors import UsageError
from keras_weld.io.atomic import require_place
from keras_weld.io.kinds import container_of
from keras_weld.recipes.composing import deliver, note_lineage, require_whole_model
from keras_weld.recipes.contest import Progress
from keras_weld.recipes.judged import as_lineage
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.loading import Loading

if TYPE_CHECKING:
    import keras

    from keras_weld.compose.member import Composed


def begin(models: Sequence[Any], out: str | os.PathLike[str] | None, *data: str | None) -> list[Any]:
    """The models as a list; what can be refused is, before any of them is read, and without Keras.

    Args:
        models: what the user gave as models.
        out: the file that will be written, if any.
        data: names of data that will be opened.

    Raises:
        UsageError: if they are no list, there are none, one is no model, or the output is one of them or not named as
            a whole model.
        WriteError: if the output cannot be written.
        DataError: if a name leads to no data.
        WeldError: if a file is not there, or none that Keras saves.
    """
    require_whole_model(out)
    given = list_of_models(models)
    for model in given:
        require_model(model)
    if not given:
        raise UsageError("There is nothing to merge.", expected="one model or more", found="none")
    require_another_file(out, given)
    for model in given:
        if isinstance(model, str | os.PathLike):
            container_of(Path(model))
    if out is not None:
        require_place(out)
    for name in data:
        if name is not None:
            require_data(name)
    return given


def finish(
    composed: Composed,
    method: str,
    sources: Sequence[Source],
    evaluations: Sequence[Evaluation],
    out: str | os.PathLike[str] | None,
    loading: Loading,
    progress: Progress | None = None,
    **facts: Any,
) -> keras.Model:
    """Note the lineage of a composed model, and write and prove its file; gives the model.

    Args:
        composed: the model.
        method: name of the composition (`fuse`).
        sources: the models that went in.
        evaluations: what came of judging it.
        out: the file to write, if any.
        loading: what the file needs to be loaded again.
        progress: called before the file is written.
        facts: further entries of the lineage.

    Raises:
        WriteError: if it cannot be written or loaded, or predicts something else.
    """
    note_lineage(composed, method, sources, **facts, evaluations=as_lineage(evaluations))
    if out is not None:
        if progress is not None:
            progress(0, 1, f"Writing {Path(out).name}, and loading it in a fresh process")
        deliver(composed.model, out, loading.custom_objects, unsafe=loading.unsafe)
    return composed.model
