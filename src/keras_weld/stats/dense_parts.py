"""Dense layers as matrices: `Dense`, and `EinsumDense` by its equation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras

from keras_weld.data.batch import Array
from keras_weld.stats.linear_part import LinearPart


class DensePart(LinearPart):
    """A dense layer: one matrix for all places."""

    __slots__ = ()

    def plain_rows(self, x: Array) -> Array:
        """Each place is a row."""
        return x.reshape(-1, 1, x.shape[-1])

    def in_groups(self, kernel: Array) -> Array:
        """One group."""
        return kernel[None]

    def as_kernel(self, matrices: Array, shape: tuple[int, ...]) -> Array:
        """Undoes it."""
        return matrices.reshape(shape)


class EinsumPart(LinearPart):
    """An `EinsumDense` layer: the equation tells which axes are rows, groups, width and outputs."""

    __slots__ = ()

    def plain_rows(self, x: Array) -> Array:
        """Axes that the kernel does not have are rows, those that the output does not have are the width."""
        axes = Axes.of(self.layer)
        letters = _with_digits(axes.taken, x.ndim)
        spread = "".join(letter for letter in letters if letter not in axes.kernel)
        order = [letters.index(letter) for letter in spread + axes.groups + axes.width]
        sizes = [x.shape[axis] for axis in order]
        first, second = len(spread), len(spread) + len(axes.groups)
        shape = (math.prod(sizes[:first]), math.prod(sizes[first:second]), math.prod(sizes[second:]))
        return x.transpose(order).reshape(shape)

    def in_groups(self, kernel: Array) -> Array:
        """The kernel's axes in the order groups, width, outputs."""
        axes = Axes.of(self.layer)
        order = [axes.kernel.index(letter) for letter in axes.groups + axes.width + axes.outputs]
        sizes = dict(zip(axes.kernel, kernel.shape, strict=True))
        shape = [math.prod(sizes[letter] for letter in part) for part in (axes.groups, axes.width, axes.outputs)]
        return kernel.transpose(order).reshape(shape)

    def as_kernel(self, matrices: Array, shape: tuple[int, ...]) -> Array:
        """Undoes it."""
        axes = Axes.of(self.layer)
        return _in_order(matrices, axes.groups + axes.width + axes.outputs, axes.kernel, shape)

    def bias_in_groups(self, bias: Array, groups: int) -> Array:
        """The bias has its axes in the order of the output, with 1 where it is the same along one."""
        axes = Axes.of(self.layer)
        own = axes.of_bias
        order = [own.index(letter) for letter in axes.groups + axes.outputs]
        return bias.reshape(_own_sizes(axes, bias.shape)).transpose(order).reshape(groups, 1, -1)

    def as_bias(self, row: Array, shape: tuple[int, ...]) -> Array:
        """Undoes it."""
        axes = Axes.of(self.layer)
        return _in_order(row, axes.groups + axes.outputs, axes.of_bias, _own_sizes(axes, shape)).reshape(shape)


@dataclass(frozen=True, slots=True)
class Axes:
    """The letters of an equation.

    Attributes:
        taken: the axes of the inputs.
        kernel: those of the kernel.
        given: those of the output.
    """

    taken: str
    kernel: str
    given: str

    @classmethod
    def of(cls, layer: keras.Layer) -> Axes:
        """Those of an `EinsumDense` layer."""
        terms, given = layer.equation.replace(" ", "").split("->")
        taken, kernel = terms.split(",")
        return cls(taken, kernel, given)

    @property
    def groups(self) -> str:
        """The kernel's axes that inputs and output have, too."""
        return "".join(letter for letter in self.kernel if letter in self.taken and letter in self.given)

    @property
    def width(self) -> str:
        """Those that are summed over."""
        return "".join(letter for letter in self.kernel if letter not in self.given)

    @property
    def outputs(self) -> str:
        """Those that are new in the output."""
        return "".join(letter for letter in self.kernel if letter not in self.taken)

    @property
    def of_bias(self) -> str:
        """The output's axes that a bias has of its own, in their order."""
        return "".join(letter for letter in self.given if letter in self.groups + self.outputs)

    def plain(self, bias: str | None) -> bool:
        """Whether the layer is one matrix for each group, whose bias belongs to all of its outputs."""
        summed = [letter for letter in self.taken if letter.isalpha() and letter not in self.kernel + self.given]
        alone = [letter for letter in self.width if letter not in self.taken]
        return not summed and not alone and (bias is None or set(bias) == set(self.of_bias))


def _with_digits(term: str, rank: int) -> str:
    """A term with a digit for each axis that its ellipsis stands for."""
    return term.replace("...", "0123456789"[: rank - len(term.replace("...", ""))])


def _own_sizes(axes: Axes, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of a bias along its own axes: it begins at the first of these in the output."""
    letters = axes.given[len(axes.given) - len(shape) :] if axes.given.isalpha() else axes.of_bias
    return tuple(size for letter, size in zip(letters, shape, strict=True) if letter in axes.of_bias)


def _in_order(values: Array, order: str, wanted: str, shape: tuple[int, ...]) -> Array:
    """Values whose axes, run together, have one order, as an array with the axes that are wanted."""
    sizes = dict(zip(wanted, shape, strict=True))
    return values.reshape([sizes[letter] for letter in order]).transpose([order.index(letter) for letter in wanted])
