"""The child process of `weld verify-resume`: runs a script or a recipe the way it is run, under observation.

`python -m keras_weld.recipes.rehearse FOLDER TARGET [ARGUMENTS…]`; FOLDER takes the runs and the trace, has the kill
to come in `kill.json`, if there is one, and takes what the training was refused by in `refusal.json`.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_weld.errors import WeldError
from keras_weld.training.rehearsal import Kill, rehearse

KILL, REFUSAL = "kill.json", "refusal.json"
RECIPES = (".yaml", ".yml", ".json")


def main(folder: str, target: str, arguments: Sequence[str]) -> None:
    """Run the target.

    Args:
        folder: takes the runs and the trace.
        target: a script or a recipe.
        arguments: what the script finds in `sys.argv`.
    """
    path = Path(folder, KILL)
    rehearse(Path(folder), Kill(**json.loads(path.read_text("utf-8"))) if path.is_file() else None)
    try:
        _run(target, arguments)
    except WeldError as error:
        Path(folder, REFUSAL).write_text(json.dumps(error.as_dict()), "utf-8")
        raise


def _run(target: str, arguments: Sequence[str]) -> None:
    if target.endswith(RECIPES):
        from keras_weld.recipes.train import train

        train(target, run="run", verbose=0)
        return
    sys.argv = [target, *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(target))  # as `python SCRIPT` has it
    runpy.run_path(target, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
