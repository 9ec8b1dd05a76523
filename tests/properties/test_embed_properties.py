"""Whatever the list, the limits and the batches: each text gets its own vector, in its own place."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_core.client.batches import LESSONS, cut, size_of
from shared_core.client.costing import Costing
from shared_core.client.embedding import Embedding
from shared_core.client.exchange import Exchange
from shared_core.client.pipeline import policies
from shared_core.client.settings import Keyring
from shared_core.client.spread import Pace
from shared_core.client.vectors import EmbedExchange
from shared_core.errors import MalformedResponse, RouterError
from shared_core.flow.blocking import BlockingRun
from shared_core.providers import Limits, Route
from shared_core.types import (
    ApiKey,
    Call,
    EmbedReply,
    EmbedRequest,
    HttpRequest,
    Progress,
    Target,
    Timeouts,
    Waits,
)
from shared_core.wire.embeddings import parse

texts = st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=40)
floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


def vector_of(text: str) -> list[float]:
    """A vector that tells the text."""
    return [float(len(text)), float(sum(map(ord, text)) % 9973), float(ord(text[0]) if text else -1)]


class Reply:
    """A reply, handed out in pieces of a given size."""

    def __init__(self, status: int, value: Any, piece: int) -> None:
        body = json.dumps(value).encode()
        self.status, self.headers = status, {"content-type": "application/json"}
        self.pieces = [body[start : start + piece] for start in range(0, len(body), piece)]

    def read(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def drain(self, most_bytes: int, seconds: float) -> None:
        self.pieces.clear()

    def close(self) -> None:
        self.pieces.clear()


class Host:
    """A host with limits of its own, which it tells only by refusing."""

    def __init__(self, most_texts: int, most_bytes: int, piece: int, packs: bool) -> None:
        self.most_texts, self.most_bytes, self.piece, self.packs = most_texts, most_bytes, piece, packs
        self.sent: list[list[str]] = []

    def send(self, request: HttpRequest, waits: Waits) -> Reply:
        body = json.loads(request.body)
        batch: list[str] = body["input"]
        self.sent.append(batch)
        if len(batch) > self.most_texts:
            return Reply(422, {"error": f"batch size {len(batch)} > maximum"}, self.piece)
        if len(batch) > 1 and sum(map(size_of, batch)) > self.most_bytes:
            return Reply(413, {"error": "payload too large"}, self.piece)
        rows = [np.array(vector_of(text), "<f4") for text in batch]
        packed = [base64.b64encode(row).decode() if self.packs else row.tolist() for row in rows]
        data = [{"index": n, "embedding": row} for n, row in enumerate(packed)]
        return Reply(200, {"data": data[::-1]}, self.piece)

    def close(self) -> None:
        """Has nothing to close."""


def embed(host: Host, given: Sequence[str], limits: Limits, pace: Pace) -> EmbedReply:
    waits = Waits(Timeouts(), lambda: 0.0, streamed=False)
    request = EmbedRequest(list(given), "m", places=range(len(given)))
    call = Call(request, Target("http://h", ApiKey("k")), waits, Progress(0.0))
    route = Route("http://h", "http://h/embeddings", "openai", "m", limits)
    LESSONS.clear()
    exchange = EmbedExchange(Exchange(Keyring()), route, LESSONS.of(route.url, route.model))
    flow = Embedding(call, route, exchange, policies(max_retries=0, patience=0.0), pace, Costing()).run()
    return BlockingRun(flow, host).finish()


@given(
    texts,
    st.integers(1, 8),
    st.integers(1, 64),
    st.integers(1, 12),
    st.integers(1, 80),
    st.integers(1, 4),
    st.integers(1, 50),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_any_split_into_batches_gives_each_text_its_vector_in_its_place(
    given: list[str],
    host_texts: int,
    host_bytes: int,
    our_texts: int,
    our_bytes: int,
    at_once: int,
    piece: int,
    packs: bool,
) -> None:
    host = Host(host_texts, host_bytes, piece, packs)
    reply = embed(host, given, Limits(our_texts, our_bytes, 10**6), Pace(None, at_once))
    assert reply.vectors.tolist() == np.array([vector_of(text) for text in given], np.float32).tolist()
    answered = [batch for batch in host.sent if len(batch) <= host_texts]
    assert {text for batch in answered for text in batch} == set(given)
    assert reply.meta.attempts == len(host.sent)


@given(st.lists(st.integers(0, 50)), st.integers(1, 9), st.integers(1, 120))
def test_cutting_loses_nothing_repeats_nothing_and_keeps_to_the_limits(
    sizes: list[int], most_texts: int, most_bytes: int
) -> None:
    parts = list(cut(sizes, lambda: (most_texts, most_bytes)))
    assert [n for part in parts for n in range(part.start, part.stop)] == list(range(len(sizes)))
    for part in parts:
        piece = sizes[part]
        assert 1 <= len(piece) <= most_texts
        assert sum(piece) <= most_bytes or len(piece) == 1


@given(st.lists(st.lists(floats, min_size=3, max_size=3), min_size=1, max_size=6), st.randoms())
def test_numbers_and_base64_come_out_alike_in_whatever_order(rows: list[list[float]], random: Any) -> None:
    wanted = np.array(rows, dtype=np.float32)
    request = EmbedRequest(["x"] * len(rows), "m")
    for spelt in (rows, [base64.b64encode(np.array(row, "<f4")).decode() for row in rows]):
        data = [{"index": n, "embedding": row} for n, row in enumerate(spelt)]
        random.shuffle(data)
        assert np.array_equal(parse({"data": data}, request, "openai", {}).vectors, wanted)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
replies = json_values | st.fixed_dictionaries(
    {"data": st.lists(st.fixed_dictionaries({"embedding": json_values}, optional={"index": json_values}))}
)


@given(replies, st.integers(1, 3), st.sampled_from(["openai", "feature-extraction"]))
@settings(max_examples=300)
def test_whatever_a_host_replies_it_is_sound_vectors_or_one_of_our_errors(
    value: Any, count: int, dialect: Any
) -> None:
    request = EmbedRequest(["x"] * count, "m")
    with contextlib.suppress(RouterError):
        found = parse(value, request, dialect, {})
        assert found.vectors.shape[0] == count
        assert found.vectors.shape[1] > 0
        assert np.isfinite(found.vectors).all()


@given(st.integers(1, 5), st.integers(0, 7))
def test_any_other_number_of_vectors_is_refused(count: int, given: int) -> None:
    request = EmbedRequest(["x"] * count, "m")
    value = {"data": [{"index": n, "embedding": [1.0]} for n in range(given)]}
    if given == count:
        assert len(parse(value, request, "openai", {}).vectors) == count
        return
    with pytest.raises(MalformedResponse, match=f"{given} vectors for {count} texts"):
        parse(value, request, "openai", {})
