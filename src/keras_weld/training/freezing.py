"""Freeze the parts of a model that a stage does not train, and put every flag back at the end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any

from keras_weld.models.keras_private import layers_in, made_to_be_trained
from keras_weld.training.parts import Part


class Freezing:
    """Sets `trainable` on parts, never on the models around them, which would overwrite what is inside.

    A frozen BatchNormalization uses its moving statistics and leaves them alone, in training too: that is how
    Keras defines the flag.

    Args:
        parts: all parts of the model.

    Example:
        >>> with Freezing(parts) as freezing:  # doctest: +SKIP
        ...     freezing.train_only(chosen)
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._flags = [_flags(part.layer) for part in parts]
        self._frozen = {part.path for part in parts if part.frozen}

    def train_only(self, chosen: Collection[Part], *, thaw: bool = False) -> list[Part]:
        """Freeze all parts but those chosen; of these, what is frozen in the model itself stays so.

        Args:
            chosen: the parts to train.
            thaw: also train what is frozen in the model itself.

        Returns:
            The parts that are trained now.
        """
        self.restore()
        trained = []
        for part in self._parts:
            if part not in chosen:
                part.layer.trainable = False
            elif not part.frozen:
                trained.append(part)
            elif thaw:
                part.layer.trainable = True
                trained.append(part)
        return trained

    def was_frozen(self, part: Part) -> bool:
        """Whether a part is frozen in the model itself."""
        return part.path in self._frozen

    def restore(self) -> None:
        """Put every flag back to what it was at first."""
        for flags in self._flags:
            for owner, flag in flags:
                owner.trainable = flag

    def __enter__(self) -> Freezing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()


def _flags(layer: Any) -> list[tuple[Any, bool]]:
    """The flags of a layer and of all in it, the outer before the inner: setting one overwrites those below."""
    layers = layers_in(layer)
    flags = [(one, one.trainable) for one in layers]
    return flags + [(variable, variable.trainable) for one in layers for variable in made_to_be_trained(one)]
