"""Loads an old model with tf_keras and writes down what it answers. Run by itself in a sandbox, never imported.

In the folder: `told.json` (which file, and with what architecture), `inputs.npz`; it makes `outputs.npz`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tf_keras


def main() -> None:
    """Load, run, and write."""
    told = json.loads(Path("told.json").read_text())
    if told["architecture"] is None:
        model = tf_keras.models.load_model(told["file"], compile=False, safe_mode=not told["unsafe"])
    else:
        model = tf_keras.models.model_from_json(told["architecture"])
        model.load_weights(told["file"])
    with np.load("inputs.npz", allow_pickle=False) as stored:
        given = [stored[f"x{number}"] for number in range(len(stored.files))]
    made = model(given[0] if len(given) == 1 else given, training=False)
    flat = made if isinstance(made, list | tuple) else list(made.values()) if isinstance(made, dict) else [made]
    np.savez("outputs.npz", **{f"y{number}": np.asarray(one, np.float32) for number, one in enumerate(flat)})  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
