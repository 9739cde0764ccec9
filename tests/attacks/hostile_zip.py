"""Archives that are not what they say."""

from __future__ import annotations

import json
import stat
import struct
import zipfile
import zlib

from honest import keras, members

MB = 1 << 20


def named(name):
    return lambda path: keras(path, more=[(name, b"x")])


def symlink(path):
    keras(path)
    link = zipfile.ZipInfo("assets/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")


def entry(name, data, at, /, **lies):
    """The header before a member, and its entry in the directory; `lies` go into the first alone."""
    said = {"name": name.encode(), "stored": len(data), "size": len(data), "method": 0} | lies
    crc, raw = zlib.crc32(data), said["name"]
    local = struct.pack(
        "<4s5H3I2H",
        b"PK\x03\x04",
        20,
        0,
        said["method"],
        0,
        33,
        crc,
        said["stored"],
        said["size"],
        len(raw),
        0,
    )
    raw_name = name.encode()
    central = struct.pack(
        "<4s6H3I5H2I",
        b"PK\x01\x02",
        20,
        20,
        0,
        0,
        0,
        33,
        crc,
        len(data),
        len(data),
        len(raw_name),
        0,
        0,
        0,
        0,
        0,
        at,
    )
    return local + raw, central + raw_name


def end(directory, at, count):
    return struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), at, 0)


def by_hand(path, contents, directory_more=b"", count=None, **lies):
    """An archive of honest members, in which the header before `config.json` may lie."""
    body, directory = b"", b""
    for name, data in contents:
        local, central = entry(name, data, len(body), **(lies if name == "config.json" else {}))
        body += local + data
        directory += central
    directory += directory_more
    count = len(contents) if count is None else count
    path.write_bytes(body + directory + end(directory, len(body), count))


def twice(path):
    inside = list(members().items())
    by_hand(path, [*inside, inside[1]])


def lying_size(path):
    by_hand(path, members().items(), size=10, stored=10)


def lying_name(path):
    by_hand(path, members().items(), name=b"confic.json")


def lying_method(path):
    by_hand(path, members().items(), method=8)


def overlap(path):
    """An asset whose bytes are another member, header and all."""
    inside = members()
    config = inside.pop("config.json")
    body, directory = b"", b""
    for name, data in inside.items():
        local, central = entry(name, data, len(body))
        body, directory = body + local + data, directory + central
    inner, _ = entry("config.json", config, 0)
    outer, central = entry("assets/outer", inner + config, len(body))
    directory += central
    _, central = entry("config.json", config, len(body) + len(outer))
    body += outer + inner + config
    directory += central
    path.write_bytes(body + directory + end(directory, len(body), 4))


def million(path, count=0xFFFF):
    """A million entries in the directory; the count before it may say anything."""
    _, central = entry("assets/x", b"", 0)
    by_hand(path, members().items(), central * 1_000_000, count)


def million_said_few(path):
    million(path, 3)


def bomb(name, size):
    def make(path):
        contents = members()
        contents[name] = {
            "config.json": lambda: json.dumps(contents["config.json"].decode()).encode() + b" " * size,
            "metadata.json": lambda: b"{}" + b" " * size,
            "model.weights.h5": lambda: b"\0" * size,
            "assets/words.txt": lambda: b"\0" * size,
        }[name]()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, data in contents.items():
                archive.writestr(key, data)

    return make


def unpacks_to_more(path):
    """Deflated bytes of 64 MB, of which the directory says that they are 1,000."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, data in members().items():
            archive.writestr(key, b" " * (64 * MB) if key == "config.json" else data)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 64 * MB), struct.pack("<I", 1000)))


def other_compression(path):
    keras(path, method=zipfile.ZIP_LZMA)


def encrypted(path):
    keras(path)
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(magic)
        data[at + offset] |= 1
    path.write_bytes(data)


def cut(path):
    keras(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def not_keras(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")


def wrong_checksum(path):
    keras(path)
    path.write_bytes(path.read_bytes().replace(b'"units": 8', b'"units": 9'))
