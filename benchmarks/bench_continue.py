"""Train on some pictures, save, load, and train on with others: whether the loss goes on without a jump.

    python benchmarks/bench_continue.py --data digits.npz --pictures 3000 --epochs 10 --plot curve.png
    python benchmarks/bench_continue.py --data photos.npz --network mobilenet --pictures 1500

The data has x_train and y_train: pictures of 0 to 255 and labels. The second half of the training is done twice: with
the optimizer's state out of the file, as `weld.load` brings it back, and, as a control, with a fresh optimizer. What is
told is the loss on pictures that neither half was trained on, before the first step of the second half and after each
of the next steps: a jump shows there, where the mean of an epoch would hide it.

Without --data nothing is measured: no pictures come with the project.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

import keras_weld as weld

HELD, STEPS = 500, 20
Pictures = tuple[np.ndarray, np.ndarray]


def small(shape: tuple[int, ...], classes: int) -> keras.Model:
    """Two convolutions and a head."""
    body: list[Any] = [layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(32, 3)]
    rest = [layers.ReLU(), layers.Flatten(), layers.Dropout(0.2), layers.Dense(classes, activation="softmax")]
    return keras.Sequential([keras.Input(shape), layers.Rescaling(1 / 255), *body, *rest])


def mobilenet(shape: tuple[int, ...], classes: int) -> keras.Model:
    """MobileNet of width 0.5, from nothing."""
    given = keras.Input(shape)
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(given)
    body = keras.applications.MobileNet(shape, alpha=0.5, weights=None, include_top=False, pooling="avg")
    return keras.Model(given, layers.Dense(classes, activation="softmax")(body(scaled)))


NETWORKS: dict[str, Callable[[tuple[int, ...], int], keras.Model]] = {"small": small, "mobilenet": mobilenet}


def compiled(model: keras.Model) -> keras.Model:
    """With an optimizer of its own."""
    loss = "sparse_categorical_crossentropy"
    # XLA on TensorFlow's processor backend would take longer to compile than some of these trainings run.
    jit = False if keras.backend.backend() == "tensorflow" else "auto"
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"], jit_compile=jit)
    return model


class Look(keras.callbacks.Callback):
    """The loss on held-out pictures before the first step, and after each of the next."""

    def __init__(self, held: Pictures) -> None:
        super().__init__()
        self.held = held
        self.losses: list[float] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Measure what the file gave."""
        self._measure()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Measure after each of the first steps."""
        if len(self.losses) <= STEPS:
            self._measure()

    def _measure(self) -> None:
        model = self.model
        answers = np.asarray(model.predict_on_batch(self.held[0]))
        likely = answers[np.arange(len(answers)), self.held[1]]
        self.losses.append(float(-np.log(np.maximum(likely, 1e-7)).mean()))


def halves(
    data: Path, network: str, pictures: int, epochs: int
) -> tuple[dict[str, dict[str, list[float]]], dict[str, list[float]]]:
    """The histories of both ways, and the losses around the joint."""
    with np.load(data) as arrays:
        x, y = arrays["x_train"], arrays["y_train"].astype("int64")
    x = x[..., None] if x.ndim == 3 else x
    order = np.random.default_rng(0).permutation(len(x))
    parts = [order[:pictures], order[pictures : 2 * pictures], order[2 * pictures : 2 * pictures + HELD]]
    first, second, held = ((x[part], y[part]) for part in parts)
    shape, classes = x.shape[1:], int(y.max()) + 1
    histories: dict[str, dict[str, list[float]]] = {}
    around: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "half.keras"
        options: dict[str, Any] = {"epochs": epochs, "validation_data": held, "verbose": 0}
        model = weld.fit(lambda: compiled(NETWORKS[network](shape, classes)), first, run=f"{folder}/first", **options)
        weld.save(model, file)
        before = model.history.history
        for way, build in {
            "gone on with": lambda: weld.load(file),
            "fresh optimizer": lambda: compiled(weld.load(file, compile=False)),
        }.items():
            look = Look(held)
            again = weld.fit(build, second, run=f"{folder}/{way}", callbacks=[look], tell=lambda text: None, **options)
            histories[way] = {name: before[name] + again.history.history[name] for name in before}
            around[way] = look.losses
    return histories, around


def plot(histories: dict[str, dict[str, list[float]]], epochs: int, path: Path) -> None:
    """The curves of both ways."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5))
    for way, history in histories.items():
        for name in ("loss", "val_loss"):
            axes.plot(range(1, len(history[name]) + 1), history[name], label=f"{name}, {way}")
    axes.axvline(epochs + 0.5, linestyle=":", color="grey")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--network", choices=list(NETWORKS), default="small")
    parser.add_argument("--pictures", type=int, default=3000, help="in each half")
    parser.add_argument("--epochs", type=int, default=10, help="of each half")
    parser.add_argument("--plot", type=Path, help="an image of the curves")
    given = parser.parse_args()
    if given.data is None:
        print("No --data: skipped.")
        return 0
    histories, around = halves(given.data, given.network, given.pictures, given.epochs)
    print(
        f"{keras.backend.backend()}, {given.network}, {given.pictures} pictures and {given.epochs} epochs in each half"
    )
    for way, history in histories.items():
        shown = [f"{value:.4f}" for value in history["loss"][given.epochs - 2 : given.epochs + 2]]
        held = [f"{value:.4f}" for value in history["val_loss"][given.epochs - 2 : given.epochs + 2]]
        print(f"  {way:<16} loss of the two epochs before and after {' '.join(shown)}, on held-out {' '.join(held)}")
    for way, losses in around.items():
        rest = losses[1 : STEPS + 1]
        print(f"  {way:<16} held-out loss at first {losses[0]:.4f}, at most {max(rest):.4f} in {len(rest)} steps")
    if given.plot:
        plot(histories, given.epochs, given.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
