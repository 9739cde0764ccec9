"""Writes docs/cli.md from the help texts of the real command, so that the two cannot drift apart.

`--check` writes nothing and ends with 1 when the page is stale.
"""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
HEAD = """\
# The command line

Made by `make docs` from the help texts; do not edit. `weld` and `python -m keras_weld` are the same.

| exit code | means |
| --- | --- |
| 0 | done; of `check`: the merge asked for is possible |
| 1 | the command's own "no": `check` found a reason against, `evaluate --fail-if-worse` found it worse, \
`load` found a model that does not load, `verify-resume` found other bits |
| 2 | refused: a file, a model or an option is not as it must be; the message says what to do |
| 70 | a bug in keras-weld, shown with its traceback |
| 130 | interrupted with Ctrl-C; nothing is left half-written |

With `--json`, a refusal is JSON too: `error`, `problem`, `file`, `layer`, `expected`, `found`, `remedy`.
`WELD_DEBUG=1` shows the traceback of a refusal. `KERAS_BACKEND` chooses the backend, where one is needed.
"""


def help_of(*words: str) -> str:
    """What `weld WORDS --help` prints, 100 columns wide and without colour."""
    environment = os.environ | {"COLUMNS": "102", "TERMINAL_WIDTH": "102", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "keras_weld", *words, "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def page() -> str:
    """The whole page."""
    from keras_weld.cli.main import COMMANDS

    parts = [HEAD, f"```text\n{help_of()}\n```\n"]
    parts += [f"## weld {name}\n\n```text\n{help_of(name)}\n```\n" for name in COMMANDS]
    return "\n".join(parts)


def main() -> int:
    """Write the page, or with `--check` compare it."""
    new = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(new, "utf-8")
        return 0
    old = PAGE.read_text("utf-8") if PAGE.exists() else ""
    if old == new:
        return 0
    sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "docs/cli.md", "help"))
    print("docs/cli.md is stale: run `make docs`.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
