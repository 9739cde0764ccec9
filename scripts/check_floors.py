"""Who may import whom: walks every import in the package and names each arrow that the floor plan forbids.

`python scripts/check_floors.py` prints what is wrong and ends with 1 if anything is. Imports inside functions
and under TYPE_CHECKING are arrows too: a circle tied inside a function is still a circle.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src"


@dataclass(frozen=True, slots=True)
class Floor:
    """Where a folder stands, and which folders it may import besides itself."""

    level: int
    may_import: frozenset[str] = frozenset()


def _floor(level: int, *names: str) -> Floor:
    return Floor(level, frozenset({"errors", "core", *names}))


_BELOW_RECIPES = (
    *("io", "weights", "checks", "data", "models", "judging"),
    *("stats", "compose", "training", "export", "registry", "zipping"),
)
FLOORS: Mapping[str, Floor] = {
    "errors": Floor(1),
    "core": Floor(1, frozenset({"errors"})),
    "io": _floor(2),
    "weights": _floor(2),
    "checks": _floor(2),
    "data": _floor(2),
    "models": _floor(3, "io"),
    "judging": _floor(3, "data"),
    "stats": _floor(4, "models", "data"),
    "compose": _floor(4, "models"),
    "training": _floor(4, "models", "checks", "data", "io"),
    "export": _floor(4, "models", "judging"),
    "registry": _floor(4, "io"),
    "zipping": _floor(5, "models", "checks", "stats", "data", "weights", "training"),
    "serve": _floor(5, "models", "registry"),
    "recipes": _floor(6, *_BELOW_RECIPES),
    "cli": _floor(7, *_BELOW_RECIPES, "serve", "recipes", ""),  # "" is the package's own list of names
    "__main__": _floor(8, "cli"),
}

BACKENDS = frozenset({"keras", "tensorflow", "jax", "torch", "tensorflow_datasets"})
FIRST_FLOOR_WITH_KERAS = 3
LAZY_BACKENDS = {"io": {"tensorflow"}, "data": {"tensorflow_datasets"}}
"""What a lower folder may import inside a function: SavedModel's variables, and data sets by name."""

ON_START = frozenset({"click", "keras_weld.cli", "keras_weld.errors"})
"""What the command line may import at the top of a file besides the standard library."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One import: module `source` at `line` of `file` imports `target`."""

    file: Path
    line: int
    source: str
    target: str
    inside_function: bool


@dataclass(frozen=True, slots=True)
class Package:
    """A package's modules by dotted name, and every import among and out of them."""

    name: str
    files: Mapping[str, Path]
    arrows: tuple[Arrow, ...]

    def folder(self, module: str) -> str | None:
        """The top folder (or file) that a module of this package stands in, "" for the package itself."""
        first, _, rest = module.partition(".")
        return rest.partition(".")[0] if first == self.name else None


def read_package(source: Path, name: str = "keras_weld") -> Package:
    """Parse every file of the package `name` in the folder `source`; nothing is imported."""
    files = {}
    for file in sorted((source / name).rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    arrows = tuple(arrow for module, file in files.items() for arrow in _arrows(module, file, frozenset(files)))
    return Package(name, files, arrows)


def _arrows(module: str, file: Path, modules: frozenset[str]) -> Iterator[Arrow]:
    tree = ast.parse(file.read_text("utf-8"), str(file))
    inside = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(outer)
    }
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        for target in _targets(node, package, modules):
            yield Arrow(file, getattr(node, "lineno", 0), module, target, id(node) in inside)


def _targets(node: ast.AST, package: str, modules: frozenset[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [node.module])])
        for alias in node.names:
            # `from a import b` imports the module a.b if there is one, and a name out of a if not.
            yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base
    elif isinstance(node, ast.Call) and _called(node.func) in ("import_module", "__import__"):
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def forbidden(package: Package, floors: Mapping[str, Floor] = FLOORS) -> list[str]:
    """One line for each import that the floor plan does not allow, naming both files."""
    found = []
    for arrow in package.arrows:
        folder = package.folder(arrow.source)
        if folder == "":
            continue  # the package's own __init__ only hands names on, lazily; it stands on no floor
        if folder not in floors:
            found.append(f"{arrow.file}: the folder {folder} has no floor: enter it in the floor plan")
            continue
        reason = _reason(package, arrow, str(folder), floors)
        if reason:
            to = package.files.get(arrow.target, arrow.target)
            found.append(f"{arrow.file}:{arrow.line} imports {to}: {reason}")
    return sorted(set(found))


def _reason(package: Package, arrow: Arrow, folder: str, floors: Mapping[str, Floor]) -> str | None:
    target = package.folder(arrow.target)
    floor = floors[folder]
    outside = arrow.target.partition(".")[0]
    on_start = any(arrow.target == name or arrow.target.startswith(name + ".") for name in ON_START)
    if (
        folder == "cli"
        and not arrow.inside_function
        and not on_start
        and outside not in sys.stdlib_module_names
        and not _only_for_types(arrow)
    ):
        return "the command line imports this inside its functions only, so that --help stays quick"
    if target is None:
        return _reason_outside(arrow, folder, outside, floor)
    if target == folder or target in floor.may_import:
        return None
    if target == "":
        return "import from the module itself, not from the package's own list of names"
    if target not in floors:
        return f"{target} has no floor: enter it in the floor plan"
    return f"{folder} (floor {floor.level}) may not import {target} (floor {floors[target].level})"


def _reason_outside(arrow: Arrow, folder: str, outside: str, floor: Floor) -> str | None:
    if outside not in BACKENDS or floor.level >= FIRST_FLOOR_WITH_KERAS:
        return None
    if outside not in LAZY_BACKENDS.get(folder, set()):
        return f"{folder} (floor {floor.level}) does without {outside}"
    return None if arrow.inside_function else f"{folder} imports {outside} inside a function only"


def _only_for_types(arrow: Arrow) -> bool:
    tree = ast.parse(arrow.file.read_text("utf-8"))
    return any(
        isinstance(node, ast.If)
        and _called(node.test) == "TYPE_CHECKING"
        and node.lineno <= arrow.line <= (node.body[-1].end_lineno or 0)
        for node in ast.walk(tree)
    )


def circles(package: Package) -> list[str]:
    """One line for each circle of modules that import each other, naming their files in order."""
    targets: dict[str, list[str]] = {module: [] for module in package.files}
    for arrow in package.arrows:
        if arrow.target in targets and package.folder(arrow.source) != "":
            targets[arrow.source].append(arrow.target)
    found = {}
    done: set[str] = set()
    for start in targets:
        for circle in _walk(start, targets, [], done):
            found[frozenset(circle)] = circle
    return [" imports ".join(str(package.files[module]) for module in circle) for circle in found.values()]


def _walk(module: str, targets: Mapping[str, list[str]], path: list[str], done: set[str]) -> Iterator[list[str]]:
    if module in path:
        yield [*path[path.index(module) :], module]
        return
    if module in done:
        return
    for target in targets[module]:
        yield from _walk(target, targets, [*path, module], done)
    done.add(module)


def main() -> int:
    """Print every forbidden arrow and every circle; 1 if there is one."""
    package = read_package(SOURCE)
    wrong = forbidden(package) + [f"a circle: {circle}" for circle in circles(package)]
    for line in wrong:
        print(line)
    print(f"floors: {len(package.files)} files, {len(package.arrows)} imports, {len(wrong)} against the plan")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
