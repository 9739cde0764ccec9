"""The models, layers and outputs that options name: what is not there is refused before a model is loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_weld.core.arguments import require_kind
from keras_weld.core.named_place import output_named, place_named
from keras_weld.core.pixel_ranges import require_range
from keras_weld.errors import UsageError, add_context
from keras_weld.io.kinds import container_of
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.recipes.member_names import by_member, is_path, member_names
from keras_weld.recipes.said import Outputs, said_of

_VERSION = "3."
"""Of Keras: layers from files of older versions, and of other formats, can have other names once they are loaded."""

_FOR_ALL_MODELS = "--output "
_FOR_ALL = ("output", "outputs")
_EXAMPLES = {
    "at": "{'a': 'avg_pool'}",
    "output": "{'a': 'digit'}",
    "ranges": "{'a': '0..1'}",
    "outputs": "{'a': 'logits'}",
}


def require_named(
    models: Sequence[Any],
    names: Sequence[str] | None = None,
    *,
    at: Mapping[str, str] | None = None,
    output: Mapping[str, str] | str | None = None,
    ranges: Mapping[str, str] | None = None,
    outputs: Outputs | None = None,
    backbone: str | os.PathLike[str] | None = None,
    inputs: str = "shared",
    size: Any = None,
    limits: Limits | None = None,
) -> list[str]:
    """Refuse options that name what there is not; Keras is not needed for it.

    Layers and outputs are looked for in `.keras` files of Keras 3 whose architecture tells them.

    Args:
        models: the models.
        names: what they are called in the result; by default after their files.
        at: by model, a layer.
        output: by model, an output; or one for all, which a model with a single output need not have.
        ranges: by model, a range of pixels.
        outputs: by model, or for all, what outputs mean; or by model and output.
        backbone: a model.
        inputs: "shared" or "separate".
        size: of shared images.
        limits: what the files may ask for.

    Returns:
        The names of the models.

    Raises:
        UsageError: for a name that there is not; says which there are. For options of another kind, and for a size
            or ranges of shared images where none are shared.
    """
    if inputs == "separate" and (size is not None or ranges):
        raise _nothing_shared(size is not None)
    if names is not None:
        require_kind("names", names, (list, tuple), "a list, such as ['digits', 'letters']")
        for name in names:
            require_kind("names", name, str, "a list, such as ['digits', 'letters']")
    if backbone is not None:
        require_kind("backbone", backbone, (str, os.PathLike), "the name or path of a model, such as 'digits'")
    for option, given in {"at": at, "output": output, "ranges": ranges, "outputs": outputs}.items():
        if given is not None and not (isinstance(given, str) and option in _FOR_ALL):
            require_kind(option, given, Mapping, f"a dict by model, such as {_EXAMPLES[option]}")
    for option, by_model in {"at": at, "output": output, "ranges": ranges}.items():
        for value in by_model.values() if isinstance(by_model, Mapping) else ():
            require_kind(option, value, str, f"a dict by model, such as {_EXAMPLES[option]}")
    called = member_names(models, names)
    said = said_of(outputs, models, called)
    for pixels in by_member(ranges, models, called).values():
        require_range(pixels)
    if backbone is not None:
        by_member({os.fspath(backbone): ""}, models, called)
    layers = by_member(at, models, called)
    ports = dict.fromkeys(called, output) if isinstance(output, str) else by_member(output, models, called)
    for model, name in zip(models, called, strict=True):
        option = _FOR_ALL_MODELS if isinstance(output, str) else f"--output {name}:"
        named = {option: [ports[name]] if name in ports else [], f"--outputs {name}:": list(said.single.get(name, ()))}
        if is_path(model) and (name in layers or any(named.values())):
            _require_in(model, layers.get(name), named, limits or Limits())
    return called


def _nothing_shared(size: bool) -> UsageError:
    option = "--size" if size else "--range"
    return UsageError(
        f"{option} is about images that the models share, and with separate inputs they share none.",
        expected=f"{option} with --inputs shared, or --inputs separate alone",
        found=f"{option} with --inputs separate",
        remedy=f"Leave {option} out: each model takes images as it was trained on them. Or leave --inputs out.",
    )


def _require_in(model: Any, layer: str | None, named: Mapping[str, Sequence[str]], limits: Limits) -> None:
    """Refuse a layer, and outputs by the option that names them, that are not in a file."""
    if container_of(Path(model)) != "zip":
        return
    with add_context(file=model), open_model(model, limits) as state:
        graph, version = state.graph, str(state.metadata.get("keras_version"))
        if graph is None or graph.opaque or not version.startswith(_VERSION):
            return
        if layer is not None:
            place_named(graph, layer)
        for option, outputs in named.items():
            for one in outputs:
                if not (option == _FOR_ALL_MODELS and len(graph.output_names) == 1):
                    output_named(graph.output_names, one, option)
