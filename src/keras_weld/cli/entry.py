"""What the script `weld` calls: it imports next to nothing, so that a Ctrl-C is met from the start."""

from __future__ import annotations

import os
import sys

from keras_weld.cli.interrupt import INTERRUPTED, MESSAGE, listening


def run() -> None:
    """Run the command `weld`; whenever Ctrl-C is pressed, say so and end with 130."""
    try:
        with listening():
            from keras_weld.cli import main

            main.run()
    except KeyboardInterrupt:
        sys.stderr.write(MESSAGE + "\n")
        sys.stderr.flush()
        # What half an import has left behind may not survive the usual end of the interpreter.
        os._exit(INTERRUPTED)
