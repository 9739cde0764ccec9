"""Private memory of averaging 2 and 32 ResNet-50 files, above an idle interpreter with NumPy and h5py.

Private memory is `RssAnon` in `/proc/self/status`, read a hundred times a second from another thread: pages
of the files themselves lie in the page cache and belong to nobody. Linux only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import verdict

from models import make_resnets

WATCHED = """
import json, sys, threading, time
import numpy, h5py

def private():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1000

idle = private()
most, over = [idle], threading.Event()

def watch():
    while not over.is_set():
        most[0] = max(most[0], private())
        time.sleep(0.01)

watcher = threading.Thread(target=watch)
watcher.start()
paths, out = sys.argv[1:-1], sys.argv[-1]
if paths:
    from keras_weld import average
    average(paths, out)
over.set()
watcher.join()
print(json.dumps({"idle": idle, "most": most[0]}))
"""


def private_above_idle(paths: list[Path], out: Path) -> float:
    """MB (10^6 bytes) of private memory above what the idle interpreter had."""
    command = [sys.executable, "-c", WATCHED, *map(str, paths), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    return float(seen["most"] - seen["idle"])


def main() -> int:
    """Measure 2 and 32 models; exit code 1 if either is above the bound."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = make_resnets(folder, 4)
        good = True
        print("\nPrivate memory above an idle interpreter with NumPy and h5py, in MB:")
        for count in (2, 32):
            paths = [made[number % 4] for number in range(count)]
            good &= verdict(f"{count} models", private_above_idle(paths, folder / "mean.keras"), 150, at_least=False)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
