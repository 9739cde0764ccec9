"""`weld check`: which of the four merges are possible, and every reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.frame import console, emit_json, json_option, limit_option
from keras_weld.cli.rows import print_columns, print_rows
from keras_weld.cli.several_words import SeveralWords

if TYPE_CHECKING:
    from keras_weld.checks.compat import Merge
    from keras_weld.checks.finding import Finding
    from keras_weld.recipes.check import CheckReport

PURPOSES = ("average", "fuse", "ensemble", "zip")
"""The four merges."""
IMPOSSIBLE = 1
_FEW = 3  # findings that say the same of different layers and are shown one by one
_NAMED = 12  # layers that are named when there are more
_ORDER = ("refusal", "warning", "note")


@click.command("check", cls=Command)
@click.argument(
    "models",
    cls=Argument,
    nargs=-1,
    required=True,
    type=Path,
    metavar="MODEL",
    help="Two or more saved models in any format, mixed.",
)
@click.option(
    "--for",
    "purpose",
    type=click.Choice(PURPOSES),
    help="Ask about this merge alone; exit with 1 if it is not possible.",
)
@click.option(
    "--labels",
    cls=SeveralWords,
    multiple=True,
    type=Path,
    metavar="FILE",
    help="The names of a model's classes, one a line. A file for each model, in the same order: --labels a.txt b.txt "
    "behind the models, or --labels a.txt --labels b.txt anywhere.",
)
@json_option
@limit_option
def command(
    models: tuple[Path, ...],
    purpose: str | None,
    labels: tuple[Path, ...],
    as_json: bool,
    limit: tuple[str, ...],
) -> None:
    """Show which of the four merges are possible for some models, and every reason why not.

    Each model is compared with the first: architecture, tensors, what outputs mean, labels, preparation of
    the data, and whether the models come from one start. Nothing is built, and Keras is not imported.

    The exit code is 0 if the merge named by --for is possible and 1 if not; without --for, 0 if any of the
    four is. It is 2 if a file cannot be read.

    Example:
        weld check a.keras b.keras
        weld check a.keras b.h5 --for average
        weld check cats.keras dogs.keras --labels cats.txt dogs.txt --json
    """
    from keras_weld.io.limits import Limits
    from keras_weld.recipes.check import check

    report = check(
        models,
        purpose=purpose,
        labels=labels or None,
        limits=Limits.parse(limit),
    )
    if as_json:
        emit_json(report)
    else:
        _show(report)
    if not report.possible:
        raise Exit(IMPOSSIBLE)


def _show(report: CheckReport) -> None:
    merges = [one for one in report.merges if report.purpose in (None, one.purpose)]
    rows = [("merge", "possible", "found")]
    rows += [(one.purpose, _answer(one), _counted(one)) for one in merges]
    print_columns(rows, indent=0)
    for alike in _gathered(merges):
        shown = alike if len(alike) <= _FEW else alike[:1]
        for finding, purposes in shown:
            console().print()
            _show_finding(finding, purposes, len(merges))
        if len(shown) < len(alike):
            print_rows([("  also", _others([finding for finding, _ in alike[1:]]))], indent=0, labels=10)


def _answer(merge: Merge) -> str:
    if not merge.possible:
        return "no"
    return "yes, with care" if any(one.severity == "warning" for one in merge.findings) else "yes"


def _counted(merge: Merge) -> str:
    counts = []
    for name, plural in (("refusal", "refusals"), ("warning", "warnings"), ("note", "notes")):
        count = sum(one.severity == name for one in merge.findings)
        if count:
            counts.append(f"{count} {name if count == 1 else plural}")
    return ", ".join(counts) or "nothing to say"


def _gathered(merges: list[Merge]) -> list[list[tuple[Finding, list[str]]]]:
    """Each finding once, with the merges it is about; those that say the same together, the gravest first."""
    about: dict[Finding, list[str]] = {}
    for merge in merges:
        for finding in merge.findings:
            about.setdefault(finding, []).append(merge.purpose)
    alike: dict[tuple[str, str | None], list[tuple[Finding, list[str]]]] = {}
    for finding, purposes in about.items():
        alike.setdefault((finding.text, finding.file), []).append((finding, purposes))
    return sorted(alike.values(), key=lambda some: _ORDER.index(some[0][0].severity))


def _others(findings: list[Finding]) -> str:
    names = [finding.layer for finding in findings if finding.layer]
    left = len(findings) - len(names[:_NAMED])
    more = f" and {left} more (--json lists all)" if left else " (--json tells more)"
    return ", ".join(names[:_NAMED]) + more


def _show_finding(finding: Finding, purposes: list[str], shown: int) -> None:
    about = "all" if len(purposes) == shown > 1 else ", ".join(purposes)
    rows = [(finding.severity.value, f"{finding.text} [{about}]" if shown > 1 else finding.text)]
    for name in ("file", "layer", "expected", "found", "remedy"):
        value = getattr(finding, name)
        if value is not None:
            rows.append((f"  {name}", value))
    print_rows(rows, indent=0, labels=10)
