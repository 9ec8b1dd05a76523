"""ChatCache: what may be remembered, under which key, where; and places that fail."""

from __future__ import annotations

import copy
import json
import os
import pickle
import sqlite3
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared_core import ChatCache, ConfigError
from shared_core.cache import MemoryCache, SqliteCache
from shared_core.errors import BadRequest
from shared_core.types import ApiKey, ChatReply, ChatRequest, Choice, ReplyMeta, Target, ToolCall, Usage

TOKEN = ApiKey("hf_canaryCanaryCanaryCanary0123456789")
SECRET = "the password of the safe is swordfish"
REQUEST = ChatRequest([{"role": "user", "content": SECRET}], "org/name:groq", {"temperature": 0})
TARGET = Target("https://router.example/v1", TOKEN)
REPLY = ChatReply(
    (Choice(text="It is.", finish_reason="stop"),),
    Usage(3, 2, 5, raw={"total_tokens": 5}),
    ReplyMeta("org/name", "groq", "id-1", 2, 1.5, headers={"set-cookie": "session=1"}, url="https://r/v1"),
    raw={"choices": [1]},
)


# --- what may be remembered ---


@pytest.mark.parametrize(
    ("params", "extra", "admitted"),
    [
        ({"temperature": 0}, {}, True),
        ({"temperature": 0.0}, {}, True),
        ({}, {}, False),
        ({"temperature": 0.1}, {}, False),
        ({"temperature": False}, {}, False),
        ({"seed": 7}, {}, False),
        ({"temperature": 0}, {"temperature": 1}, False),
        ({"temperature": 1}, {"temperature": 0}, True),
    ],
    ids=str,
)
def test_only_calls_at_temperature_0_are_admitted(params: Any, extra: Any, admitted: bool) -> None:
    request = ChatRequest([], "m", params, extra_body=extra)
    assert ChatCache().admits(request) is admitted
    assert ChatCache(any_temperature=True).admits(request)


ENDINGS: dict[str, tuple[Choice, bool]] = {
    "an answer": (Choice(text="x", finish_reason="stop"), True),
    "one that reached the limit, which is part of the call": (Choice(text="x", finish_reason="length"), True),
    "a tool call": (Choice(tool_calls=(ToolCall("1", "f", "{}"),), finish_reason="tool_calls"), True),
    "one that a filter stopped": (Choice(text="x", finish_reason="content_filter"), False),
    "one of which nobody said that it ended": (Choice(text="x"), False),
    "a refusal": (Choice(text="x", refusal="No.", finish_reason="stop"), False),
    "nothing at all": (Choice(finish_reason="stop"), False),
    "nothing but thoughts": (Choice(reasoning="Hm.", finish_reason="length"), False),
}


@pytest.mark.parametrize(("choice", "kept"), ENDINGS.values(), ids=ENDINGS.keys())
def test_only_whole_answers_are_remembered(choice: Choice, kept: bool) -> None:
    cache = ChatCache()
    cache.put(b"k", replace(REPLY, choices=(choice,)))
    assert (cache.get(b"k") is not None) is kept
    cache.put(b"two", replace(REPLY, choices=(REPLY.choices[0], choice)))
    assert (cache.get(b"two") is not None) is kept


def test_what_json_cannot_say_is_not_remembered() -> None:
    cache = ChatCache()
    deep: Any = []
    for _ in range(200_000):  # deeper than json of any Python goes
        deep = [deep]
    cache.put(b"k", replace(REPLY, raw={"deep": deep}))
    cache.put(b"o", replace(REPLY, raw={"odd": object()}))
    assert (cache.get(b"k"), cache.get(b"o")) == (None, None)


def test_a_remembered_answer_cost_nothing_and_is_the_callers_own() -> None:
    cache = ChatCache()
    cache.put(b"k", REPLY)
    one, two = cache.get(b"k"), cache.get(b"k")
    assert one is not None
    assert one == two
    assert one.raw is not two.raw  # type: ignore[union-attr]
    assert (one.choices, one.usage, one.raw) == (REPLY.choices, REPLY.usage, REPLY.raw)
    meta = one.meta
    assert (meta.cached, meta.attempts, str(meta.cost)) == (
        True,
        0,
        "$0 (price list; remembered from an earlier call: nothing was sent)",
    )
    assert (meta.provider, meta.request_id, meta.headers) == ("groq", "id-1", {})  # headers may hold cookies


# --- keys ---


def key(cache: ChatCache | None = None, request: ChatRequest = REQUEST, target: Target = TARGET) -> bytes:
    return (cache or ChatCache()).key(request, target, target.key)


OTHERS: dict[str, tuple[ChatRequest, Target]] = {
    "another message": (replace(REQUEST, messages=[{"role": "user", "content": "else"}]), TARGET),
    "one message more": (replace(REQUEST, messages=[*REQUEST.messages] * 2), TARGET),
    "another model": (replace(REQUEST, model="org/name"), TARGET),
    "another parameter": (replace(REQUEST, params={"temperature": 0, "max_tokens": 5}), TARGET),
    "tools": (replace(REQUEST, params={"temperature": 0, "tools": []}), TARGET),
    "more in the body": (replace(REQUEST, extra_body={"top_k": 1}), TARGET),
    "reasoning taken out of the text": (replace(REQUEST, reasoning_tags=True), TARGET),
    "another host": (REQUEST, replace(TARGET, base_url="https://other.example/v1")),
    "another account": (REQUEST, Target(TARGET.base_url, ApiKey("hf_other"))),
    "no account": (REQUEST, Target(TARGET.base_url, ApiKey(""))),
    "another payer": (REQUEST, replace(TARGET, bill_to="acme")),
    "another header": (REQUEST, replace(TARGET, headers={"x-project": "one"})),
}


@pytest.mark.parametrize(("request_", "target"), OTHERS.values(), ids=OTHERS.keys())
def test_what_may_change_the_answer_changes_the_key(request_: ChatRequest, target: Target) -> None:
    assert key(request=request_, target=target) != key()


def test_what_cannot_change_it_does_not() -> None:
    cache = ChatCache()
    streamed = replace(
        REQUEST, stream=True, params={"temperature": 0, "stream_options": {"include_usage": False}}
    )
    assert key(cache) == key(cache, streamed) == key() == key(ChatCache(any_temperature=True, ttl=5))
    upper = replace(TARGET, headers={"X-Project": "one", "X-Other": "2"})
    lower = replace(TARGET, headers={"x-other": "2", "x-project": "one"})
    assert key(target=upper) == key(target=lower)


def test_one_cache_between_two_accounts_tells_them_apart_call_by_call() -> None:
    cache, other = ChatCache(), Target(TARGET.base_url, ApiKey("hf_other"))
    assert [key(cache), key(cache, target=other), key(cache)] == [key(), key(target=other), key()]


def test_neither_token_nor_prompt_can_be_read_out_of_a_key() -> None:
    made = key()
    assert len(made) == len(b"chat:") + 32
    for word in (TOKEN.reveal(), SECRET, "swordfish", "org/name", "router.example"):
        assert word.encode() not in made


def test_what_cannot_be_sent_has_no_key() -> None:
    with pytest.raises(BadRequest, match="lone surrogate"):
        key(request=replace(REQUEST, messages=[{"role": "user", "content": "\ud800"}]))


# --- places ---


def test_a_file_is_the_users_own_and_holds_neither_token_nor_prompt(tmp_path: Path) -> None:
    cache = ChatCache(tmp_path / "new" / "folder")
    cache.put(key(), REPLY)
    path = tmp_path / "new" / "folder" / "answers.sqlite"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    cache.close()
    data = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"It is." in data
    assert b"session=1" not in data
    for word in (TOKEN.reveal(), TOKEN.reveal()[4:-4], SECRET):
        assert word.encode() not in data
    again = ChatCache(path)
    assert again.get(key()) is not None
    again.clear()
    assert again.get(key()) is None
    again.close()


def test_making_one_opens_nothing(tmp_path: Path) -> None:
    ChatCache(tmp_path / "cache")
    ChatCache("redis://127.0.0.1:1/0")
    assert list(tmp_path.iterdir()) == []


def test_an_entry_that_cannot_be_read_is_a_miss(tmp_path: Path) -> None:
    cache = ChatCache(tmp_path)
    cache.put(key(), REPLY)
    (written,) = cache._place.store.get_many([key()])
    assert written is not None
    of_the_future = written.replace(b'{"v":1,', b'{"v":2,')
    assert of_the_future != written
    for other in (of_the_future, written[:-1], b"", b'{"v":1,"choices":[]}'):
        cache._place.store.put_many([(key(), other)])
        assert cache.get(key()) is None
    cache.put(key(), REPLY)
    assert cache.get(key()) is not None
    cache.close()


def test_a_broken_file_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = ChatCache(tmp_path)
    cache.put(key(), REPLY)
    cache.close()
    path = tmp_path / "answers.sqlite"
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    data = bytearray(path.read_bytes())
    data[100:] = os.urandom(len(data) - 100)
    path.write_bytes(bytes(data))
    cache = ChatCache(path)
    assert cache.get(key()) is None
    cache.put(key(), REPLY)
    assert cache.get(key()) is not None
    assert (tmp_path / "answers.sqlite.broken").exists()
    cache.close()


def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    vectors = SqliteCache(tmp_path / "vectors.sqlite")
    vectors.put_many([(b"k", b"v")])
    vectors.close()
    with pytest.raises(ConfigError, match="something else, not a cache of answers"):
        ChatCache(vectors.path).get(b"k")
    (tmp_path / "notes.txt").write_text("dear diary")
    with pytest.raises(ConfigError, match=r"notes\.txt is no SQLite file"):
        ChatCache(tmp_path / "notes.txt").get(b"k")
    assert (tmp_path / "notes.txt").read_text() == "dear diary"


def test_a_full_disk_costs_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteCache(tmp_path)
    cache = ChatCache(store)
    with store._database.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(50):
        cache.put(b"%d" % number, replace(REPLY, raw={"long": "x" * 5000}))
    assert cache.get(b"0") is None
    assert caplog.text.count("calls go on without it") == 1
    cache.close()
    store.close()


def test_a_locked_file_costs_one_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteCache(tmp_path, busy_seconds=0.05)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    cache = ChatCache(store)
    cache.put(b"k", REPLY)
    assert cache.get(b"k") is None
    other.close()
    store.close()
    assert "database is locked" in caplog.text


class Plain:
    """The least that a store must be; empty, it counts as false."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self.values)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.values.get(key) for key in keys]

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        self.values.update(items)

    def close(self) -> None:
        self.values.clear()


def test_any_store_will_do_and_stays_its_owners() -> None:
    store = Plain()
    cache = ChatCache(store)
    cache.put(b"k", REPLY)
    cache.close()
    assert cache.get(b"k") is not None
    with pytest.raises(ConfigError, match="has no method `clear`"):
        cache.clear()


@pytest.mark.parametrize(
    ("store", "blocks"),
    [(True, False), (MemoryCache(), False), (Plain(), True), ("folder", True), ("redis://h", True)],
    ids=repr,
)
def test_memory_alone_is_asked_on_the_event_loop(store: Any, blocks: bool) -> None:
    assert ChatCache(store).blocks is blocks


def url_with_password() -> str:
    return "redis://:hunter2hunter2@127.0.0.1:1/0"


def test_a_pickle_finds_the_file_and_leaves_memory_and_passwords_behind(tmp_path: Path) -> None:
    in_file, in_memory = ChatCache(tmp_path, ttl=60, any_temperature=True), ChatCache(max_bytes=2**21)
    in_file.put(b"k", REPLY)
    in_memory.put(b"k", REPLY)
    twin = pickle.loads(pickle.dumps(in_file))
    assert (twin.get(b"k") is not None, twin.any_temperature, twin._place.ttl) == (True, True, 60)
    twin.close()
    in_file.close()
    for empty in (pickle.loads(pickle.dumps(in_memory)), copy.deepcopy(in_memory)):
        assert (empty.get(b"k"), empty._place.max_bytes, empty.blocks) == (None, 2**21, False)
    pickle.loads(pickle.dumps(ChatCache("redis://127.0.0.1:1/0")))
    assert b"hunter2" not in pickle.dumps(ChatCache(url_with_password))
    with pytest.raises(ConfigError, match="holds a password; it is not pickled"):
        pickle.dumps(ChatCache(url_with_password()))


@pytest.mark.parametrize(
    ("cache", "written"),
    [
        (ChatCache(), {"store": True, "any_temperature": False}),
        (
            ChatCache(Path("/x/y.sqlite"), ttl=5, max_bytes=2**21),
            {"store": "/x/y.sqlite", "ttl": 5, "max_bytes": 2**21, "any_temperature": False},
        ),
        (
            ChatCache(url_with_password(), any_temperature=True),
            {"store": "redis://127.0.0.1:1/0", "any_temperature": True},
        ),
        (ChatCache(url_with_password), {"store": True, "any_temperature": False}),
        (ChatCache(Plain()), {"store": True, "any_temperature": False}),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_settings_can_be_written_down_and_read_again(cache: ChatCache, written: dict[str, Any]) -> None:
    assert cache.as_dict() == written
    assert ChatCache.of(json.loads(json.dumps(written))).as_dict() == written


def test_a_cache_is_what_it_was_given_as() -> None:
    cache = ChatCache()
    assert ChatCache.of(cache) is cache
    assert ChatCache.of(True) is ChatCache.of(True) is not cache
    assert ChatCache.of("folder").blocks
    with pytest.raises(ConfigError, match=r"these arguments: .*'stoer'"):
        ChatCache.of({"stoer": True})


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    cache = ChatCache(url_with_password())
    cache.get(b"k")
    for shown in (repr(cache), repr(ChatCache(url_with_password())), repr(ChatCache(url_with_password))):
        assert "hunter2" not in shown
    assert repr(cache) == "ChatCache(RedisCache(127.0.0.1:1, prefix='hfrouter:'), any_temperature=False)"
    assert repr(ChatCache()) == "ChatCache(in memory, any_temperature=False)"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"store": 7}, "cannot be kept in a int"),
        ({"store": ""}, "cannot be kept in a str"),
        ({"store": False}, "cannot be kept in a bool"),
        ({"ttl": 0}, "ttl=0"),
        ({"max_bytes": 5}, "under 1 MiB"),
        ({"store": MemoryCache(), "ttl": 5}, "opened here"),
        ({"store": MemoryCache(), "max_bytes": 2**21}, "opened here"),
        ({"store": "redis://h", "max_bytes": 2**21}, "Redis server"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        ChatCache(**arguments)
