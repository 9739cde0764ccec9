"""What the outputs of models mean, as their files tell or the user says; where neither does, a merge is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.meaning import PROBABILITIES, Kind, Meaning
from keras_weld.checks.training import Loss
from keras_weld.errors import IncompatibleModelsError, UsageError
from keras_weld.recipes.meanings import loss_on, meaning_at
from keras_weld.recipes.member_names import by_member

if TYPE_CHECKING:
    from keras_weld.compose.forms import Form
    from keras_weld.compose.parts import Column, Part

WORDS = ("probabilities", "logits", "independent-probabilities", "independent-logits", "values")
"""What a user can say of a model's outputs."""

KIND_OF = {
    "probabilities": Kind.CLASSES,
    "logits": Kind.CLASS_LOGITS,
    "independent probabilities": Kind.INDEPENDENT,
    "independent logits": Kind.INDEPENDENT_LOGITS,
    "values": Kind.VALUES,
}
"""The same in the words in which files are described."""

_FORM_OF = {kind: word for word, kind in KIND_OF.items()}


def said_of(given: Mapping[str, str] | str | None, models: Sequence[Any], names: Sequence[str]) -> dict[str, str]:
    """What the user says of the outputs, by the models' names.

    Args:
        given: a word for all models, or words by name or path.
        models: the models.
        names: their names.

    Raises:
        UsageError: for a word that is none of `WORDS`, or a model that there is not.
    """
    told = dict.fromkeys(names, given) if isinstance(given, str) else by_member(given, models, names)
    for word in told.values():
        if word.replace(" ", "-") not in WORDS:
            raise UsageError(
                "Outputs are not of such a kind.",
                expected=", ".join(WORDS),
                found=word,
                remedy=f"Take one of these words: --outputs {names[0]}:{WORDS[0]}",
            )
    return {name: word.replace("-", " ") for name, word in told.items()}


def forms_of(
    parts: Sequence[Part], columns: Sequence[Column], candidates: Sequence[Candidate], said: Mapping[str, str]
) -> dict[str, list[Form]]:
    """What each model gives, for the outputs that belong together.

    What the user says holds for a model with one output; of one with several, for those that the file does not tell.

    Raises:
        IncompatibleModelsError: if neither tells; names the model, the output, and the remedy.
    """
    found: dict[str, list[Form]] = {}
    for place, (part, known) in enumerate(zip(parts, candidates, strict=True)):
        found[part.member.name] = []
        for column in columns:
            number = column.numbers[place]
            form = form_of(part, number, known, said.get(part.member.name))
            if form is None:
                raise _untold(part, part.names[number], meaning_at(part, number, known))
            found[part.member.name].append(form)
    return found


def form_of(part: Part, number: int, known: Candidate, word: str | None) -> Form | None:
    """What one output of a model is; None if neither its file nor the user tells.

    Args:
        part: the model.
        number: which of its outputs.
        known: what its file tells.
        word: what the user says.
    """
    from keras_weld.compose.forms import Form

    meaning = meaning_at(part, number, known)
    told = None if meaning is None else _FORM_OF.get(meaning.kind)
    if word is not None and (told is None or len(part.names) == 1):
        told = word
    return None if told is None else _fitting(Form(told), part.model.outputs[number].shape[-1])


def contradictions(
    parts: Sequence[Part], candidates: Sequence[Candidate], said: Mapping[str, str], numbers: Sequence[Sequence[int]]
) -> list[str]:
    """Where the files contradict themselves, or the user says something else of outputs than they do, in sentences.

    What the user says holds, and then what the layers tell.

    Args:
        parts: the models.
        candidates: what their files tell.
        said: what the user says, by the models' names.
        numbers: for each model, which of its outputs are meant.
    """
    found = []
    for part, known, chosen in zip(parts, candidates, numbers, strict=True):
        for number in chosen:
            meaning, form = meaning_at(part, number, known), form_of(part, number, known, said.get(part.member.name))
            if meaning is None or form is None:
                continue
            where = part.member.name if len(part.names) == 1 else f"{part.member.name}, {part.names[number]},"
            doubt = _doubt(meaning, loss_on(part, number, known))
            if doubt is not None and part.member.name not in said:
                found.append(f"{where} {doubt}: look at its training, or say what it gives with --outputs.")
            if not _agree(meaning, form, part.model.outputs[number]):
                found.append(
                    f"{where} is taken to give {form}, as you say; by its file it gives {meaning.text} ({meaning.why})."
                )
    return found


def _agree(meaning: Meaning, form: Form, port: Any) -> bool:
    """Whether the numbers can be of this form, for all that the file tells."""
    from keras_weld.compose.forms import Form

    if meaning.kind is Kind.OPEN:
        return form not in (Form.PROBABILITIES, Form.INDEPENDENT)
    told = _FORM_OF.get(meaning.kind)
    return told is None or _fitting(Form(told), port.shape[-1]) is form


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


def _untold(part: Part, output: str, meaning: Meaning | None) -> IncompatibleModelsError:
    if meaning is not None and meaning.kind is Kind.FEATURES:
        return IncompatibleModelsError(
            "The model gives features and no answer.",
            file=part.member.source,
            layer=output,
            expected="probabilities, logits or values",
            found=f"{meaning.text} ({meaning.why})",
            remedy="Join features with weld fuse; an ensemble joins answers.",
        )
    name = part.member.name
    return IncompatibleModelsError(
        "What the output means is not told by the file, and averaging numbers of different meaning gives nonsense.",
        file=part.member.source,
        layer=output,
        expected="probabilities, logits or values",
        found="a model whose layers are in its own code" if meaning is None else f"{meaning.text} ({meaning.why})",
        remedy=f"Say it: --outputs {name}:logits (outputs={{'{name}': 'logits'}}), or compile the model with a loss "
        "that says it, such as SparseCategoricalCrossentropy(from_logits=True), and save it again.",
    )
