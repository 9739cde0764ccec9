"""The `weld` commands that do what the demo does, and what happened, in words."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from keras_weld.judging.verdict import Verdict
from keras_weld.recipes.demo_plan import DIGITS, ODD, RUN, THREE, Merge, Verb
from keras_weld.recipes.demo_result import Checked, Suggestion
from keras_weld.recipes.judgement import Evaluation

_ORDER = (Verdict.BETTER, Verdict.NO_WORSE, Verdict.CANNOT_TELL, Verdict.WORSE)
_COUNTED = {
    Verdict.BETTER: "better than",
    Verdict.NO_WORSE: "no worse than",
    Verdict.CANNOT_TELL: "not to be told from",
    Verdict.WORSE: "worse than",
}


class Commands:
    """Writes the commands for files in one folder, ready to be copied into a shell.

    Args:
        folder: the demo's folder, as it was named.
        seed: what everything random is drawn by.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self._folder = folder
        self._seed = seed

    def inspect(self, *files: str) -> str:
        """`weld inspect` of files."""
        return f"weld inspect {self._paths(files)}"

    def check(self, files: Sequence[str]) -> str:
        """`weld check` of files that are to be averaged."""
        return f"weld check {self._paths(files)} --for average"

    def merge(self, merge: Merge) -> str:
        """`weld average`, `ensemble` or `fuse` as a merge asks for it."""
        options = ""
        if merge.verb is Verb.FUSE:
            options += f" --data {self._path(DIGITS)}" + (f" --seed {self._seed}" if self._seed else "")
        if merge.weights is not None:
            options += " --weights " + ",".join(f"{weight:g}" for weight in merge.weights)
        if merge.last is not None:
            options += f" --last {merge.last}"
        return f"weld {merge.verb} {self._paths(merge.sources)} -o {self._path(merge.file)}{options}"

    def evaluate(self, merge: Merge, options: str = "") -> str:
        """`weld evaluate` of a merge against its sources."""
        sources, data = self._paths(merge.sources), self._path(DIGITS)
        return f"weld evaluate {self._path(merge.file)} --against {sources} --data {data}{options}"

    def suggestions(self, merges: Sequence[Merge]) -> tuple[Suggestion, ...]:
        """Three more to try."""
        mine = Merge("mine.keras", "", THREE[:2], weights=(0.7, 0.3))
        doubtful = next(merge for merge in merges if ODD in merge.sources)
        return (
            Suggestion(self.inspect(merges[0].file), "what a merged file tells of where it came from"),
            Suggestion(self.merge(mine), "a mean of your own"),
            Suggestion(self.evaluate(doubtful, " --fail-if-worse"), "for scripts: exit code 1 if the merge is worse"),
        )

    def _paths(self, files: Sequence[str]) -> str:
        return " ".join(self._path(file) for file in files)

    def _path(self, file: str) -> str:
        # The pattern stands outside of the quotes that a folder's name may need.
        path = shlex.quote(str(self._folder))
        return f"{path}/{file}/epoch-*.keras" if file == RUN else shlex.quote(f"{self._folder}/{file}")


def what_happened(merges: Sequence[Merge], judged: Sequence[Evaluation], checks: Sequence[Checked]) -> tuple[str, ...]:
    """One sentence for each merge, as the evaluation puts it, and one for the sum of it."""
    sentences = [found.sentence for found in judged]
    warned = [set(check.models) for check in checks if check.warnings]
    for merge, found in zip(merges, judged, strict=True):
        if merge.verb is Verb.AVERAGE and any(set(merge.sources) <= models for models in warned):
            came = found.verdict == Verdict.WORSE
            outcome = "and it is worse" if came else "yet these images do not show it to be worse"
            sentences.append(f"weld check had warned of {merge.file}, {outcome}.")
    return (*sentences, total([found.verdict for found in judged]))


def in_short(found: Evaluation) -> str:
    """A judgement on one line, short."""
    own, best = (next(row for row in found.splits[-1].rows if row.role == role) for role in ("model", "best source"))
    return f"{own.value:.1f} % right, {best.model} {best.value:.1f} %: {own.verdict}"


def total(verdicts: Sequence[str | None]) -> str:
    """How many of the merges did how well.

    Example:
        >>> total(["better", "worse", "no worse", "better"])
        'Of 4 merges, 2 are better than, 1 is no worse than and 1 is worse than the best single source.'
    """
    counts = Counter(verdicts)
    parts = [
        f"{counts[verdict]} {'is' if counts[verdict] == 1 else 'are'} {_COUNTED[verdict]}"
        for verdict in _ORDER
        if counts[verdict]
    ]
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    return f"Of {len(verdicts)} merges, {listed} the best single source."
