"""Every name that `keras_weld` hands out is there, is documented where it stands, and is in docs/api.md.

Docstrings of modules, classes, functions and methods are ruff's business (its rules D); this looks at what
`keras_weld.__all__` promises.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent
API_PAGE = ROOT / "docs" / "api.md"
PACKAGE = ROOT / "src" / "keras_weld"


def missing(api_page: Path = API_PAGE) -> list[str]:
    """One line for each promise that is not kept."""
    import keras_weld

    for folder in sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")):
        import_module(f"keras_weld.{folder}")  # a folder must not take the place of a function of its name
    names = list(keras_weld.__all__)
    found = [f"keras_weld.__all__ is not sorted at {name}" for name in _out_of_order(names)]
    page = api_page.read_text("utf-8") if api_page.exists() else None
    for name in names:
        try:
            value = getattr(keras_weld, name)
        except (AttributeError, ImportError) as error:
            found.append(f"keras_weld.{name} is in __all__ and cannot be had: {error}")
            continue
        if inspect.ismodule(value):
            found.append(f"keras_weld.{name} is the folder of that name once it was imported")
        if (inspect.isclass(value) or callable(value)) and not inspect.getdoc(value):
            found.append(f"keras_weld.{name} has no docstring")
        if page is not None and not name.startswith("__") and not re.search(rf"\b{re.escape(name)}\b", page):
            found.append(f"keras_weld.{name} is not in {api_page.name}")
    return found


def _out_of_order(names: list[str]) -> list[str]:
    order = sorted(names)
    return [name for name, right in zip(names, order, strict=True) if name != right][:1]


def main() -> int:
    """Print every promise that is not kept; 1 if there is one."""
    os.environ.setdefault("KERAS_BACKEND", "jax")  # the quicker to import
    found = missing()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
