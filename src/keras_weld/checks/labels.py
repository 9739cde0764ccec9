"""Whether models mean the same classes by the same numbers."""

from __future__ import annotations

from collections.abc import Iterator

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.finding import Finding, Severity, warning
from keras_weld.checks.others import OTHERS

_REMEDIES = (
    "Put the outputs of one model in the other's order, in a model built in code.",
    f"Merge models of the same classes{OTHERS}",
)


def compare_labels(
    first: Candidate,
    other: Candidate,
    severity: Severity,
    *,
    reordering: Severity | None = None,
    remedies: tuple[str, str] = _REMEDIES,
) -> Iterator[Finding]:
    """What differs between two lists of labels; nothing if one of them is not known.

    Args:
        first: the first model.
        other: the other.
        severity: how much a difference matters for the merge that is asked for.
        reordering: how much another order matters, if not as much.
        remedies: what to do about another order, and about other labels.
    """
    ours, theirs = first.labels, other.labels
    if ours is None or theirs is None or ours == theirs:
        return
    if sorted(ours) == sorted(theirs):
        number = next(number for number, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
        yield Finding(
            reordering or severity,
            "The models have the same labels in another order: the same output means another class.",
            other.name,
            None,
            f"class {number} is {ours[number]}",
            f"class {number} is {theirs[number]}",
            remedies[0],
        )
        return
    missing = [label for label in ours if label not in theirs]
    extra = [label for label in theirs if label not in ours]
    yield Finding(
        severity,
        "The models have different labels.",
        other.name,
        None,
        f"{len(ours)} labels" + (f", such as {missing[0]}" if missing else ""),
        f"{len(theirs)} labels" + (f", such as {extra[0]}" if extra else ""),
        remedies[1],
    )


def count_labels(one: Candidate) -> Iterator[Finding]:
    """Whether there are as many labels as the model has classes."""
    if one.labels is None or not one.summary.outputs:
        return
    meaning = one.summary.outputs[0].meaning
    classes = meaning.classes if meaning else None
    # The one number of a yes-or-no model has two labels.
    fitting = {classes} | ({2} if classes == 1 else set())
    if classes is not None and len(one.labels) not in fitting:
        yield warning(
            "There are not as many labels as the model has classes.",
            file=one.name,
            layer=one.summary.outputs[0].name,
            expected=f"{classes} labels",
            found=f"{len(one.labels)} labels",
            remedy="Give the labels of this model, one a line, in the order of --labels and the models.",
        )
