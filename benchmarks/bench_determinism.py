"""What it costs to have TensorFlow give the same bits each time: `weld.fit(deterministic=True)` against False.

    KERAS_BACKEND=tensorflow python benchmarks/bench_determinism.py

Each training is a process of its own, since the setting holds for a whole process; they take turns. What is compared is
the median of the seconds of an epoch, the first left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

ROUNDS, EPOCHS = 5, 4
NETWORKS = ("convolutions", "recurrent", "embedding")

TRAIN = """
import json, sys, tempfile, time
import keras, numpy as np
from keras import layers
import keras_weld as weld
network, deterministic, epochs = sys.argv[1], sys.argv[2] == "yes", int(sys.argv[3])
shapes = {"convolutions": (32, 32, 3), "recurrent": (40, 32), "embedding": (60,)}
bodies = {
    "convolutions": lambda: [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
                             layers.Conv2D(64, 3, activation="relu"), layers.GlobalAveragePooling2D()],
    "recurrent": lambda: [layers.LSTM(64)],
    "embedding": lambda: [layers.Embedding(20000, 64), layers.GlobalAveragePooling1D()],
}
class Clock(keras.callbacks.Callback):
    taken = []
    def get_state(self): return {}
    def set_state(self, state): pass
    def on_epoch_begin(self, epoch, logs=None): self.began = time.perf_counter()
    def on_epoch_end(self, epoch, logs=None): self.taken.append(time.perf_counter() - self.began)
def build():
    head = layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input(shapes[network]), *bodies[network](), head])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
found = np.random.default_rng(0)
shape = (2048, *shapes[network])
x = found.integers(0, 20000, shape) if network == "embedding" else found.random(shape, "float32")
y = found.integers(0, 10, 2048)
clock = Clock()
with tempfile.TemporaryDirectory() as folder:
    options = {"epochs": epochs, "callbacks": [clock], "deterministic": deterministic, "verbose": 0}
    weld.fit(build, (x, y), run=folder + "/run", **options)
print(json.dumps(clock.taken[1:]))
"""


def epoch_seconds(network: str, deterministic: bool) -> float:
    """The median of the seconds of an epoch, in a process of its own.

    Raises:
        SystemExit: if it fails, with what it said.
    """
    words = [sys.executable, "-c", TRAIN, network, "yes" if deterministic else "no", str(EPOCHS)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(words, env=quiet, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Measure, and tell."""
    for network in NETWORKS:
        taken: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(ROUNDS):
            for deterministic in (False, True):
                taken[deterministic].append(epoch_seconds(network, deterministic))
        ratios = sorted(one / other for one, other in zip(taken[True], taken[False], strict=True))
        print(
            f"{network:<13} an epoch deterministic {statistics.median(taken[True]):.2f} s, else "
            f"{statistics.median(taken[False]):.2f} s: {statistics.median(ratios):.2f} times as long "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
