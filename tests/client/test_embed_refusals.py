"""Batches that a host refuses, fails or spoils: what is sent again, what is learnt, and which text is named."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from shared_core import errors
from shared_core.testing import EmbedQuirks, Status

MODEL = "offline/embed-16"
PATH = "/v1/embeddings"
TEXTS = [f"text {n} " + "and more " * (n % 9) for n in range(150)]


def sizes(url: Any) -> list[int]:
    """Texts of each request that the server saw, in the order of their arrival."""
    return [len(seen.json.get("input") or seen.json.get("inputs")) for seen in url.requests]


def one_by_one(caller: Any, texts: list[str]) -> np.ndarray:
    """What the texts' vectors are, each asked for alone."""
    return np.concatenate([caller.embed([text]).vectors for text in dict.fromkeys(texts)])


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_batch_is_sent_in_smaller_ones_and_the_size_is_remembered(
    make: Any, offline_url: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caller = make(model=MODEL)
    offline_url.queue(EmbedQuirks(max_texts=20, over_status=status), path=PATH, times=-1)
    with caplog.at_level(logging.WARNING, "hfrouter"):
        whole = caller.embed(TEXTS)
    assert caplog.records == []  # a refusal that was dealt with is no failure
    assert np.array_equal(whole.vectors[::50], one_by_one(caller, TEXTS[::50]))
    before = len(offline_url.requests)
    caller.embed(TEXTS)
    later = sizes(offline_url)[before:]
    assert max(later) <= 20
    assert sum(later) == 150


def test_a_host_that_refuses_every_size_has_taught_none(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=MODEL)
    offline_url.queue(*[Status(413)] * 4, path=PATH)  # eight texts, four, two, one
    with pytest.raises(errors.InputTooLong):
        caller.embed(TEXTS[:8])
    before = len(offline_url.requests)
    caller.embed(TEXTS[:8])
    assert sizes(offline_url)[before:] == [8]


@pytest.mark.parametrize("status", [400, 413])
def test_a_body_that_is_too_large_is_cut_by_bytes_and_the_size_is_remembered(
    make_plain: Any, offline_url: Any, status: int
) -> None:
    caller = make_plain(model=MODEL)
    offline_url.queue(EmbedQuirks(max_characters=1000, over_status=status), path=PATH, times=-1)
    long = [str(n) * 200 for n in range(10)]
    assert len(caller.embed(long)) == 10
    before = len(offline_url.requests)
    caller.embed(long)
    later = offline_url.requests[before:]
    assert all(seen.status == 200 for seen in later)
    assert len(later) < 10


def test_a_lesson_belongs_to_one_host_and_model(make_plain: Any, offline_url: Any) -> None:
    offline_url.queue(EmbedQuirks(max_texts=8), path=PATH, times=1)
    make_plain(model=MODEL).embed(TEXTS[:64])
    before = len(offline_url.requests)
    make_plain(model="offline/embed-8").embed(TEXTS[:64])
    assert sizes(offline_url)[before:] == [64]


@pytest.mark.parametrize("place", [0, 1, 63, 64, 99])
@pytest.mark.parametrize("status", [400, 413, 422])
def test_the_one_text_that_is_refused_is_named_by_its_place_in_the_list(
    make_plain: Any, offline_url: Any, place: int, status: int
) -> None:
    texts = TEXTS[:100]
    texts[place] = "poison"
    quirk = EmbedQuirks(refuse_marker="poison", refuse_status=status, name_index=False)
    offline_url.queue(quirk, path=PATH, times=-1)
    with pytest.raises(
        (errors.BadRequest, errors.InputTooLong), match=f"^Text {place} was refused"
    ) as caught:
        make_plain(model=MODEL).embed(texts)
    assert caught.value.status == status
    assert caught.value.hint


def test_a_text_beyond_the_models_limit_is_named_and_the_batch_size_stays(
    make_plain: Any, offline_url: Any
) -> None:
    root = offline_url.removesuffix("/v1")
    caller = make_plain(base_url=root, model=None)
    texts = [*TEXTS[:20], "word " * 600, *TEXTS[20:40]]
    with pytest.raises(errors.InputTooLong, match=r"^Text 20 was refused\..*256") as caught:
        caller.embed(texts)
    assert "truncate=True" in caught.value.hint
    before = len(offline_url.requests)
    assert len(caller.embed(texts, truncate=True)) == 41
    assert sorted(sizes(offline_url)[before:]) == [9, 32]


def test_a_refusal_that_is_no_texts_fault_names_none(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model="intfloat/multilingual-e5-large-instruct")
    with pytest.raises(errors.BadRequest) as caught:
        caller.embed(TEXTS[:64], dimensions=8)  # this model's vectors cannot be cut
    assert "Text" not in caught.value.message
    assert "leave `dimensions` out" in caught.value.hint
    offline_url.queue(Status(422, b'{"error": "I take nothing today"}'), path=PATH, times=-1)
    before = len(offline_url.requests)
    with pytest.raises(errors.BadRequest, match="nothing today") as caught:
        caller.embed(TEXTS[:64])
    assert "Text" not in caught.value.message
    assert len(offline_url.requests) - before <= 8  # the way down to one text, and one more


def test_an_empty_text_is_for_the_host_to_judge(make_plain: Any, offline_url: Any) -> None:
    assert len(make_plain(model=MODEL).embed(["a", ""])) == 2
    with pytest.raises(errors.BadRequest, match=r"^Text 1 was refused\..*empty"):
        make_plain(base_url=offline_url.removesuffix("/v1"), model=None).embed(["a", ""])


def test_only_the_batch_that_failed_is_sent_again(make: Any, offline_url: Any) -> None:
    caller = make(model=MODEL)
    offline_url.queue(Status(503, headers={"retry-after": "0"}), path=PATH)
    reply = caller.embed(TEXTS)
    assert reply.meta.attempts == 4
    assert sum(sizes(offline_url)) - 150 in (64, 22)


def test_one_failing_batch_fails_the_call_with_the_number_of_its_own_tries(
    make: Any, offline_url: Any
) -> None:
    caller = make(model=MODEL, max_retries=1)
    offline_url.queue(Status(500), path=PATH, times=-1)
    with pytest.raises(errors.ProviderFailed) as caught:
        caller.embed(TEXTS, max_concurrency=1)
    assert caught.value.attempts == 2
    assert caught.value.model == MODEL
    assert len(offline_url.requests) == 2


@pytest.mark.parametrize(
    "quirk",
    [
        EmbedQuirks(ragged=True),
        EmbedQuirks(nan="NaN"),
        EmbedQuirks(nan="null"),
        EmbedQuirks(count_off=1),
        EmbedQuirks(count_off=-1),
    ],
    ids=["ragged", "NaN", "null", "one too many", "one too few"],
)
def test_a_spoiled_reply_is_asked_for_again_and_refused_in_the_end(
    make_plain: Any, offline_url: Any, quirk: EmbedQuirks
) -> None:
    caller = make_plain(model=MODEL, max_retries=1)
    offline_url.queue(quirk, path=PATH)
    assert len(caller.embed(["a", "b"])) == 2
    offline_url.queue(quirk, path=PATH, times=-1)
    with pytest.raises(errors.MalformedResponse):
        caller.embed(["a", "b"])


def test_vectors_of_another_length_than_earlier_ones_are_refused(make_plain: Any, offline_url: Any) -> None:
    offline_url.queue(EmbedQuirks(), EmbedQuirks(dimensions=7), path=PATH)
    with pytest.raises(errors.MalformedResponse, match="7 dimensions, those of earlier texts 16"):
        make_plain(model=MODEL).embed(TEXTS, max_concurrency=1)
    assert len(offline_url.requests) == 2  # asking again would not help
