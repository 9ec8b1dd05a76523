"""`hfrouter budget` and `hfrouter cache` on a real Redis server: what is there, and what is left after emptying."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from shared_core import Budget, HFRouter
from shared_core.cache import ChatCache, RedisCache, contents_of, empty
from shared_core.cli.app import app
from shared_core.testing import offline_router

HELLO = [{"role": "user", "content": "Hello!"}]


@pytest.fixture
def used(redis_server: Any) -> str:
    """A server that answers, vectors, budgets and a stranger's key stand on."""
    url = str(redis_server.url)
    with (
        offline_router(embedder="words") as host,
        HFRouter(
            "offline/echo",
            base_url=host,
            api_key="k",
            chat_cache=ChatCache(url, ttl=3600),
            embedding_cache=url,
            state=url,
            budgets=[Budget(requests=5, per="total", of="tag:user", name="five")],
        ) as router,
    ):
        router.chat(HELLO, temperature=0, usage_tags={"user": "ada"})
        router.embed(["one", "two", "three"], model="offline/embed-4", usage_tags={"user": "ada"})
    RedisCache(url, prefix="stranger:").put_many([(bytes(32), b"1")])
    return url


def test_answers_and_vectors_are_told_apart_and_counted(used: str) -> None:
    answers, vectors = contents_of(used, "answers", ttl=3600), contents_of(used, "vectors")
    assert (answers.entries, vectors.entries) == (1, 3)
    assert answers.oldest is not None
    assert answers.oldest == pytest.approx(answers.newest)
    assert vectors.oldest is None
    assert vectors.value_bytes > 0
    assert "127.0.0.1" in answers.place


def test_emptying_one_leaves_the_other_the_budgets_and_what_is_not_ours(used: str) -> None:
    assert empty(used, "vectors") == 3
    assert contents_of(used, "answers").entries == 1
    assert empty(used, "answers") == 1
    budgets = (
        "--state",
        used,
        "--define",
        '{"requests": 5, "per": "total", "of": "tag:user", "name": "five"}',
    )
    told = json.loads(CliRunner().invoke(app, ["budget", *budgets, "--json"]).stdout)
    assert [(each["value"], each["spent"]) for each in told["budgets"]] == [("ada", 2)]
    assert RedisCache(used, prefix="stranger:").get_many([bytes(32)]) == [b"1"]
    done = CliRunner().invoke(app, ["budget", "grant", "3", "--to", "ada", *budgets])
    assert (done.exit_code, done.stdout) == (0, "five (ada): 2 of 8 requests spent\n")


def test_many_entries_are_counted_and_forgotten(redis_server: Any) -> None:
    cache = RedisCache(redis_server.url)
    cache.put_many([(number.to_bytes(32, "big"), bytes(100)) for number in range(3210)])
    found = contents_of(redis_server.url, "vectors")
    assert (found.entries, found.value_bytes) == (3210, 321_000)
    assert empty(redis_server.url, "vectors") == 3210
    assert contents_of(redis_server.url, "vectors").entries == 0
    cache.close()
