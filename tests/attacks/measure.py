"""Open files that are not trusted, each in a process of its own, and tell what each cost.

Run as a script: reads `[[how, path], …]` from standard input as JSON, writes one JSON object a line. The
processes are forked from one that has imported what is needed and opened an honest file, so that the cost is
that of the file alone.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

from keras_weld.data import NpzArrays
from keras_weld.errors import WeldError
from keras_weld.io.guard import scan_file
from keras_weld.io.read import open_model

KB = 1024


def use(how, path):
    if how == "open":
        open_model(path).close()
    elif how == "load":
        scan_file(path).close()
    else:
        for array in NpzArrays(path).values():
            array.sum()


def attempt(how, path):
    """What happened, the processor's seconds, and the bytes that the process grew by."""
    before, start, clock = peak(), time.process_time(), time.monotonic()
    try:
        use(how, path)
        said = {"error": "", "message": ""}
    except WeldError as error:
        said = {"error": type(error).__name__, "message": str(error), "file": error.file}
    except BaseException as error:  # whatever it is, it has to be told
        said = {"error": f"not refused: {type(error).__name__}", "message": repr(error)}
    spent = {"seconds": time.process_time() - start, "waited": time.monotonic() - clock}
    return {**said, **spent, "bytes": peak() - before}


def peak():
    unit = 1 if sys.platform == "darwin" else KB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main():
    from pathlib import Path

    for how, path in json.load(sys.stdin):
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            sys.stdout.write(json.dumps(attempt(how, Path(path))) + "\n")
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            sys.stdout.write(json.dumps({"error": f"ended with {status}", "message": ""}) + "\n")


if __name__ == "__main__":
    main()
