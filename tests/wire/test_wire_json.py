"""JSON on the wire: strict in what is sent, lenient in what is taken."""

from __future__ import annotations

import json as standard
import math
from typing import Any

import pytest

from shared_core.errors import BadRequest
from shared_core.wire import json

UNSENDABLE: dict[str, Any] = {
    "not a number": math.nan,
    "infinity": [math.inf],
    "bytes": {"a": b"x"},
    "a set": {1, 2},
    "an object": object(),
    "a function": print,
    "a lone surrogate": "\ud800",
    "a lone surrogate in a key": {"\udfff": 1},
    "a tuple for a key": {(1, 2): 3},
}


@pytest.mark.parametrize("value", UNSENDABLE.values(), ids=UNSENDABLE.keys())
def test_what_json_has_no_word_for_is_refused_before_the_wire(value: Any) -> None:
    with pytest.raises(BadRequest, match="Nothing was sent"):
        json.dump({"content": value})


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(BadRequest, match="Nothing was sent"):
        json.dump(loop)


def test_a_value_nested_without_end_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(BadRequest, match="Nothing was sent"):
        json.dump(deep)


def test_a_lone_surrogate_is_named() -> None:
    with pytest.raises(BadRequest, match=r"U\+D83D"):
        json.dump("half a smile \ud83d")


def test_text_is_sent_as_utf8_without_blanks() -> None:
    assert json.dump({"a": ["é", 1, None, True]}) == '{"a":["é",1,null,true]}'.encode()


TAKEN: dict[str, tuple[bytes, Any]] = {
    "ordinary": (b'{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
    "white space around": (b' \n {"a":1} \n', {"a": 1}),
    "broken UTF-8 becomes a replacement character": (b'{"a":"x\xff"}', {"a": "x\ufffd"}),
    "half a surrogate pair": (b'{"a":"\\ud83d"}', {"a": "\ud83d"}),
    "a whole surrogate pair": (b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
    "a number beyond 64 bits": (b'{"seed":2656524259183638000123}', {"seed": 2656524259183638000123}),
    "line separators": ('{"a":"\u2028\u0085"}'.encode(), {"a": "\u2028\u0085"}),
    "the last of two keys": (b'{"a":1,"a":2}', {"a": 2}),
}


@pytest.mark.parametrize(("data", "value"), TAKEN.values(), ids=TAKEN.keys())
def test_what_providers_send_is_read(data: bytes, value: Any) -> None:
    assert json.load(data) == value


UNREADABLE = {
    "empty": b"",
    "a word": b"hello",
    "cut off": b'{"a": [1',
    "junk behind": b'{"a":1}}',
    "zero bytes": b"\x00\xff\xfe",
    "brackets without end": b"[" * 100_000,
    "objects without end": b'{"a":' * 100_000,
    "a number with digits without end": b"9" * 10_000 + b"x",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_json_is_a_value_error_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(ValueError):
        json.load(data)


def test_what_is_sent_can_be_read_by_anybody() -> None:
    value = {"a": "\u2028\x00\U0001f600", "b": [1e-9, -0.0, 10**30]}
    assert standard.loads(json.dump(value)) == value
