"""What the script `weld` calls: it imports next to nothing, so that a Ctrl-C is met nearly from the start."""

from __future__ import annotations

import os

try:
    import signal
    import sys

    from keras_weld.cli.interrupt import INTERRUPTED, MESSAGE, listening
except KeyboardInterrupt:  # nothing was begun, and what would tell of it may not be there
    os._exit(130)


def run() -> None:
    """Run the command `weld`; whenever Ctrl-C is pressed, say so and end with 130."""
    try:
        try:
            with listening():
                from keras_weld.cli import main

                main.run()
        finally:
            # The work is done, and a backend takes a moment to end, in which Ctrl-C would kill without a word.
            if callable(signal.getsignal(signal.SIGINT)):
                signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        sys.stderr.write(MESSAGE + "\n")
        sys.stderr.flush()
        # What half an import has left behind may not survive the usual end of the interpreter.
        os._exit(INTERRUPTED)
