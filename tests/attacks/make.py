"""One hostile file for every known trick: what makes it, and what is said when it is refused.

`python tests/attacks/make.py FOLDER` writes all of them.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hostile_config as config
import hostile_data as data
import hostile_hdf5 as hdf5
import hostile_zip as archive
from honest import function, keras, layer, legacy, sequential, with_layers


@dataclass(frozen=True)
class Attack:
    """A hostile file.

    Attributes:
        make: writes it to a path.
        error: name of the error that refuses it.
        says: part of the message that a person reads.
        suffix: what its name ends in.
        how: `open` if reading it is refused, `load` if loading it is, `data` if using it as data is.
    """

    make: Callable[[Path], object]
    error: str
    says: str
    suffix: str = ".keras"
    how: str = "open"


UNSAFE, DAMAGED, LIMIT, UNKNOWN = "UnsafeFileError", "DamagedFileError", "LimitError", "UnknownClassError"
SHAPE, KIND = "ShapeMismatchError", "WrongKindError"
_CODE, _GADGET = "The model contains code", "which is not something that models are made of"
_NO_KERAS, _ELSEWHERE = "The archive holds a file that no Keras archive has", "a link to elsewhere"
_TEXTS = "The texts in the HDF5 part of the file are damaged"
_OTHER, _REGISTERED = "values of a tensor lie in another file", "and means another class, registered as"


def load(make: Callable[[Path], object], error: str, says: str, suffix: str = ".keras") -> Attack:
    return Attack(make, error, says, suffix, "load")


def weights(make: Callable[..., None], error: str, says: str) -> dict[str, Attack]:
    """The same trick in a `.weights.h5` and inside a `.keras` file."""
    name = make.__name__
    return {
        f"hdf5: {name}": Attack(hdf5.weights(make), error, says, ".weights.h5"),
        f"hdf5: {name}, in an archive": Attack(hdf5.in_archive(make), error, says),
    }


_CODE_AND_IMPORTS = {
    "CVE-2024-3660: bytecode in a Lambda": load(
        with_layers(layer("Lambda", "code", function=config.LAMBDA)), UNSAFE, _CODE
    ),
    "CVE-2024-3660: bytecode as an activation": load(config.activation(config.LAMBDA), UNSAFE, _CODE),
    "CVE-2025-9905: bytecode in .h5": load(config.lambda_in_legacy, UNSAFE, _CODE, ".h5"),
    "CVE-2025-1550: a module to import": load(
        with_layers(layer("system", "x", module="os", registered_name="system")), UNKNOWN, '"system"'
    ),
    "CVE-2025-1550: a function to import": load(
        config.activation(function("system", "os")), UNKNOWN, 'the function "system"'
    ),
    "CVE-2025-1550: a module of Keras's family": load(
        with_layers(layer("Backbone", "x", module="keras_hub.models")), UNKNOWN, '"Backbone"'
    ),
    "CVE-2025-8747: get_file": load(config.gadget("keras.utils", "get_file"), UNSAFE, _GADGET),
    "CVE-2025-9906: unsafe deserialisation": load(
        config.gadget("keras.config", "enable_unsafe_deserialization"), UNSAFE, _GADGET
    ),
    "CVE-2026-1462: TFSMLayer": load(with_layers(layer("TFSMLayer", "x", filepath="/somewhere/model")), UNSAFE, _CODE),
    "CVE-2026-1462: TFSMLayer as a callable": load(config.gadget("keras.layers", "TFSMLayer"), UNSAFE, _GADGET),
    "open: TorchModuleWrapper": load(with_layers(layer("TorchModuleWrapper", "x")), UNSAFE, _CODE),
    "open: plot_model": load(config.gadget("keras.utils", "plot_model"), UNSAFE, _GADGET),
    "open: load_data": load(config.gadget("keras.datasets.mnist", "load_data"), UNSAFE, _GADGET),
    "open: KerasFileEditor": load(config.gadget("keras.saving", "KerasFileEditor"), UNSAFE, _GADGET),
    "open: BackupAndRestore": load(config.gadget("keras.callbacks", "BackupAndRestore"), UNSAFE, _GADGET),
    "open: ExportArchive": load(config.gadget("keras.export", "ExportArchive"), UNSAFE, _GADGET),
    "open: a class instead of a function": load(
        with_layers(layer("load_data", "x", module="keras.datasets.mnist")), UNSAFE, _GADGET
    ),
    "open: another class under a built-in's name": load(
        with_layers(layer("Dense", "x", registered_name="evil>Dense", units=8)), UNSAFE, _REGISTERED
    ),
    "a gadget as a metric": load(
        config.compiled(metrics=[function("load_data", "keras.datasets.mnist")]), UNSAFE, _GADGET
    ),
    "bytecode as a loss": load(config.compiled(loss=config.LAMBDA), UNSAFE, _CODE),
    "an optimizer to import": load(
        config.compiled(optimizer=layer("Popen", "x", module="subprocess")), UNKNOWN, '"Popen"'
    ),
    "a type specification": load(config.typespec, UNSAFE, "something that no saved model needs"),
    "a call that computes while loading": load(config.eager, UNSAFE, "something that no saved model needs"),
}
_PATHS = {
    "CVE-2025-12058: a vocabulary from a path": load(
        with_layers(layer("StringLookup", "x", vocabulary="/etc/passwd")),
        UNSAFE,
        "asks to open '/etc/passwd'",
    ),
    "a vocabulary from a path, in .h5": load(
        lambda path: legacy(path, {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}),
        UNSAFE,
        "asks to open '/etc/passwd'",
        ".h5",
    ),
    "an address": load(
        with_layers(layer("TextVectorization", "x", vocabulary="hf://a/b")), UNSAFE, "asks to open 'hf://a/b'"
    ),
    "CVE-2025-12060: a name that leads out": Attack(archive.named("../evil.py"), UNSAFE, _NO_KERAS),
    "CVE-2024-55459: a name that leads out of assets": Attack(archive.named("assets/../../evil.py"), UNSAFE, _NO_KERAS),
    "an absolute name": Attack(archive.named("/etc/evil"), UNSAFE, _NO_KERAS),
    "a name with backslashes": Attack(archive.named("assets\\..\\evil"), UNSAFE, _NO_KERAS),
    "a member that Keras does not know": Attack(archive.named("setup.py"), UNSAFE, _NO_KERAS),
    "GHSA-hqp4-2352-xf5r: a link in the archive": Attack(archive.symlink, UNSAFE, "is a link"),
    "shards: ../x": Attack(config.shards("../x.weights.h5"), UNSAFE, "outside its folder", ".weights.json"),
    "shards: absolute": Attack(config.shards("/x.weights.h5"), UNSAFE, "outside its folder", ".weights.json"),
    "shards: in a list": Attack(config.shards(["a.h5", "../../x"]), UNSAFE, "outside its folder", ".weights.json"),
}
_ARCHIVES = {
    "zip: a name twice": Attack(archive.twice, UNSAFE, "holds config.json twice"),
    "zip: overlapping members": Attack(archive.overlap, UNSAFE, "overlaps another file"),
    "zip: two sizes": Attack(archive.lying_size, UNSAFE, "two different things of config.json"),
    "zip: two names": Attack(archive.lying_name, UNSAFE, "two different things of config.json"),
    "zip: two methods": Attack(archive.lying_method, UNSAFE, "two different things of config.json"),
    "zip: a million members": Attack(archive.million, LIMIT, "above the limit `members`"),
    "zip: a million members, said to be three": Attack(archive.million_said_few, LIMIT, "above the limit `members`"),
    "zip: 300 MB of config.json": Attack(archive.bomb("config.json", 300 << 20), LIMIT, "above the limit `json_bytes`"),
    "zip: 20 MB of metadata.json": Attack(
        archive.bomb("metadata.json", 20 << 20), LIMIT, "above the limit `json_bytes`"
    ),
    "zip: weights of zeros": Attack(archive.bomb("model.weights.h5", 256 << 20), LIMIT, "above the limit `ratio`"),
    "zip: an asset of zeros": Attack(archive.bomb("assets/words.txt", 256 << 20), LIMIT, "above the limit `ratio`"),
    "zip: unpacks to more than it says": Attack(
        archive.unpacks_to_more, UNSAFE, "unpacks to more than the archive says"
    ),
    "zip: another compression": Attack(archive.other_compression, UNSAFE, "compressed in a way"),
    "zip: encrypted": Attack(archive.encrypted, UNSAFE, "is encrypted"),
    "zip: cut short": Attack(archive.cut, DAMAGED, "cut short"),
    "zip: a wrong checksum": Attack(archive.wrong_checksum, DAMAGED, "checksum does not match"),
    "zip: of something else": Attack(archive.not_keras, KIND, "not one of Keras"),
}
_HDF5 = {
    **weights(hdf5.soft_link, UNSAFE, _ELSEWHERE),
    **weights(hdf5.dangling_link, UNSAFE, _ELSEWHERE),
    **weights(hdf5.external_link, UNSAFE, _ELSEWHERE),  # GHSA-27f4-p4xq-cxg8
    **weights(hdf5.external_storage, UNSAFE, _OTHER),  # CVE-2026-1669
    **weights(hdf5.virtual, UNSAFE, _OTHER),
    **weights(hdf5.cycle, UNSAFE, "the same object in two places"),
    **weights(hdf5.cycle_to_root, UNSAFE, "the same object in two places"),
    **weights(hdf5.same_dataset_often, UNSAFE, "the same object in two places"),
    **weights(hdf5.declared_only, UNSAFE, "declares more bytes than the file stores"),  # CVE-2026-0897, 12570
    **weights(hdf5.declared_without_chunks, UNSAFE, "declares bytes and stores none"),
    **weights(hdf5.gzip_bomb, LIMIT, "above the limit `ratio`"),
    **weights(hdf5.gzip_bomb_with_one_chunk, LIMIT, "above the limit `ratio`"),
    **weights(hdf5.many_small_gzip_bombs, LIMIT, "above the limit `ratio`"),
    **weights(hdf5.unknown_filter, UNSAFE, "by a plug-in"),
    **weights(hdf5.texts, UNSAFE, "neither numbers nor short texts"),
    **weights(hdf5.references, UNSAFE, "neither numbers nor short texts"),
    **weights(hdf5.compound, UNSAFE, "neither numbers nor short texts"),
    **weights(hdf5.stored_type, UNSAFE, "a stored type"),
    **weights(hdf5.deep, LIMIT, "above the limit `depth`"),
    "hdf5: empty groups": Attack(hdf5.weights(hdf5.empty_groups), LIMIT, "above the limit `objects`", ".weights.h5"),
    "hdf5: overlapping tensors": Attack(hdf5.overlapping, UNSAFE, "share their place", ".weights.h5"),
    "hdf5: a huge attribute": Attack(hdf5.huge_attribute, LIMIT, "limit `attribute_bytes`", ".h5"),
    "hdf5: one text under many names": Attack(hdf5.heap_amplification, LIMIT, "limit `attribute_bytes`", ".h5"),
    "hdf5: a text that declares 2.5 GB": Attack(hdf5.long_text(), DAMAGED, _TEXTS, ".h5"),
    "hdf5: a text that declares 2.5 GB, from nowhere": Attack(hdf5.long_text(heap=4), DAMAGED, _TEXTS, ".h5"),
    "hdf5: a dtype's name of 2.5 GB": Attack(hdf5.long_name_of_a_dtype, DAMAGED, _TEXTS, ".weights.h5"),
    **weights(hdf5.name_that_is_no_text, DAMAGED, "The name of a group or tensor is damaged"),
    "hdf5: cut short": Attack(hdf5.cut, DAMAGED, "cut short", ".h5"),
    "hdf5: cut short, in an archive": Attack(hdf5.cut_in_archive, DAMAGED, "cut short"),
    "hdf5: empty": Attack(hdf5.empty, DAMAGED, "The file is empty", ".h5"),
}
_SIZES = {
    "compiled by a text": Attack(
        lambda path: keras(path, {**sequential(), "compile_config": "evil"}), DAMAGED, "How the model was compiled"
    ),
    "open: Dense(30_000_000)": load(config.wide(30_000_000), LIMIT, "above the limit `dimension`"),
    "Dense(15_000_000)": load(config.wide(15_000_000), SHAPE, "another shape than the file has stored"),
    "a wide input": load(config.wide_by_its_input, SHAPE, "another shape than the file has stored"),
    "no weights at all": load(config.no_weights, SHAPE, "another shape than the file has stored"),
    "many layers, one tensor": load(config.many_of_one, SHAPE, "more than the file has stored"),
    "Dense(15_000_000), in .h5": load(
        lambda path: legacy(path, {"class_name": "Dense", "config": {"name": "wide", "units": 15_000_000}}),
        SHAPE,
        "another shape than the file has stored",
        ".h5",
    ),
    "values of half a gigabyte each": load(config.numpy_bomb, UNSAFE, "something that no saved model needs"),
    "json: deep": Attack(config.deep, LIMIT, "above the limit `json_depth`", ".json"),
    "json: 400 deep": Attack(config.deep_below_the_recursion_limit, LIMIT, "above the limit `json_depth`", ".json"),
    "json: many values": Attack(config.many_values, LIMIT, "above the limit `json_items`", ".json"),
    "json: 60 MB": Attack(config.long, LIMIT, "above the limit `json_bytes`", ".json"),
}
_DATA = {
    "npz: declares 8 GB": Attack(data.declared, DAMAGED, "declares another size", ".npz", "data"),
    "npz: declares 8 GB, deflated": Attack(data.declared_packed, DAMAGED, "declares another size", ".npz", "data"),
    "npz: zeros": Attack(data.bomb, LIMIT, "unpacks to far more", ".npz", "data"),
    "npz: pickled objects": Attack(data.pickled, "DataError", "pickled Python objects", ".npz", "data"),
}

ATTACKS = {**_CODE_AND_IMPORTS, **_PATHS, **_ARCHIVES, **_HDF5, **_SIZES, **_DATA}

# The files that the attacks start from; they have to pass, or the refusals would prove nothing.
HONEST = {
    "keras": Attack(keras, "", "", ".keras", "load"),
    "keras, deflated": Attack(lambda path: keras(path, method=zipfile.ZIP_DEFLATED), "", "", ".keras", "load"),
    "keras, compiled": Attack(
        config.compiled(optimizer=layer("Adam", "adam", module="keras.optimizers"), loss="mse"),
        "",
        "",
        ".keras",
        "load",
    ),
    "keras, more layers": Attack(
        with_layers(layer("Activation", "act", activation=function("relu", "keras.activations"))),
        "",
        "",
        ".keras",
        "load",
    ),
    "keras, by hand": Attack(lambda path: archive.by_hand(path, archive.members().items()), "", "", ".keras", "load"),
    "h5": Attack(legacy, "", "", ".h5", "load"),
    "weights": Attack(hdf5.weights(lambda file, there: None), "", "", ".weights.h5", "load"),
    "no config": Attack(lambda path: keras(path, sequential()), "", "", ".keras", "load"),
}


def make_all(folder: Path, table: dict[str, Attack]) -> dict[str, Path]:
    """Write every file of a table, each into a folder of its own; gives the paths by name."""
    paths = {}
    for number, (name, attack) in enumerate(table.items()):
        path = folder / f"{number:03}" / f"model{attack.suffix}"
        path.parent.mkdir(parents=True)
        attack.make(path)
        paths[name] = path
    return paths


if __name__ == "__main__":
    for name, path in make_all(Path(sys.argv[1]), ATTACKS).items():
        print(f"{path.stat().st_size:>12,}  {path}  {name}")
