"""Which outputs of a model are trained: all of them, or those that the data has targets for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras

from keras_weld.core.graph import ModelGraph
from keras_weld.errors import UsageError
from keras_weld.models.cut import alone, called, inputs_of
from keras_weld.models.replay import Tensor
from keras_weld.training.parts import Part, parts_of


@dataclass(frozen=True, slots=True)
class Answered:
    """The outputs of a model, and which of them the data answers.

    Attributes:
        inputs: the inputs that stand for what the model takes.
        outputs: all of its outputs.
        names: their names, each once.
        chosen: the numbers of those that are trained.
    """

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    names: Sequence[str]
    chosen: Sequence[int]

    @property
    def trained(self) -> list[str]:
        """The names of the outputs that are trained."""
        return [self.names[number] for number in self.chosen]

    @property
    def left(self) -> list[str]:
        """The names of the others."""
        return [name for number, name in enumerate(self.names) if number not in self.chosen]

    def own(self, parts: Sequence[Part]) -> list[Part]:
        """The parts that training may change: with targets for some outputs alone, none that another one comes from.

        Args:
            parts: all parts of the model.

        Raises:
            UsageError: if there are none.
        """
        if not self.left:
            return list(parts)
        others = [tensor for number, tensor in enumerate(self.outputs) if number not in self.chosen]
        shared = {id(part.layer) for part in parts_of(keras.Model(alone(list(self.inputs)), alone(others)))}
        found = [part for part in parts if id(part.layer) not in shared]
        if not found:
            raise UsageError(
                f"The data has targets for {', '.join(self.trained)} alone, and no layer is there for that alone.",
                expected="targets for all outputs, or layers that the others do not come from",
                found=f"every layer leads to {', '.join(self.left)} too",
                remedy="Give targets for all outputs: " + ", ".join(self.names),
            )
        return found

    def told(self) -> list[str]:
        """What to know of the outputs that are not trained."""
        if not self.left:
            return []
        are = "is left as it is" if len(self.left) == 1 else "are left as they are"
        come = "it comes" if len(self.left) == 1 else "they come"
        return [
            f"The data has targets for {', '.join(self.trained)} alone: {', '.join(self.left)} {are}, and so is all "
            f"that {come} from."
        ]


def answered_by(model: keras.Model, graph: ModelGraph, targets: Sequence[str]) -> Answered:
    """The outputs of a model that data answers.

    Args:
        model: the model.
        graph: its graph.
        targets: the names of the targets. If all are names of outputs, these outputs are meant; else all are.
    """
    if graph.opaque:
        inputs = inputs_of(model)
        outputs = called(model, inputs)
        names = [f"output_{number}" if len(outputs) > 1 else "output" for number in range(len(outputs))]
    else:
        inputs, outputs, names = list(model.inputs), list(model.outputs), _each_once(graph.output_names)
    named = bool(targets) and set(targets) <= set(names)
    chosen = [number for number, name in enumerate(names) if name in targets or not named]
    return Answered(inputs, outputs, names, chosen)


def _each_once(names: Sequence[str]) -> list[str]:
    return [name if list(names).count(name) == 1 else f"{name}_{number}" for number, name in enumerate(names)]
