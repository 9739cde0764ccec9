"""Whether a path is that of a run, out of which one of several models can be taken."""

from __future__ import annotations

import os
from pathlib import Path

from keras_weld.errors import UsageError
from keras_weld.training.run_folder import RUN


def is_run(path: str | os.PathLike[str], which: str | None) -> bool:
    """Whether it is the folder of a run.

    Args:
        path: a model's or a run's.
        which: the model of the run that is meant, if that was said.

    Raises:
        UsageError: if it was said of something that is no run.
    """
    if Path(path, RUN).is_file():
        return True
    if which is not None:
        raise UsageError(
            "Which of its models is meant can be said of a run alone.",
            file=path,
            expected=f"the folder of a run, with the file {RUN}",
            found=f"which={which!r}",
        )
    return False
