"""Make the model files that the benchmarks work on: ResNet-50 with random weights, one seed a file."""

from __future__ import annotations

import sys
from pathlib import Path


def make_resnets(folder: Path, count: int) -> list[Path]:
    """`count` ResNet-50 files of about 103 MB; those that are there already are kept."""
    paths = [folder / f"resnet50-{number}.keras" for number in range(count)]
    missing = [(number, path) for number, path in enumerate(paths) if not path.exists()]
    if not missing:
        return paths
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    for number, path in missing:
        keras.utils.set_random_seed(number)
        keras.backend.clear_session()
        keras.applications.ResNet50(weights=None).save(path)
    return paths


if __name__ == "__main__":
    for made in make_resnets(Path(sys.argv[1]), int(sys.argv[2])):
        print(made)
