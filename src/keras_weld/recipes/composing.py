"""What every composition ends with: its lineage, and a file that was proved before it gets its name."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.core.file_names import with_format
from keras_weld.core.lineage import Lineage, Source
from keras_weld.core.version import __version__
from keras_weld.errors import UsageError

if TYPE_CHECKING:
    from keras_weld.compose.member import Composed

_IN_THE_SCRIPT = "__main__"


def require_whole_model(out: str | os.PathLike[str] | None) -> None:
    """Refuse, before any work, a name that does not ask for a whole model.

    Raises:
        UsageError: if it does.
    """
    if out is not None and not Path(out).name.endswith(".keras"):
        raise UsageError(
            "A composed model is written whole: its architecture is new, and weights alone would be of no use.",
            file=out,
            expected="a name ending in .keras",
            found=Path(out).name,
            remedy=f"For example: -o {with_format(out, '.keras')}",
        )


def note_lineage(composed: Composed, method: str, sources: Sequence[Source], **facts: Any) -> None:
    """Note how a composed model was made; `save` and `deliver` write it into the file.

    Args:
        composed: the model, with what was decided and told.
        method: name of the composition (`fuse`).
        sources: the models that went in.
        facts: further entries: `labels`, `metrics`.
    """
    from keras_weld.models.provenance import set_lineage

    entry = Lineage(
        method=method,
        parameters={**composed.parameters, **_heads_of(composed)},
        sources=sources,
        version=__version__,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=list(composed.notes),
    ).as_dict()
    set_lineage(composed.model, {**entry, **{name: value for name, value in facts.items() if value not in (None, {})}})


def _heads_of(composed: Composed) -> dict[str, list[str]]:
    answering = {"head_layers": list(composed.answering)} if composed.answering else {}
    return {"new_layers": list(composed.head), **answering}


def plain(value: Any) -> Any:
    """A value with lists for tuples, and null for what JSON has no number for."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def deliver(model: Any, out: str | os.PathLike[str], custom_objects: Any = None, *, unsafe: bool = False) -> Path:
    """Write a composed model, and load it in a fresh process with plain Keras before it gets its name.

    Args:
        model: the live model.
        out: a name ending in `.keras`.
        custom_objects: classes of the user's own that it needs.
        unsafe: whether it carries Python code that may run.

    Raises:
        WriteError: if it cannot be written or loaded, or predicts something else; what was there is untouched.
    """
    from keras_weld.models.save import save_if
    from keras_weld.recipes.proof import prove

    target = Path(out)
    texts = importable(model, custom_objects)
    save_if(model, target, lambda path: _ignore(prove(path, model, custom=texts, unsafe=unsafe)))
    return target


def importable(model: Any, custom_objects: Any = None) -> list[str]:
    """The classes and functions of the user's own that a model needs, as `module:Class`, for another process.

    Raises:
        UsageError: if one is defined in the running script, where no other process finds it.
    """
    from keras_weld.models.own_things import own_things

    given = custom_objects.values() if isinstance(custom_objects, Mapping) else custom_objects or ()
    given = [given] if isinstance(given, str) else list(given)
    texts = [one for one in given if isinstance(one, str)]
    named = {text.rpartition(":")[2].rpartition(".")[2] for text in texts}
    things = {one.__name__: one for one in given if not isinstance(one, str)} | own_things(model)
    for name, thing in things.items():
        if name in named:
            continue
        if thing.__module__ == _IN_THE_SCRIPT or "<locals>" in thing.__qualname__:
            what = "class" if isinstance(thing, type) else "function"
            raise UsageError(
                f"A {what} of your own is defined where no other process can import it.",
                layer=name,
                expected=f"a {what} at the top of a module, such as my_layers.py",
                found=f"{thing.__qualname__} in {thing.__module__}",
                remedy="Move it into a module of its own, and import it from there.",
            )
        texts.append(f"{thing.__module__}:{thing.__qualname__}")
    return texts


def _ignore(value: object) -> None:
    """The test is that nothing was raised."""
