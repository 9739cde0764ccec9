"""What an average writes, and from where: which source gives the layout, what is combined, what is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_weld.checks.order import UNPLACED, untold_in_h5
from keras_weld.checks.prepared import other_statistics, other_vocabularies
from keras_weld.checks.tensors import Pairing
from keras_weld.core.dtypes import is_float
from keras_weld.core.file_names import with_format
from keras_weld.core.state import BY_ORDER, LazyTensor, ModelState
from keras_weld.errors import IncompatibleModelsError, UsageError
from keras_weld.io.check_sizes import check_sizes
from keras_weld.io.config_scan import scan_config
from keras_weld.io.hdf5_writer import Slot
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits
from keras_weld.io.write import written_kind
from keras_weld.recipes.caution import different_starts, require_means, require_one_architecture
from keras_weld.recipes.layout import distance, in_layout, keras_3_config
from keras_weld.recipes.losses import trained_otherwise
from keras_weld.recipes.matching import match, unsure
from keras_weld.recipes.streaming import Task

_DEFAULT = Limits()


class Plan:
    """What goes where: the source nearest to Keras 3's layout gives the output its shape.

    Args:
        states: the sources, open.
        out: the file that will be written.
        limits: what the files may ask for.

    Raises:
        IncompatibleModelsError: if no source tells where Keras 3 would keep its tensors.
    """

    def __init__(self, states: Sequence[ModelState], out: Path, limits: Limits = _DEFAULT) -> None:
        self.states = states
        self.limits = limits
        self.out = out
        self.wants_config = written_kind(out) is Kind.KERAS
        self.template = min(states, key=self._distance)
        if not self.template.weights:
            raise IncompatibleModelsError(
                "The first model holds no weights.",
                file=self.template.source,
                found=f"{self.template.kind}",
                remedy="Give a file that holds weights.",
            )
        if not in_layout(self.template):
            doubt = next(filter(None, map(untold_in_h5, states)), None)
            if doubt is not None:
                raise unsure(UNPLACED, doubt)
            raise IncompatibleModelsError(
                "None of the sources tells where Keras 3 would keep its tensors.",
                file=self.template.source,
                expected="one source as .keras, .weights.h5, .weights.json, or .h5 with its architecture",
                found=str(self.template.kind),
                remedy="Give the architecture too: --architecture model.json (what model.to_json() gave), or one of "
                "the models in such a format.",
            )
        self.by_order: list[str] = []
        self.starts: list[str] = []
        self.reordered: list[str] = []
        self.differing: list[str] = []
        self.adapted: list[str] = []
        self.precisions: dict[tuple[str, str, str], None] = {}

    def _distance(self, state: ModelState) -> tuple[bool, int]:
        lacks = self.wants_config and (keras_3_config(state) is None or not in_layout(state))
        return lacks, distance(state)

    def tasks(self) -> tuple[list[Task], list[str]]:
        """One task for each tensor of the result, and the names of those that are copied though the sources differ.

        Raises:
            IncompatibleModelsError: if the models are not of one architecture, or are quantised.
            ShapeMismatchError: if a tensor differs in shape.
        """
        self.differing = require_one_architecture(self.states)
        pairings = [match(self.template, state) for state in self.states]
        self.reordered = [state.source for state, found in zip(self.states, pairings, strict=True) if found.reordered]
        self.precisions = {
            (state.source, theirs.spec.dtype.name, ours.spec.dtype.name): None
            for state, found in zip(self.states, pairings, strict=True)
            for ours, theirs in found.pairs
            if is_float(ours.spec.dtype) and ours.spec.dtype != theirs.spec.dtype
        }
        self.by_order = [
            state.source
            for state, found in zip(self.states, pairings, strict=True)
            if found.by_order or state.metadata.get(BY_ORDER)
        ]
        self.adapted = [
            note
            for state, found in zip(self.states, pairings, strict=True)
            for note in self._adapted_otherwise(state, found)
        ]
        columns = [[theirs for _, theirs in found.pairs] for found in pairings]
        require_means(columns, self.states)
        self.starts = list(different_starts(columns, self.states))
        tasks = [
            Task(_slot(kept), [column[number] for column in columns])
            for number, (kept, _) in enumerate(pairings[0].pairs)
        ]
        return tasks, [task.sources[0].spec.name for task in tasks if not task.averaged and not task.agree()]

    def _adapted_otherwise(self, state: ModelState, found: Pairing) -> Iterator[str]:
        for one in other_statistics(found.pairs):
            yield (
                f"Warning: {state.source}, layer {one.layer}: adapted to other data ({one.theirs}) than in "
                f"{self.template.source} ({one.ours}). The statistics were averaged too, and the result prepares its "
                "data as neither does."
            )

    def config(self) -> dict[str, Any] | None:
        """The architecture that is written, not compiled; None if the output has none.

        Raises:
            UsageError: if none of the sources has one that Keras 3 reads.
            ShapeMismatchError: if it asks for other shapes than its file has stored.
        """
        if not self.wants_config:
            return None
        config = keras_3_config(self.template)
        if config is None:
            raise self._without_architecture()
        check_sizes(config, self.template.specs, self.template.source)
        return {**config, "compile_config": None}

    def _without_architecture(self) -> UsageError:
        older = next((state for state in self.states if state.config is not None), None)
        given = "Give an architecture that Keras 3 wrote: --architecture model.json (what model.to_json() gave)"
        alone = f"or write the weights alone: -o {with_format(self.out, '.weights.h5')}"
        if older is None:
            return UsageError(
                "A .keras file holds the architecture, and none of the sources has one.",
                file=self.out,
                expected="one source with its architecture",
                found=str(self.template.kind),
                remedy=f"{given}, {alone}",
            )
        version = str(older.metadata.get("keras_version") or "(version not told)")
        whole = older.kind in (Kind.LEGACY_MODEL, Kind.KERAS, Kind.SAVED_MODEL) and version.startswith("2.")
        convert = f"or one source as weld.save(weld.load({older.source!r}), 'new.keras') writes it, " if whole else ""
        return UsageError(
            "None of the sources holds an architecture that Keras 3 reads as it is.",
            file=self.out,
            expected="an architecture that Keras 3 wrote",
            found=f"{older.kind} of Keras {version}: {older.source}",
            remedy=f"{given}, {convert}{alone}",
        )

    def metadata(self) -> dict[str, Any]:
        """What the output says of itself, besides its lineage."""
        kept = ("keras_version", "date_saved")
        return {name: self.template.metadata[name] for name in kept if self.template.metadata.get(name)}

    def notes(self, copied: Sequence[str]) -> list[str]:
        """What a person should know of this average, once `tasks` was called; `copied` are its second part."""
        notes = [*self.starts, *self.differing, *trained_otherwise(self.states)]
        if len(self.states) == 1:
            notes.append("Only one model was given: the result has its weights.")
        if copied:
            listed = ", ".join(copied[:3]) + ("…" if len(copied) > 3 else "")
            notes.append(f"Taken from {self.states[0].source}, since it has no mean and differs: {listed}")
        if any(state.optimizer for state in self.states):
            notes.append("The optimizer's state was left out: it belongs to no mean of weights.")
        if self.wants_config and self.template.compile_config:
            notes.append("The result is not compiled: call model.compile(...) before you train or evaluate it.")
        notes.extend(
            f"{source} stores {theirs}; the result has {ours}, like {self.template.source}."
            for source, theirs, ours in self.precisions
        )
        notes.extend(
            f"Warning: in {source} the layers stand in another order; they were matched by their names, and the "
            f"outputs are in the order of {self.template.source}."
            for source in self.reordered
        )
        notes.extend(
            f"{source} was matched by the order of its tensors: its names do not tell which is which."
            for source in self.by_order
        )
        if any(spec.name.endswith("/moving_mean") for spec in self.template.specs) and len(self.states) > 1:
            notes.append(
                "The statistics of BatchNormalization were averaged too; they belong to the sources. Judge "
                "the result with weld evaluate."
            )
        return [*notes, *self.adapted, *self._code_notes(), *self._vocabulary_notes()]

    def _code_notes(self) -> Iterator[str]:
        """What the result holds, so that loading it runs code or is refused; averaging has done neither."""
        if not self.wants_config or not self.template.config:
            return
        source = self.template.source
        report = scan_config({**self.template.config, "compile_config": None}, limits=self.limits)
        if report.code:
            more = f" and {len(report.code) - 1} more" if len(report.code) > 1 else ""
            yield (
                f"Warning: the result holds code, that of {source}: {report.code[0]}{more}. Loading it runs "
                "that code with all your rights, and is refused without --unsafe (in Python: unsafe=True)."
            )
        named = [f"It names {one.full_name} of Python itself ({one.where})." for one in report.of_python]
        for problem in [*(f"{one.problem} ({one.layer})" for one in report.problems), *named]:
            yield f"Warning: loading the result is refused, as {source} is: {problem[0].lower()}{problem[1:]}"

    def _vocabulary_notes(self) -> list[str]:
        notes: list[str] = []
        for state in self.states:
            notes.extend(
                f"Warning: {one.name} differs in {state.source}: the one of {self.template.source} was kept "
                f"({one.ours}, where the other's {one.theirs}). The weights of both were averaged, and what is one "
                "word to one model is another to the other."
                for one in other_vocabularies(self.template, state)
            )
        return notes


def _slot(kept: LazyTensor) -> Slot:
    spec = kept.spec
    depth = spec.path.removesuffix("/vars/" + spec.path.rpartition("/")[2]).count("layers/")
    owner = spec.layer.rpartition("/")[2] if depth == spec.layer.count("/") + 1 else ""
    return Slot(spec.path, spec.shape, spec.dtype, owner)
