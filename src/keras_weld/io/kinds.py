"""What a file is, seen from its bytes, and whether its name says the same."""

from __future__ import annotations

import json
import mmap
import os
from pathlib import Path
from typing import Any

from keras_weld.core.file_names import with_format
from keras_weld.core.kind import Kind as Kind  # handed on
from keras_weld.errors import DamagedFileError, MissingFileError, UnsafeFileError, WrongKindError

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
ZIP_MAGIC = b"PK\x03\x04"
HDF5_SUFFIXES = (".h5", ".hdf5", ".keras.h5")
LINEAGE = "keras_weld"
"""Under this name a file that was merged keeps what it was made of, in every format."""

SEEDS = "seed_states"
"""Under this name a file that was saved keeps where the seed generators of the model were, which Keras leaves out."""

YAML_SUFFIXES = (".yaml", ".yml")
READABLE = ".keras, .weights.h5, .weights.json, .h5, a SavedModel folder, or architecture .json or .yaml"
# What the first bytes of a file that people mistake for a model tell.
_OTHERS = (
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "a gzip file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"<", "a web page or XML"),
)
_CONTAINER_NAMES = {"zip": "a zip archive, as .keras is", "hdf5": "an HDF5 file", "json": "JSON text"}


def container_of(path: Path) -> str:
    """`folder`, `zip`, `hdf5` or `json`, by content; `yaml` by name, for text that could be that.

    Raises:
        MissingFileError: if nothing is there.
        DamagedFileError: if the file is empty.
        WrongKindError: if it is something else, or another container than its name says.
        UnsafeFileError: if the path is an address on a network.
    """
    if "://" in str(path) or str(path).startswith(("hf:/", "gs:/", "s3:/", "http:/", "https:/")):
        raise UnsafeFileError(
            "Only files on this machine are read.",
            file=path,
            remedy="Fetch the file first, look at where it came from, then give its path.",
        )
    if not path.exists():
        _refuse_prefix(path)
        raise _missing(path)
    if path.is_dir():
        return "folder"
    if not path.is_file():  # a pipe would be waited for without end
        raise WrongKindError(
            "This is neither a file nor a folder.",
            file=path,
            expected="a saved model",
            found="a pipe, socket or device",
            remedy="Write it to a file first, and give its path.",
        )
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise DamagedFileError(
            "The file is empty.",
            file=path,
            found="0 bytes",
            remedy="Save the model again; this file holds nothing.",
        )
    found = _container_from(head)
    what = next((text for magic, text in _OTHERS if head.startswith(magic)), None)
    if path.suffix.lower() in YAML_SUFFIXES and what is None and found in (None, "json"):
        return "yaml"
    if found is None:
        raise WrongKindError(
            "This is not a file that Keras saves.",
            file=path,
            expected=READABLE,
            found=what or "not a saved model",
            remedy=_hint(what or ""),
        )
    _check_name(path, found)
    return found


def _missing(path: Path) -> MissingFileError:
    if path.is_symlink():
        return MissingFileError(
            "This is a link that leads to no file.",
            file=path,
            found=f"a link to {os.readlink(path)}",
            remedy="Link it to a file that is there, or give that file's path.",
        )
    begin = path.name.partition(".")[0]
    near = sorted(entry.name for entry in path.parent.glob("*") if entry.name.partition(".")[0] == begin)[:3]
    return MissingFileError(
        "There is no such file.",
        file=path,
        found=f"beside it: {', '.join(near)}" if near else None,
        remedy="Check the path; it is taken from the folder you are in.",
    )


def _refuse_prefix(path: Path) -> None:
    """Refuse the prefix of a TensorFlow checkpoint: `model.ckpt` for `model.ckpt.index` and its data.

    Raises:
        WrongKindError: if it is one.
    """
    if path.with_name(path.name + ".index").is_file():
        raise WrongKindError(
            "This is the prefix of a TensorFlow checkpoint, which Keras 3 neither writes nor reads.",
            file=path,
            expected=READABLE,
            found=f"{path.name}.index",
            remedy="Where it was made, load it into its model and save that: model.save_weights('w.weights.h5'), or "
            "model.save('model.keras').",
        )


def _container_from(head: bytes) -> str | None:
    if head.startswith((ZIP_MAGIC, b"PK\x05\x06")):
        return "zip"
    if head.startswith(HDF5_MAGIC):
        return "hdf5"
    return "json" if head.lstrip()[:1] in (b"{", b"[") else None


def _hint(what: str) -> str:
    if "pickle" in what:
        return "Load it where it was made and save it with model.save('model.keras')."
    if "LFS" in what:
        return "Fetch the real file: git lfs pull"
    return "Give a file that model.save() or model.save_weights() wrote."


def _check_name(path: Path, found: str) -> None:
    says = {".keras": "zip", ".json": "json", **dict.fromkeys(HDF5_SUFFIXES, "hdf5")}.get(path.suffix.lower())
    if says is not None and says != found:
        better = {"zip": ".keras", "json": ".json"}.get(found) or _hdf5_suffix(path)
        raise WrongKindError(
            f"The name ends in {path.suffix}, but the file is of another kind.",
            file=path,
            expected=_CONTAINER_NAMES[says],
            found=_CONTAINER_NAMES[found],
            remedy=f"Rename it, for example to {with_format(path, better)}, or save it again.",
        )


def _hdf5_suffix(path: Path) -> str:
    """What the name of an HDF5 file ends in: older Keras lists the layers in it, Keras 3 keeps weights alone."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        older = any(content.find(name) >= 0 for name in (b"layer_names", b"model_config"))
    return ".h5" if older else ".weights.h5"


def folder_kind(path: Path) -> Kind:
    """What a folder is.

    Raises:
        WrongKindError: if it is not a SavedModel.
    """
    if (path / "saved_model.pb").is_file():
        return Kind.SAVED_MODEL
    names = sorted(entry.name for entry in path.iterdir())
    raise WrongKindError(
        "This folder is not a SavedModel.",
        file=path,
        expected="a folder with saved_model.pb and variables/",
        found=", ".join(names[:5]) or "an empty folder",
        remedy="Give the folder that tf.saved_model.save or model.export wrote, or a .keras file.",
    )


def json_kind(content: object, path: Path) -> tuple[Kind, dict[str, Any]]:
    """What a JSON text is, the map of sharded weights or an architecture; and the text as an object.

    Raises:
        WrongKindError: if it is neither.
    """
    if isinstance(content, dict) and "weight_map" in content:
        return Kind.SHARDED, content
    if isinstance(content, dict) and "class_name" in content:
        return Kind.ARCHITECTURE, content
    keys = ", ".join(list(content)[:5]) if isinstance(content, dict) else json.dumps(content)[:40]
    raise WrongKindError(
        "This JSON is neither an architecture nor the map of sharded weights.",
        file=path,
        expected="an object with class_name (model.to_json()) or weight_map (name.weights.json)",
        found=keys or "an empty object",
        remedy="Give the file that model.to_json() or model.save_weights(max_shard_size=…) wrote.",
    )
