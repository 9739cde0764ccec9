from __future__ import annotations

import json
import time
import tracemalloc
from contextlib import suppress

import pytest

from keras_weld.errors import DamagedFileError, LimitError
from keras_weld.io.json_text import parse_json
from keras_weld.io.limits import MB, Limits

LIMITS = Limits()


def test_what_keras_writes_is_read_as_it_is():
    value = {"class_name": "Sequential", "config": {"layers": [1, 2.5, None, True, "é", "😀", float("inf")]}}
    for data in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert parse_json(data.encode(), LIMITS, "config.json") == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "config.json is empty."),
        (b"  \n", "config.json is empty."),
        (b'{"a": 1', "config.json is not well-formed JSON."),
        (b'{"a": 1} {"b": 2}', "config.json is not well-formed JSON."),
        (b'["' + b"\\" * 9, "config.json is not well-formed JSON."),
        (b'{"a": "\xff"}', "config.json is not UTF-8 text."),
        (b'["\\ud800"]', "config.json holds half a character."),
        (b'["\\udc00\\ud800"]', "config.json holds half a character."),
        (b"[" + b"9" * 5000 + b"]", "config.json is not well-formed JSON."),
        (b'"text"', "config.json holds a single value."),
        (b"3", "config.json holds a single value."),
    ],
)
def test_damaged(data, message):
    with pytest.raises(DamagedFileError, match=r"[Ss]ave the model again") as caught:
        parse_json(data, LIMITS, "config.json")
    assert caught.value.problem == message


@pytest.mark.parametrize(
    ("data", "limits", "name"),
    [
        (b"[" + b" " * 50 + b"]", Limits(json_bytes=40), "json_bytes"),
        (b"[1,2,3,4,5,6]", Limits(json_items=5), "json_items"),
        (b'{"a":1,"b":2,"c":3}', Limits(json_items=5), "json_items"),
        (('["' + "é" * 200 + '"]').encode(), Limits(json_items=9), "json_items"),
        (b"[" * 6 + b"]" * 6, Limits(json_depth=5), "json_depth"),
        (b'{"a":' * 6 + b"{}" + b"}" * 6, Limits(json_depth=5), "json_depth"),
        (b"[" * 900_000, LIMITS, "json_depth"),
        (b"[" * 100_000 + b"]" * 100_000, LIMITS, "json_depth"),
    ],
)  # fmt: skip
def test_limits_name_themselves(data, limits, name):
    with pytest.raises(LimitError) as caught:
        parse_json(data, limits, "config.json")
    assert f"the limit `{name}`" in caught.value.problem
    assert f"--limit {name}=" in str(caught.value.remedy)


def test_limits_are_reached_and_not_only_passed():
    assert parse_json(b"[" * 5 + b"]" * 5, Limits(json_depth=5), "x") == [[[[[]]]]]
    assert parse_json(b"[1,2,3,4,5]", Limits(json_items=5), "x") == [1, 2, 3, 4, 5]


def hostile():
    emoji = "\U0001f600"
    yield "lists", b"[" + b",".join([b"[0]"] * 499_000) + b"]"
    yield "objects", b"[" + b",".join([b'{"a":0}'] * 333_000) + b"]"
    yield "keys", ("{" + ",".join(f'"{i:x}":"{i:x}ж"' for i in range(240_000)) + "}").encode()
    yield "wide text", ('["' + "a" * (12 * MB) + emoji + '"' + f',"x{emoji}"' * 150_000 + "]").encode()
    yield "numbers", b"[" + b",".join([b"9" * 4200] * 3900) + b"]"
    yield "quotes", b'["' + b'\\"' * (7 * MB)


@pytest.mark.parametrize("case", ["lists", "objects", "keys", "wide text", "numbers", "quotes"])
def test_what_is_within_the_limits_is_cheap(case):
    data = dict(hostile())[case]
    tracemalloc.start()
    start = time.process_time()
    with suppress(LimitError, DamagedFileError):  # refused is fine too
        parse_json(data, LIMITS, "config.json")
    spent = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 170 * MB
    assert spent < 5  # under the memory tracer, which slows it tenfold
