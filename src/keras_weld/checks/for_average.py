"""Whether models can be averaged weight by weight, and what will come of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keras_weld.checks.architecture import compare
from keras_weld.checks.candidate import Candidate
from keras_weld.checks.finding import Finding, Severity, note, refusal, refused_as, warning
from keras_weld.checks.kernels import SAME_START, Likeness, families
from keras_weld.checks.labels import compare_labels
from keras_weld.checks.order import UNPLACED, UNSURE, Doubt, doubt_of_order, untold_in_h5, untold_of
from keras_weld.checks.others import OTHERS
from keras_weld.checks.prepared import other_statistics, other_vocabularies
from keras_weld.checks.tensors import Pairing, differences, of_fractions, whole_numbers
from keras_weld.checks.trained_for import other_meanings
from keras_weld.core.dtypes import is_float
from keras_weld.errors import ShapeMismatchError


class Pairs:
    """How alike every two of the models are, by their numbers."""

    def __init__(self, likenesses: dict[tuple[int, int], Likeness]) -> None:
        self._found = likenesses

    def of(self, a: int, b: int) -> Likeness | None:
        """The likeness of two models, or None if it was not looked at."""
        return self._found.get((min(a, b), max(a, b)))

    def similarity(self, a: int, b: int) -> float | None:
        """The median similarity of two models' kernels, or None."""
        found = self.of(a, b)
        return None if found is None else found.similarity


def for_average(models: Sequence[Candidate], pairings: Sequence[Pairing], pairs: Pairs) -> Iterator[Finding]:
    """Findings on averaging the weights of models.

    Args:
        models: two or more.
        pairings: the first model's tensors with those of each other model.
        pairs: how alike the models are.
    """
    first = models[0]
    for one in models:
        if not one.state.weights:
            yield refusal(
                "The file holds no weights.",
                file=one.name,
                found=one.state.kind,
                remedy="Give the file that holds the weights.",
            )
        yield from (refused_as(error, one.name) for error in one.problems if isinstance(error, ShapeMismatchError))
    for other, pairing in zip(models[1:], pairings, strict=True):
        yield from _architecture(first, other)
        if first.state.weights and other.state.weights:
            yield from _tensors(pairing, first, other)
            yield from _adapted(pairing, other)
        yield from _vocabularies(first, other)
        yield from compare_labels(first, other, Severity.REFUSAL)
    yield from _layout(models)
    yield from _integers(first)
    yield from _starts(models, pairs)
    yield from _numbers(models, pairs)
    yield from _statistics(models, pairs)
    yield from _code(first)
    yield from _training(models)


def _architecture(first: Candidate, other: Candidate) -> Iterator[Finding]:
    ours, theirs = first.readable, other.readable
    if ours is not None and theirs is not None:
        found = compare(ours, theirs)
        yield from (one.finding(other.name) for one in found)
        if all(one.severity is not Severity.REFUSAL for one in found):
            yield from _meanings(first, other)
    else:
        without = first if ours is None else other
        reason = "its layers are in its code" if without.graph else "the file holds weights alone"
        yield note(
            f"The architecture cannot be compared ({reason}); the tensors were.",
            file=without.name,
            remedy="Make sure that both models were built by the same code.",
        )


def _meanings(first: Candidate, other: Candidate) -> Iterator[Finding]:
    for one in other_meanings(first.summary.outputs, other.summary.outputs):
        yield warning(
            "The models were trained for different things: their outputs do not mean the same.",
            file=other.name,
            layer=one.output,
            expected=one.ours,
            found=one.theirs,
            remedy=f"Average models that were trained with one loss{OTHERS}",
        )


def _tensors(pairing: Pairing, first: Candidate, other: Candidate) -> Iterator[Finding]:
    untold = untold_of(pairing, first.state, other.state)
    if untold is not None:
        yield _doubted(UNSURE, untold)
        return
    yield from differences(pairing, other)
    if not pairing.by_order:
        return
    doubt = doubt_of_order(pairing, first.state, other.state)
    if doubt is not None:
        yield _doubted(UNSURE, doubt)
        return
    yield warning(
        "The tensors can only be matched by their order: their names do not tell which is which.",
        file=other.name,
        remedy="Give files with the architecture (.keras), or make sure that both models were built by the same code.",
    )


def _adapted(pairing: Pairing, other: Candidate) -> Iterator[Finding]:
    for one in other_statistics(pairing.pairs):
        yield warning(
            "The layer was adapted to other data: its statistics would be averaged too, and the result prepares "
            "its data as neither model does.",
            file=other.name,
            layer=one.layer,
            expected=one.ours,
            found=one.theirs,
            remedy="Average models whose Normalization was adapted to the same data, or compare the result with "
            "weld evaluate.",
        )


def _vocabularies(first: Candidate, other: Candidate) -> Iterator[Finding]:
    for one in other_vocabularies(first.state, other.state):
        yield warning(
            f"The vocabulary {one.name} differs: the result has the first model's, but weights of both, and what is "
            "one word to one model is another to the other.",
            file=other.name,
            expected=one.ours,
            found=one.theirs,
            remedy=f"Average models of one vocabulary{OTHERS}",
        )


def _layout(models: Sequence[Candidate]) -> Iterator[Finding]:
    placed = [all("vars/" in tensor.spec.path for tensor in one.state.weights) for one in models if one.state.weights]
    if not placed or any(placed):
        return
    doubt = next(filter(None, (untold_in_h5(one.state) for one in models)), None)
    if doubt is not None:
        yield _doubted(UNPLACED, doubt)
        return
    yield warning(
        UNPLACED,
        file=models[0].name,
        expected="one file as .keras, .weights.h5, .weights.json, or .h5 with its architecture",
        found=models[0].state.kind,
        remedy="Give the architecture as well: weld average --architecture model.json",
    )


def _doubted(text: str, doubt: Doubt) -> Finding:
    return refusal(
        text,
        file=doubt.file,
        layer=doubt.layer,
        expected=doubt.expected,
        found=doubt.found,
        remedy=doubt.remedy,
    )


def _integers(first: Candidate) -> Iterator[Finding]:
    kernels = [
        tensor.spec for tensor in first.state.weights if len(tensor.spec.shape) >= 2 and not is_float(tensor.spec.dtype)
    ]
    if kernels:
        yield refusal(
            whole_numbers("model is", kernels[0].dtype),
            file=first.name,
            layer=kernels[0].name,
            expected="float32, float16 or bfloat16",
            found=kernels[0].dtype.name,
            remedy=of_fractions(kernels[0].dtype),
        )


def _starts(models: Sequence[Candidate], pairs: Pairs) -> Iterator[Finding]:
    count = len(models)
    groups = families([[pairs.similarity(a, b) if a != b else None for b in range(count)] for a in range(count)])
    if len(groups) == 1:
        yield from _one_start(models, pairs)
        return
    for group in groups[1:]:
        values = [value for other in groups[0] if (value := pairs.similarity(group[0], other)) is not None]
        yield warning(
            "The models were not trained from one start: plain averaging will fail, it mixes weights that "
            "have nothing to do with each other.",
            file=", ".join(models[number].name for number in group),
            expected=f"kernels with a median cosine similarity of {SAME_START} or more to those of "
            f"{models[groups[0][0]].name}",
            found=f"{max(values):.2f}" if values else None,
            remedy=f"Leave it out, or fine-tune all models from one checkpoint{OTHERS}",
        )


def _one_start(models: Sequence[Candidate], pairs: Pairs) -> Iterator[Finding]:
    looked = [found for a in range(len(models)) for b in range(a) if (found := pairs.of(a, b)) is not None]
    known = [found.similarity for found in looked if found.similarity is not None]
    if all(found.equal for found in looked):
        return
    if known:
        yield note(
            "The models come from one start: the median cosine similarity of their kernels is "
            f"{min(known):.2f}" + (" or more." if len(known) > 1 else ".")
        )
    else:
        yield note("The kernels are too small to tell whether the models come from one start.")


def _numbers(models: Sequence[Candidate], pairs: Pairs) -> Iterator[Finding]:
    for number, other in enumerate(models[1:], 1):
        found = pairs.of(0, number)
        if found and found.nonfinite:
            more = f" and {len(found.nonfinite) - 1} more" if len(found.nonfinite) > 1 else ""
            yield warning(
                "A kernel holds NaN or infinity in one of the two models, and so will the average.",
                file=f"{models[0].name} or {other.name}",
                layer=f"{found.nonfinite[0]}{more}",
                remedy="Find out when training broke down, and take a checkpoint from before.",
            )


def _statistics(models: Sequence[Candidate], pairs: Pairs) -> Iterator[Finding]:
    named = [tensor.spec.name for tensor in models[0].state.weights if tensor.spec.name.endswith("/moving_mean")]
    same = all((found := pairs.of(0, number)) and found.equal for number in range(1, len(models)))
    if named and not same:
        count = "a BatchNormalization layer" if len(named) == 1 else f"{len(named)} BatchNormalization layers"
        yield warning(
            f"The model has {count}: the mean of statistics is not the statistics of the mean.",
            layer=named[0].rpartition("/")[0],
            remedy="Estimate the statistics anew on training data after averaging, and compare with weld evaluate.",
        )


def _code(first: Candidate) -> Iterator[Finding]:
    for layer in first.executable:
        yield note(
            "The result holds the first model's code. Averaging does not run it; loading the result does.",
            file=first.name,
            found=layer,
            remedy="If you trust the file like a program, load the result with --unsafe.",
        )


def _training(models: Sequence[Candidate]) -> Iterator[Finding]:
    if any(one.state.optimizer for one in models):
        yield note("The optimizer's state is left out: it belongs to no mean of weights.")
    names = {one.summary.optimizer.name for one in models if one.summary.optimizer and one.summary.optimizer.name}
    if len(names) > 1:
        yield note(f"The models were trained with different optimizers: {', '.join(sorted(names))}.")
    versions = {one.summary.keras_version for one in models if one.summary.keras_version}
    if len({version.split(".")[0] for version in versions}) > 1:
        yield note(f"The models were saved by different versions of Keras: {', '.join(sorted(versions))}.")
