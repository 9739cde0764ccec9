"""What the outputs of models mean, as their files tell or the user says; where neither does, a merge is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.meaning import PROBABILITIES, Kind, Meaning
from keras_weld.checks.training import Loss
from keras_weld.core.named_place import output_named
from keras_weld.errors import IncompatibleModelsError, add_context
from keras_weld.recipes.meanings import loss_on, meaning_at
from keras_weld.recipes.said import Said

if TYPE_CHECKING:
    from keras_weld.compose.forms import Form
    from keras_weld.compose.parts import Column, Part

KIND_OF = {
    "probabilities": Kind.CLASSES,
    "logits": Kind.CLASS_LOGITS,
    "independent probabilities": Kind.INDEPENDENT,
    "independent logits": Kind.INDEPENDENT_LOGITS,
    "values": Kind.VALUES,
}
"""What outputs are, in the words in which files are described."""

_FORM_OF = {kind: word for word, kind in KIND_OF.items()}


@dataclass(frozen=True, slots=True)
class Told:
    """A model, what its file tells, and what the user says.

    Attributes:
        part: the model.
        known: what its file tells.
        said: what the user says of all models.
        chosen: whether the user names one output that alone is taken.
    """

    part: Part
    known: Candidate
    said: Said
    chosen: bool = False

    def meaning(self, number: int) -> Meaning | None:
        """What an output means by the file."""
        return meaning_at(self.part, number, self.known)

    def form(self, number: int) -> Form | None:
        """What an output is; None if neither the file nor the user tells.

        What the user says of an output holds. What is said of a model holds for its only output or the one that is
        chosen, and of several for those that the file does not tell.
        """
        meaning = self.meaning(number)
        told = None if meaning is None else _FORM_OF.get(meaning.kind)
        word = self.word(number) or (self.said.whole.get(self.part.member.name) if told is None else told)
        return None if word is None else _as_form(word, self.part.model.outputs[number])

    def word(self, number: int) -> str | None:
        """What the user says that holds against the file."""
        name, alone = self.part.member.name, self.chosen or len(self.part.names) == 1
        return self.said.of(name, self.part.names[number]) or (self.said.whole.get(name) if alone else None)

    def place(self, number: int) -> str:
        """How the user names an output: `MODEL`, or `MODEL:OUTPUT` where it is one of several."""
        name = self.part.member.name
        return name if len(self.part.names) == 1 else f"{name}:{self.part.names[number]}"


def all_told(
    parts: Sequence[Part], candidates: Sequence[Candidate], said: Said, output: str | None = None
) -> list[Told]:
    """Models with what is known of them.

    Args:
        parts: the models.
        candidates: what their files tell.
        said: what the user says.
        output: the only output that is taken, if one is named.

    Raises:
        UsageError: if the user says something of an output that there is not.
    """
    for part in parts:
        with add_context(file=part.member.source):
            for name in said.single.get(part.member.name, ()):
                output_named(part.names, name, f"--outputs {part.member.name}:")
    return [Told(part, known, said, output is not None) for part, known in zip(parts, candidates, strict=True)]


def forms_of(models: Sequence[Told], columns: Sequence[Column]) -> dict[str, list[Form]]:
    """What each model gives, for the outputs that belong together.

    Raises:
        IncompatibleModelsError: if neither tells; names the model, the output, and the remedy.
    """
    found: dict[str, list[Form]] = {}
    for place, told in enumerate(models):
        found[told.part.member.name] = []
        for column in columns:
            form = told.form(column.numbers[place])
            if form is None:
                raise _untold(told, column.numbers[place])
            found[told.part.member.name].append(form)
    return found


def contradictions(models: Sequence[Told], numbers: Sequence[Sequence[int]]) -> list[str]:
    """Where the files contradict themselves, or the user says something else of outputs than they do, in sentences.

    Args:
        models: the models.
        numbers: for each model, which of its outputs are meant.
    """
    return [
        sentence
        for told, chosen in zip(models, numbers, strict=True)
        for number in chosen
        for sentence in _contradiction(told, number)
    ]


def _contradiction(told: Told, number: int) -> list[str]:
    part, meaning, form = told.part, told.meaning(number), told.form(number)
    if meaning is None or form is None:
        return []
    where = part.member.name if len(part.names) == 1 else f"{part.member.name}, {part.names[number]},"
    port, whole, found = part.model.outputs[number], told.said.whole.get(part.member.name), []
    doubt = _doubt(meaning, loss_on(part, number, told.known))
    if doubt is not None and told.word(number) is None:
        found.append(
            f"{where} {doubt}: look at its training, or say what it gives with --outputs {told.place(number)}:KIND."
        )
    if not _agree(meaning, form, port):
        found.append(
            f"{where} is taken to give {form}, as you say; by its file it gives {meaning.text} ({meaning.why})."
        )
    elif told.word(number) is None and whole is not None and not _agree(meaning, _as_form(whole, port), port):
        found.append(
            f"{where} is taken to give {form}, as its file tells ({meaning.why}). What you say of a model with "
            f"several outputs holds for those that the file does not tell; for this one, say it by its name: "
            f"--outputs {told.place(number)}:{whole.replace(' ', '-')}"
        )
    return found


def _as_form(word: str, port: Any) -> Form:
    from keras_weld.compose.forms import Form

    return _fitting(Form(word), port.shape[-1])


def _agree(meaning: Meaning, form: Form, port: Any) -> bool:
    """Whether the numbers can be of this form, for all that the file tells."""
    from keras_weld.compose.forms import Form

    if meaning.kind is Kind.OPEN:
        return form not in (Form.PROBABILITIES, Form.INDEPENDENT)
    told = _FORM_OF.get(meaning.kind)
    return told is None or _as_form(told, port) is form


def _doubt(meaning: Meaning, loss: Loss | None) -> str | None:
    """What in a file speaks against what its layers tell."""
    if meaning.kind not in PROBABILITIES or loss is None or not loss.from_logits:
        return None
    return (
        f"gives {meaning.text} ({meaning.why}), and was compiled with a loss that takes logits ({loss.name}, "
        "from_logits=True), so one of the two is wrong. It is taken at its layers' word"
    )


def _fitting(form: Form, width: int | None) -> Form:
    """One number cannot be spread over classes: it is the answer to one question."""
    from keras_weld.compose.forms import Form

    single = {Form.PROBABILITIES: Form.INDEPENDENT, Form.LOGITS: Form.INDEPENDENT_LOGITS}
    return single.get(form, form) if width == 1 else form


def _untold(told: Told, number: int) -> IncompatibleModelsError:
    part, meaning, output = told.part, told.meaning(number), told.part.names[number]
    if meaning is not None and meaning.kind is Kind.FEATURES:
        return IncompatibleModelsError(
            "The model gives features and no answer.",
            file=part.member.source,
            layer=output,
            expected="probabilities, logits or values",
            found=f"{meaning.text} ({meaning.why})",
            remedy="Join features with weld fuse; an ensemble joins answers.",
        )
    name, place = part.member.name, told.place(number)
    likely = "values" if part.model.outputs[number].shape[-1] == 1 else "logits"
    shown = f"'{likely}'" if place == name else f"{{'{output}': '{likely}'}}"
    other = "logits" if likely == "values" else "values"
    return IncompatibleModelsError(
        "What the output means is not told by the file, and averaging numbers of different meaning gives nonsense.",
        file=part.member.source,
        layer=output,
        expected="probabilities, logits or values",
        found="a model whose layers are in its own code" if meaning is None else f"{meaning.text} ({meaning.why})",
        remedy=f"Say it: --outputs {place}:{likely} (outputs={{'{name}': {shown}}}), or {other} if it gives these; or "
        "compile the model with a loss that says it, and save it again: MeanSquaredError() for values, "
        "SparseCategoricalCrossentropy(from_logits=True) for logits.",
    )
