"""What embedding servers do otherwise, each scripted: sizes, one bad text, order, shapes, numbers, load."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import numpy as np
import pytest

from shared_core.testing import Cut, EmbedQuirks, Loading, OfflineRouter, SlowHead, Status

Ask = Callable[..., httpx2.Response]

OPENAI, TEI = "/v1/embeddings", "/embed"
PIPELINE = "/hf-inference/models/offline/embed-8/pipeline/feature-extraction"
MODEL = "offline/embed-8"


@pytest.fixture
def ask(router: OfflineRouter) -> Iterator[Ask]:
    """Ask for the vectors of texts on a path, under quirks."""
    with httpx2.Client(timeout=20) as client:

        def send(path: str, texts: Any, *quirks: Any, **body: Any) -> httpx2.Response:
            if quirks:
                router.queue(quirks, path=path)
            key = "input" if path.endswith("embeddings") else "inputs"
            return client.post(router.root + path, json={"model": MODEL, key: texts, **body})

        yield send


def plain(ask: Ask, path: str, texts: Any) -> list[Any]:
    body = ask(path, texts).json()
    return [item["embedding"] for item in body["data"]] if isinstance(body, dict) else body


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        (TEI, 413, "batch size 3 > maximum allowed batch size 2"),
        (TEI, 422, "batch size 3 > maximum allowed batch size 2"),
        (PIPELINE, 413, "batch size 3 > maximum allowed batch size 2"),
        (
            OPENAI,
            413,
            '{"message": "batch size 3 > maximum allowed batch size 2", "code": 413, "type": "Validation"}',
        ),
        (
            OPENAI,
            422,
            '"loc": ["body", "input"], "msg": "List should have at most 2 items after validation, not 3"',
        ),
        (OPENAI, 400, "array too long. Expected at most 2 items, got 3."),
    ],
)
def test_more_texts_than_the_limit_are_refused_and_as_many_are_not(
    ask: Ask, path: str, status: int, told: str
) -> None:
    limit = EmbedQuirks(max_texts=2, over_status=status)
    reply = ask(path, ["a", "b", "c"], limit)
    assert (reply.status_code, told in reply.text) == (status, True), reply.text
    assert ask(path, ["a", "b"], limit).status_code == 200


@pytest.mark.parametrize("path", [OPENAI, TEI, PIPELINE])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_more_characters_than_the_limit_are_refused(ask: Ask, path: str, status: int) -> None:
    limit = EmbedQuirks(max_characters=10, over_status=status)
    assert ask(path, ["abcdef", "ghijk"], limit).status_code == status
    assert ask(path, ["abcdef", "ghij"], limit).status_code == 200


@pytest.mark.parametrize(
    ("path", "told"),
    [(OPENAI, '"loc": ["body", "input", 2]'), (TEI, "`inputs[2]` cannot"), (PIPELINE, "`inputs[2]` cannot")],
)
def test_one_text_is_refused_and_named(ask: Ask, path: str, told: str) -> None:
    reply = ask(path, ["a", "b", "a poisoned c"], EmbedQuirks(refuse_marker="poison"))
    assert (reply.status_code, told in reply.text) == (422, True), reply.text
    nameless = ask(path, ["a poisoned c"], EmbedQuirks(refuse_marker="poison", name_index=False))
    assert nameless.status_code == 422
    assert "0" not in nameless.text
    assert ask(path, ["a", "b"], EmbedQuirks(refuse_marker="poison")).status_code == 200


def test_whether_empty_texts_are_refused_can_be_turned_round(ask: Ask) -> None:
    assert ask(OPENAI, ["a", ""], EmbedQuirks(refuse_empty=True)).status_code == 400
    assert ask(TEI, ["a", ""], EmbedQuirks(refuse_empty=False)).status_code == 200


def test_vectors_out_of_order_are_told_by_their_index_alone(ask: Ask) -> None:
    texts = ["a", "b", "c"]
    usual = plain(ask, OPENAI, texts)
    data = ask(OPENAI, texts, EmbedQuirks(reverse=True)).json()["data"]
    assert [item["index"] for item in data] == [2, 1, 0]
    assert [item["embedding"] for item in data] == usual[::-1]
    assert "index" not in ask(OPENAI, texts, EmbedQuirks(index=False)).json()["data"][0]


def test_a_server_may_give_a_vector_a_token(ask: Ask) -> None:
    rows = ask(PIPELINE, ["a red fox", "bread"], EmbedQuirks(tokens="one a text")).json()
    assert [np.shape(row) for row in rows] == [(3, 8), (1, 8)]
    nested = ask(PIPELINE, ["a red fox", "bread"], EmbedQuirks(tokens="nested")).json()
    assert nested == [[row] for row in rows]


def test_a_list_of_one_may_come_back_flat(ask: Ask) -> None:
    assert np.shape(ask(TEI, ["bread"], EmbedQuirks(flat=True)).json()) == (384,)
    assert np.shape(ask(TEI, ["bread", "fox"], EmbedQuirks(flat=True)).json()) == (2, 384)


def test_the_array_may_be_wrapped_in_an_object(ask: Ask) -> None:
    wrapped = ask(TEI, ["bread"], EmbedQuirks(wrapped="embeddings")).json()
    assert wrapped == {"embeddings": plain(ask, TEI, ["bread"])}


def test_base64_is_refused_or_not_listened_to(ask: Ask) -> None:
    assert ask(OPENAI, ["a"], EmbedQuirks(base64="refuse"), encoding_format="base64").status_code == 400
    assert ask(OPENAI, ["a"], EmbedQuirks(base64="refuse")).status_code == 200
    ignored = ask(OPENAI, ["a"], EmbedQuirks(base64="ignore"), encoding_format="base64").json()
    assert [item["embedding"] for item in ignored["data"]] == plain(ask, OPENAI, ["a"])


@pytest.mark.parametrize("path", [OPENAI, TEI, PIPELINE])
def test_vectors_of_a_wrong_size_or_number_are_on_offer(ask: Ask, path: str) -> None:
    def sizes(quirks: EmbedQuirks) -> list[int]:
        body = ask(path, ["a", "b"], quirks).json()
        rows = [item["embedding"] for item in body["data"]] if isinstance(body, dict) else body
        return [len(row) for row in rows]

    own = len(plain(ask, path, ["a"])[0])
    assert sizes(EmbedQuirks(dimensions=5)) == [5, 5]
    assert sizes(EmbedQuirks(ragged=True)) == [own, own - 1]
    assert sizes(EmbedQuirks(count_off=-1)) == [own]
    assert sizes(EmbedQuirks(count_off=2)) == [own] * 4
    assert sizes(EmbedQuirks(count_off=-2)) == []


@pytest.mark.parametrize("path", [OPENAI, TEI])
def test_a_number_may_be_none_at_all(ask: Ask, path: str) -> None:
    usual = plain(ask, path, ["a", "b"])
    for spelt, read in (("NaN", "nan"), ("null", None)):
        body = ask(path, ["a", "b"], EmbedQuirks(nan=spelt)).json()
        first, last = [item["embedding"] for item in body["data"]] if isinstance(body, dict) else body
        assert first == usual[0]
        assert (last[0] if read is None else str(last[0])) == read
        assert last[1:] == usual[1][1:]


def test_packed_numbers_go_wrong_in_the_same_ways(ask: Ask) -> None:
    quirks = EmbedQuirks(nan="NaN", ragged=True)
    data = ask(OPENAI, ["a", "b"], quirks, encoding_format="base64").json()["data"]
    first, last = (np.frombuffer(base64.b64decode(item["embedding"]), "<f4") for item in data)
    assert (len(first), len(last)) == (8, 7)
    assert np.isnan(last).tolist() == [True] + [False] * 6
    assert not np.isnan(first).any()


def test_usage_may_be_missing(ask: Ask) -> None:
    assert "usage" not in ask(OPENAI, ["a"], EmbedQuirks(usage=False)).json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"over_status": 500},
        {"tokens": "two"},
        {"base64": "no"},
        {"nan": "Infinity"},
        {"refuse_status": 200},
        {"max_texts": 0},
        {"max_characters": -1},
        {"dimensions": 0},
        {"max_in_flight": -1},
    ],
)
def test_a_quirk_that_is_not_on_offer_is_an_error_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EmbedQuirks(**wrong)


@pytest.mark.parametrize("path", [OPENAI, TEI, PIPELINE])
def test_the_faults_of_chat_befall_vectors_too(ask: Ask, router: OfflineRouter, path: str) -> None:
    busy = ask(path, ["a"], Status(429, {"error": "busy"}, {"Retry-After": "7"}))
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    cold = ask(path, ["a"], Loading(12.5))
    assert (cold.status_code, cold.json()["estimated_time"]) == (503, 12.5)
    with pytest.raises(httpx2.RemoteProtocolError):
        ask(path, ["a"], Cut(after=20))
    assert ask(path, ["a"]).status_code == 200
    assert router.queued == 0


def test_a_script_may_be_for_every_path_that_fits(ask: Ask, router: OfflineRouter) -> None:
    router.queue(Status(503), path="/hf-inference/*")
    assert [ask(path, ["a"]).status_code for path in (OPENAI, PIPELINE, PIPELINE)] == [200, 503, 200]
    router.queue(Status(418), path=PIPELINE, match=MODEL)
    assert ask(PIPELINE, ["a"]).status_code == 418


async def test_the_most_requests_at_a_time_are_counted(router: OfflineRouter) -> None:
    router.queue(SlowHead(0.05), path=OPENAI, times=-1)
    async with httpx2.AsyncClient(timeout=20) as client:
        bodies = [{"model": MODEL, "input": f"text {number}"} for number in range(6)]
        replies = await asyncio.gather(*(client.post(router.root + OPENAI, json=body) for body in bodies))
    assert [reply.status_code for reply in replies] == [200] * 6
    assert 2 <= router.in_flight_max <= 6
    assert len(router.requests) == 6


@pytest.mark.parametrize(
    ("path", "told"), [(TEI, '"error_type": "Overloaded"'), (OPENAI, '"code": "rate_limit_exceeded"')]
)
async def test_more_requests_at_a_time_than_a_server_takes_are_refused(
    router: OfflineRouter, path: str, told: str
) -> None:
    router.queue((EmbedQuirks(max_in_flight=2), SlowHead(0.2)), path=path, times=-1)
    async with httpx2.AsyncClient(timeout=20) as client:
        body = {"model": MODEL, "input": "a", "inputs": "a"}
        replies = await asyncio.gather(*(client.post(router.root + path, json=body) for _ in range(5)))
    refused = [reply for reply in replies if reply.status_code == 429]
    assert 1 <= len(refused) <= 3
    assert all(told in reply.text for reply in refused)
