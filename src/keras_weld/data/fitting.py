"""Whether examples have the shapes that a model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keras_weld.data.split import Shape
from keras_weld.errors import DataError

_CHANNELS = (1, 3, 4)
_IMAGES = (
    "Name the right array (FILE.npz:images,labels), or have the images brought to the size and the channels that the "
    "model takes: give them as a folder of images, or in Python as open_data((x, y), prepare=Preparation()), both "
    "names from keras_weld.data."
)


def fitted_names(found: Mapping[str, Sequence[int]], shapes: Mapping[str, Shape], origin: str) -> list[str]:
    """The names of the data's inputs in the order in which a model takes them.

    Inputs that bear the names of the model's go by name, others by their order.

    Args:
        found: the shape of one example of each input of the data, by name.
        shapes: the same of each input of the model, in its order.
        origin: where the data came from, for messages.

    Raises:
        DataError: if there are more or fewer inputs than the model takes, or one has another shape.
    """
    if len(found) != len(shapes):
        raise DataError(
            "The data has another number of inputs than the model.",
            file=origin,
            expected=f"{len(shapes)}: " + ", ".join(f"{name} {show(shape)}" for name, shape in shapes.items()),
            found=f"{len(found)}: " + ", ".join(found),
            remedy="Give one array for each input, as x0, x1, … or under the names of the model's inputs.",
        )
    names = list(shapes) if set(shapes) == set(found) else list(found)
    for key, (name, shape) in zip(names, shapes.items(), strict=True):
        if not fits(found[key], shape):
            raise DataError(
                f"The examples under {key!r} do not fit the model's input {name!r}.",
                file=origin,
                expected=f"shape {show(shape)} for one example",
                found=f"shape {show(tuple(found[key]))}",
                remedy=_IMAGES
                if _is_image(found[key]) and len(shape) == 3 and _is_image(shape)
                else "Name the right array (FILE.npz:images,labels), or reshape the data to what the model takes.",
            )
    return names


def _is_image(shape: Sequence[int | None]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[-1] in _CHANNELS)


def fits(found: Sequence[int], expected: Shape) -> bool:
    """Whether Keras takes examples of shape `found`; it adds or drops a last axis of one by itself."""
    found = tuple(found)
    if len(found) + 1 == len(expected) and expected[-1] == 1:
        found = (*found, 1)
    elif len(found) == len(expected) + 1 and found[-1] == 1:
        found = found[:-1]
    return len(found) == len(expected) and all(
        want is None or want == have for have, want in zip(found, expected, strict=True)
    )


def show(shape: Shape) -> str:
    """A shape as people write it, `any` where any size will do."""
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
