"""What a merged network costs beside its sources: sizes that are counted, speed and memory that are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import keras

from keras_weld.judging.latency import as_given, compiled, speedup
from keras_weld.judging.memory import Needed, memory_of
from keras_weld.judging.onnx_runtime import in_onnx_runtime, onnx_is_there
from keras_weld.zipping.costs import costs_of
from keras_weld.zipping.frontier import Peak, Speedup
from keras_weld.zipping.lockstep import Trunk
from keras_weld.zipping.walk import Zipped

BATCHES = (1, 8)
Call = Callable[[Any], Any]


class Meter:
    """Measures networks against the same source models.

    Args:
        models: the source models.

    Attributes:
        notes: what could not be measured.
    """

    def __init__(self, models: Sequence[keras.Model]) -> None:
        self.models = models
        self.notes: list[str] = []

    def costs(self, network: Zipped, trunk: Trunk) -> dict[str, Any]:
        """All that `Figures` tells but how the tasks do."""
        counted = costs_of(trunk, network)
        return {
            "compression": counted.compression,
            "memory": counted.memory,
            "activations": counted.activations,
            "speedup": self._speedup(network.model, compiled(network.model), self._compiled),
            "onnx": self.in_onnx_runtime(network.model),
            "peak": self.peak(network.model),
        }

    def in_onnx_runtime(self, model: keras.Model) -> tuple[Speedup, ...]:
        """The speedup in ONNX Runtime; empty where it is not installed, or a model cannot be converted."""
        if self._in_onnx is None:
            return ()
        try:
            merged = in_onnx_runtime(model)
        except Exception as error:  # a converter may raise anything
            self.notes.append(_not_converted(error))
            return ()
        return self._speedup(model, merged, self._in_onnx)

    def _speedup(self, model: keras.Model, merged: Call, separate: Sequence[Call]) -> tuple[Speedup, ...]:
        """How many times as fast a network is as the source models one after the other, on the same input."""
        found = []
        for batch in BATCHES:
            pairs = zip(separate, self.models, strict=True)
            own = [partial(one, as_given(source, batch)) for one, source in pairs]
            ratio = speedup(own, partial(merged, as_given(model, batch)))
            found.append(Speedup(batch, ratio.value, ratio.low, ratio.high))
        return tuple(found)

    def peak(self, model: keras.Model) -> Peak | None:
        """The memory that a network needs for one example, beside that of all source models, of which one runs."""
        needed = [one for one in self._needed if one is not None]
        merged = memory_of(model, as_given(model, 1))
        if merged is None or len(needed) < len(self.models):
            return None
        separate = sum(one.weights for one in needed) + max(one.working for one in needed)
        return Peak(separate, merged.total, separate / merged.total)

    @cached_property
    def _compiled(self) -> list[Call]:
        return [compiled(one) for one in self.models]

    @cached_property
    def _in_onnx(self) -> list[Call] | None:
        if not onnx_is_there():
            return None
        try:
            return [in_onnx_runtime(one) for one in self.models]
        except Exception as error:  # a converter may raise anything
            self.notes.append(_not_converted(error))
            return None

    @cached_property
    def _needed(self) -> list[Needed | None]:
        return [memory_of(one, as_given(one, 1)) for one in self.models]


def _not_converted(error: Exception) -> str:
    return f"The speed in ONNX Runtime is not measured: the conversion ended with {type(error).__name__}."
