"""Embedding with a cache: what is known is not sent, and what has come back is kept at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from shared_core import HFRouter, errors
from shared_core.cache import SqliteCache
from shared_core.testing import EmbedQuirks, Status

MODEL = "offline/embed-16"
PATH = "/v1/embeddings"
TEXTS = [f"text {n}" for n in range(100)]


class Memory:
    """A cache in a dictionary, which remembers who called it."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.threads: set[threading.Thread] = set()
        self.closed = 0

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        self.threads.add(threading.current_thread())
        return [self.values.get(key) for key in keys]

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        self.threads.add(threading.current_thread())
        self.values.update(items)

    def close(self) -> None:
        self.closed += 1


def sent(url: Any) -> list[str]:
    return [text for seen in url.requests for text in seen.json.get("input", seen.json.get("inputs"))]


def test_what_is_known_is_not_sent_again(make: Any, offline_url: Any) -> None:
    cache = Memory()
    caller = make(model=MODEL, embedding_cache=cache)
    first = caller.embed(TEXTS[:80])
    assert len(cache.values) == 80
    before = len(sent(offline_url))
    again = caller.embed(TEXTS[20:100:2])
    assert sorted(sent(offline_url)[before:]) == sorted(TEXTS[80:100:2])
    assert np.array_equal(again.vectors[:30], first.vectors[20::2])
    before = len(offline_url.requests)
    hits = caller.embed(TEXTS[:80])
    assert len(offline_url.requests) == before
    assert np.array_equal(hits.vectors, first.vectors)
    assert (hits.usage, hits.meta.attempts) == (None, 0)
    assert (first.recalled, again.recalled, hits.recalled) == (0, 30, 80)


def test_an_interrupted_run_has_lost_no_finished_batch(make: Any, offline_url: Any) -> None:
    caller = make(model=MODEL, embedding_cache=Memory(), max_retries=0)
    offline_url.queue(EmbedQuirks(), EmbedQuirks(), Status(401), path=PATH)
    with pytest.raises(errors.Unauthorized) as failure:
        caller.embed(TEXTS, batch_size=10, max_concurrency=1)
    assert failure.value.hint.endswith(
        "20 of 100 texts have their vectors, which are in the cache: the same call goes on from there."
    )
    before = len(sent(offline_url))
    assert before == 30  # two batches, and the one that was refused
    assert len(caller.embed(TEXTS, batch_size=10)) == 100
    assert len(sent(offline_url)) - before == 80


def test_an_interrupted_run_without_a_cache_says_what_one_would_have_saved(
    make_plain: Any, offline_url: Any
) -> None:
    caller = make_plain(model=MODEL, max_retries=0)
    offline_url.queue(EmbedQuirks(), Status(401), Status(401), path=PATH)
    with pytest.raises(errors.Unauthorized) as failure:
        caller.embed(TEXTS, batch_size=10, max_concurrency=1)
    assert "10 of 100 texts had their vectors, which are lost: with `embedding_cache`" in failure.value.hint
    with pytest.raises(errors.Unauthorized) as failure:
        caller.embed(TEXTS[:3])
    assert "vectors" not in failure.value.hint


def test_the_half_of_a_refused_batch_that_was_embedded_is_kept(make_plain: Any, offline_url: Any) -> None:
    cache = Memory()
    offline_url.queue(EmbedQuirks(refuse_marker="text 9", name_index=False), path=PATH, times=-1)
    with pytest.raises(errors.BadRequest, match=r"^Text 9 was"):
        make_plain(model=MODEL, embedding_cache=cache).embed(TEXTS[:10])
    assert len(cache.values) == 9


def test_the_cache_is_asked_off_the_event_loop(offline_url: Any, make_plain: Any) -> None:
    cache = Memory()
    caller = make_plain(model=MODEL, embedding_cache=cache)
    caller.embed(TEXTS)
    if caller.is_async:
        assert threading.main_thread() not in cache.threads
    assert cache.threads


WAYS: dict[str, dict[str, Any]] = {
    "another kind": {"kind": "query"},
    "a prompt": {"document_prompt": "passage: "},
    "another prompt": {"document_prompt": "passage:"},
    "other dimensions": {"dimensions": 8},
    "normalised": {"normalize": True},
    "another model": {"model": "offline/embed-32"},
    "refused rather than cut": {"truncate": False},
    "another key of the body": {"extra_body": {"user": "me"}},
    "another key of the body, again": {"extra_body": {"user": "you"}},
}


def test_the_cache_never_crosses_kind_prompt_model_or_whatever_changes_a_vector(
    make_plain: Any, offline_url: Any
) -> None:
    caller = make_plain(model=MODEL, embedding_cache=Memory())
    ways = [{}, *WAYS.values()]
    for way in ways:
        caller.embed(["same"], **way)
    assert len(offline_url.requests) == len(ways)
    for way in ways:
        caller.embed(["same"], **way)
    assert len(offline_url.requests) == len(ways)


def test_a_text_that_holds_the_prompt_already_is_another_text(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=MODEL, embedding_cache=Memory())
    caller.embed(["passage: x"])
    caller.embed(["x"], document_prompt="passage: ")
    assert len(offline_url.requests) == 2


def test_two_hosts_never_share_a_vector(make_plain: Any, offline_url: Any) -> None:
    cache = Memory()
    root = offline_url.removesuffix("/v1")
    for provider in ("together", "scaleway"):
        make_plain(
            model=f"offline/minilm:{provider}", embedding_api="router", hub_url=root, embedding_cache=cache
        ).embed(["x"])
    make_plain(model="offline/minilm", embedding_cache=cache).embed(["x"])
    assert len(cache.values) == 3


def test_a_vector_of_another_length_is_embedded_anew_or_refused(make_plain: Any, offline_url: Any) -> None:
    cache = Memory()
    caller = make_plain(model=MODEL, embedding_cache=cache)
    caller.embed(TEXTS[:3])
    key = next(iter(cache.values))
    cache.values[key] = cache.values[key][:8]
    assert caller.embed(TEXTS[:3]).vectors.shape == (3, 16)
    offline_url.queue(EmbedQuirks(dimensions=7), path=PATH)
    with pytest.raises(errors.MalformedResponse, match="another cache"):
        caller.embed([*TEXTS[:3], "new"])


def test_true_and_a_path_open_a_file_when_it_is_first_needed(
    make_plain: Any, offline_url: Any, tmp_path: Any
) -> None:
    file = tmp_path / "vectors.sqlite"
    caller = make_plain(model=MODEL, embedding_cache=file)
    assert not file.exists()
    caller.embed(["a"])
    assert file.exists()
    caller.close_router()
    with_object = make_plain(model=MODEL, embedding_cache=SqliteCache(file))
    with_object.embed(["a"])
    assert len(offline_url.requests) == 1
    with_object.router.embedding_cache.close()


def test_a_cache_of_the_users_own_is_the_users_to_close(make_plain: Any) -> None:
    cache = Memory()
    caller = make_plain(model=MODEL, embedding_cache=cache)
    caller.embed(["a"])
    caller.close_router()
    assert cache.closed == 0


def test_what_is_no_cache_is_refused(make_plain: Any) -> None:
    with pytest.raises(errors.ConfigError, match="cache= is of type int"):
        make_plain(model=MODEL, embedding_cache=5).embed(["a"])


def test_a_chat_client_opens_no_cache(offline_url: Any, tmp_path: Any) -> None:
    file = tmp_path / "vectors.sqlite"
    router = HFRouter("offline/echo", base_url=str(offline_url), api_key="k", embedding_cache=file)
    router.chat([{"role": "user", "content": "hello"}])
    router.close()
    assert not file.exists()
