"""One input for several models, with adapters where they take different data; or an input for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import keras

from keras_weld.compose.member import Member
from keras_weld.core.graph_nodes import Shape
from keras_weld.core.pixel_ranges import between, common_range, require_range
from keras_weld.errors import IncompatibleModelsError, UsageError
from keras_weld.models.cut import inputs_of
from keras_weld.models.replay import Tensor

SHARED, SEPARATE = "shared", "separate"
_IMAGE = 4  # axes, with the batch
_GREY, _COLOUR = 1, 3
_SEPARATE_REMEDY = "Give each model an input of its own: --inputs separate (inputs='separate')."


@dataclass(frozen=True, slots=True)
class Joined:
    """The inputs of a merged model.

    Attributes:
        inputs: its inputs.
        entering: for every member, by its name: what goes into each of its inputs, in their order.
        notes: what was inserted, in sentences.
    """

    inputs: list[Tensor] = field(default_factory=list)
    entering: dict[str, list[Tensor]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def join_inputs(
    members: Sequence[Member],
    how: str = SHARED,
    *,
    size: tuple[int, int] | None = None,
    ranges: Mapping[str, str] | None = None,
) -> Joined:
    """Inputs for a merged model, and what leads from them to the members.

    Shared inputs are matched by name where all members have the same names, else by their order. Images are
    taken at the size of the largest, in colour if any model takes colour; in front of the others stand
    adapters, which are told.

    Args:
        members: the models.
        how: "shared" or "separate".
        size: height and width of shared images, instead of the largest.
        ranges: by member, the range of pixels it was trained on, a key of `PIXEL_RANGES`; the merged model takes
            that of the first.

    Raises:
        IncompatibleModelsError: if models take data that nothing can make out of the same input.
        UsageError: for another word than these two, or a range that there is not.
    """
    _check_options(members, how, ranges or {})
    ports = {member.name: inputs_of(member.model) for member in members}
    if how == SEPARATE:
        return _separate(members, ports)
    joined = Joined(entering={member.name: [] for member in members})
    for column in _columns(members, ports):
        shape, dtype = _common(column, size)
        taken = {member.name for member in members} | {one.name for one in joined.inputs}
        entry = keras.Input(batch_shape=shape, dtype=dtype, name=_free(column[0][1].name, taken))
        joined.inputs.append(entry)
        for member, port in column:
            joined.entering[member.name].append(_adapted(entry, member, port, ranges or {}, joined.notes))
    _restore_order(members, ports, joined)
    if ranges:
        joined.notes.extend(_untold(members, ports, ranges))
    return joined


def _untold(members: Sequence[Member], ports: Mapping[str, list[Tensor]], ranges: Mapping[str, str]) -> list[str]:
    """What is assumed of models that take images, where ranges are told for others alone."""
    names = [
        member.name
        for member in members
        if member.name not in ranges and any(len(port.shape) == _IMAGE for port in ports[member.name])
    ]
    common = common_range(ranges)
    said = f"Pixels of {common} go into {', '.join(names)} as they are"
    return [f"{said}, as no other range is told: --range {names[0]}:RANGE"] if names else []


def _check_options(members: Sequence[Member], how: str, ranges: Mapping[str, str]) -> None:
    if how not in (SHARED, SEPARATE):
        raise UsageError("Inputs are shared or separate.", expected="shared or separate", found=how)
    names = [member.name for member in members]
    for name, pixels in ranges.items():
        if name not in names:
            raise UsageError("There is no such model to give a range for.", expected=", ".join(names), found=name)
        require_range(pixels)


def _separate(members: Sequence[Member], ports: Mapping[str, list[Tensor]]) -> Joined:
    joined = Joined()
    for member in members:
        own = ports[member.name]
        names = [f"{member.name}_input" if len(own) == 1 else f"{member.name}_{port.name}" for port in own]
        entries = [
            keras.Input(batch_shape=port.shape, dtype=port.dtype, name=name)
            for port, name in zip(own, names, strict=True)
        ]
        joined.inputs.extend(entries)
        joined.entering[member.name] = entries
    return joined


def _columns(members: Sequence[Member], ports: Mapping[str, list[Tensor]]) -> list[list[tuple[Member, Tensor]]]:
    """The inputs that belong together, one from each member."""
    first = ports[members[0].name]
    for member in members[1:]:
        if len(ports[member.name]) != len(first):
            raise IncompatibleModelsError(
                "The models have different numbers of inputs.",
                file=member.source,
                expected=f"{len(first)} ({', '.join(port.name for port in first)})",
                found=f"{len(ports[member.name])} ({', '.join(port.name for port in ports[member.name])})",
                remedy=_SEPARATE_REMEDY,
            )
    by_name = {member.name: {port.name: port for port in ports[member.name]} for member in members}
    named = all(set(by_name[member.name]) == set(by_name[members[0].name]) for member in members)
    if named:
        return [[(member, by_name[member.name][port.name]) for member in members] for port in first]
    return [[(member, ports[member.name][number]) for member in members] for number in range(len(first))]


def _restore_order(members: Sequence[Member], ports: Mapping[str, list[Tensor]], joined: Joined) -> None:
    """Columns follow the first member's order; where they were matched by name, another's may differ."""
    names = [port.name for port in ports[members[0].name]]
    for member in members:
        own = [port.name for port in ports[member.name]]
        if own != names and set(own) == set(names):
            entering = dict(zip(names, joined.entering[member.name], strict=True))
            joined.entering[member.name] = [entering[name] for name in own]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_input"
    return name


def _common(column: Sequence[tuple[Member, Tensor]], size: tuple[int, int] | None) -> tuple[Shape, str]:
    """The shape, with the batch first, and the dtype of an input that all can be fed from."""
    dtype = _common_dtype(column)
    first = column[0][1].shape
    for member, port in column[1:]:
        if len(port.shape) != len(first):
            raise _unlike(column[0], member, port, "The inputs have different numbers of axes.")
    if len(first) == _IMAGE:
        return _common_image(column, size), dtype
    axes: list[int | None] = [None]
    for number in range(1, len(first)):
        found = {port.shape[number] for _, port in column} - {None}
        if len(found) > 1:
            odd = next(one for one in column if one[1].shape[number] not in (None, first[number]))
            raise _unlike(column[0], *odd, "The inputs have different sizes, and these are not images.")
        axes.append(found.pop() if found else None)
    return tuple(axes), dtype


def _common_dtype(column: Sequence[tuple[Member, Tensor]]) -> str:
    dtypes = [str(port.dtype) for _, port in column]
    if len(set(dtypes)) == 1:
        return dtypes[0]
    for number, dtype in enumerate(dtypes):
        if ("float" in dtype) != ("float" in dtypes[0]) and "uint8" not in (dtype, dtypes[0]):
            raise _unlike(column[0], *column[number], "One model takes whole numbers or texts, the other values.")
    return "float32"


def _common_image(column: Sequence[tuple[Member, Tensor]], size: tuple[int, int] | None) -> Shape:
    channels = {port.shape[-1] for _, port in column} - {None}
    if len(channels) > 1 and channels != {_GREY, _COLOUR}:
        odd = next(one for one in column if one[1].shape[-1] != column[0][1].shape[-1])
        raise _unlike(column[0], *odd, "The images have different numbers of channels.")
    heights, widths = ({port.shape[axis] for _, port in column} - {None} for axis in (1, 2))
    height, width = size or (max(heights, default=None), max(widths, default=None))
    return None, height, width, max(channels, default=None)


def _adapted(entry: Tensor, member: Member, port: Tensor, ranges: Mapping[str, str], notes: list[str]) -> Tensor:
    """What leads from a shared input to one of a member's; every adapter is noted."""
    tensor, layers = entry, keras.layers
    if len(port.shape) == _IMAGE:
        wanted, found = port.shape[1:3], tensor.shape[1:3]
        if any(want is not None and want != have for want, have in zip(wanted, found, strict=True)):
            height, width = (want or have for want, have in zip(wanted, found, strict=True))
            tensor = layers.Resizing(height, width, name=f"{member.name}_resize")(tensor, training=False)
            notes.append(f"Images are resized to {height} x {width} for {member.name}.")
        if port.shape[-1] == _COLOUR and tensor.shape[-1] == _GREY:
            tensor = layers.Concatenate(name=f"{member.name}_to_colour")([tensor] * _COLOUR)
            notes.append(f"Grey images are given to {member.name} as colour, three times the same.")
        elif port.shape[-1] == _GREY and tensor.shape[-1] == _COLOUR:
            tensor = keras.ops.image.rgb_to_grayscale(tensor, data_format="channels_last")
            notes.append(f"Colour images are turned grey for {member.name}.")
    if ranges and (pixels := ranges.get(member.name)) != (common := common_range(ranges)) and pixels:
        scale, offset = between(common, pixels)
        tensor = layers.Rescaling(scale, offset, name=f"{member.name}_rescale")(tensor)
        notes.append(f"Pixels of {common} are rescaled to {pixels} for {member.name}.")
    return tensor


def _unlike(first: tuple[Member, Tensor], member: Member, port: Tensor, problem: str) -> IncompatibleModelsError:
    return IncompatibleModelsError(
        f"The models cannot share an input. {problem}",
        file=member.source,
        layer=port.name,
        expected=f"{_shown(first[1])}, as {first[0].name} takes",
        found=_shown(port),
        remedy=_SEPARATE_REMEDY,
    )


def _shown(port: Tensor) -> str:
    sizes = ("batch", *("any" if size is None else str(size) for size in port.shape[1:]))
    return f"({', '.join(sizes)}) {port.dtype}"
