"""Embedding through the clients: order, batches, concurrency, refusals, limits of time."""

from __future__ import annotations

import io
import logging
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shared_core import errors
from shared_core.client.progress import Bar
from shared_core.testing import EmbedQuirks, SlowHead, Status

MODEL = "offline/embed-16"
PATH = "/v1/embeddings"
TEXTS = [f"text {n} " + "and more " * (n % 9) for n in range(150)]


def sizes(url: Any) -> list[int]:
    """Texts of each request that the server saw, in the order of their arrival."""
    return [len(seen.json.get("input") or seen.json.get("inputs")) for seen in url.requests]


def one_by_one(caller: Any, texts: list[str]) -> np.ndarray:
    """What the texts' vectors are, each asked for alone."""
    return np.concatenate([caller.embed([text]).vectors for text in dict.fromkeys(texts)])


def test_vectors_stand_in_the_order_of_the_texts_and_the_reply_adds_everything_up(
    make: Any, offline_url: Any
) -> None:
    caller = make(model=MODEL)
    reply = caller.embed(TEXTS)
    assert reply.vectors.shape == (150, 16)
    assert reply.vectors.dtype == np.float32
    assert sorted(sizes(offline_url)) == [22, 64, 64]
    assert reply.meta.attempts == 3
    assert (reply.meta.model, reply.meta.provider, reply.meta.url) == (MODEL, None, offline_url)
    assert reply.meta.latency_s > 0
    assert reply.meta.request_id in {seen.headers.get("x-request-id") for seen in offline_url.requests} | {
        reply.meta.headers["x-request-id"]
    }
    assert reply.notes == ()
    some = TEXTS[::40]
    alone = [caller.embed([text]) for text in some]
    assert np.array_equal(reply.vectors[::40], np.concatenate([one.vectors for one in alone]))
    assert reply.tolist()[0] == reply.vectors[0].tolist()
    assert len(reply) == 150


def test_usage_is_the_sum_over_all_requests(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=MODEL)
    whole, parts = caller.embed(TEXTS), [caller.embed([text]) for text in TEXTS[:3]]
    assert whole.usage.prompt_tokens == whole.usage.total_tokens > 150
    assert caller.embed(TEXTS[:3]).usage.prompt_tokens == sum(part.usage.prompt_tokens for part in parts)
    offline_url.queue(EmbedQuirks(usage=False), path=PATH)
    assert caller.embed(["x"]).usage is None


def test_equal_texts_are_sent_once_and_each_gets_its_vector(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=MODEL)
    reply = caller.embed(["a", "b", "a", "a", "c", "b"])
    (sent,) = offline_url.requests
    assert sent.json["input"] == ["a", "b", "c"]
    assert [row.tolist() for row in reply.vectors[[0, 1, 4]]] == [
        row.tolist() for row in reply.vectors[[2, 5, 4]]
    ]
    assert not np.array_equal(reply.vectors[0], reply.vectors[1])


def test_texts_are_never_altered(make_plain: Any, offline_url: Any) -> None:
    odd = [" \n a \n", "\x00", "Ünï\u2028cødé 𝔘", "x" * 1_000_000, "", "'\"\\"]
    reply = make_plain(model=MODEL).embed(odd)
    sent = [text for seen in offline_url.requests for text in seen.json["input"]]
    assert sorted(sent) == sorted(odd)
    assert len(reply) == 6


def test_an_empty_list_asks_nobody(make: Any, offline_url: Any) -> None:
    caller = make(model=MODEL)
    assert caller.embed([]).vectors.shape == (0, 0)
    assert caller.embed((), dimensions=8).vectors.shape == (0, 8)
    assert caller.rerank("q", []).order.tolist() == []
    assert offline_url.requests == []


def test_any_iterable_of_texts_will_do(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=MODEL)
    assert len(caller.embed(text for text in ("a", "b"))) == 2
    assert len(caller.embed(np.array(["a", "b"]))) == 2
    assert len(caller.embed({"a": 1, "b": 2}.keys())) == 2


BAD_ARGUMENTS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a text instead of a list": ("hello", {}, "list of one"),
    "bytes": (b"hello", {}, "not bytes"),
    "a dictionary": ({"a": "b"}, {}, "not dict"),
    "no list": (7, {}, "not int"),
    "a number among the texts": (["a", 5], {}, "Text 1 of texts is of type int"),
    "None among the texts": (["a", "b", None], {}, "Text 2 of texts is of type NoneType"),
    "a lone surrogate": (["a", "b\ud800"], {}, r"Text 1 of texts holds a lone surrogate \(U\+D800\)"),
    "an unknown kind": (["a"], {"kind": "passage"}, "neither 'query' nor 'document'"),
    "dimensions of nothing": (["a"], {"dimensions": 0}, "dimensions=0"),
    "dimensions in halves": (["a"], {"dimensions": 1.5}, "dimensions=1.5"),
    "an empty batch": (["a"], {"batch_size": 0}, "batch_size=0"),
    "nobody at work": (["a"], {"max_concurrency": 0}, "max_concurrency=0"),
    "True for a number": (["a"], {"max_concurrency": True}, "max_concurrency=True"),
    "an unknown argument": (["a"], {"dimension": 5}, "Did you mean 'dimensions'"),
    "two prompts": (
        ["a"],
        {"document_prompt": "x", "prompt_name": "y"},
        "Both document_prompt and prompt_name",
    ),
    "a prompt that is none": (["a"], {"document_prompt": 5}, "document_prompt is of type int"),
    "no time": (["a"], {"timeout": 0}, "total=0"),
    "an authorization header": (["a"], {"extra_headers": {"Authorization": "x"}}, "cannot be set"),
    "a body that is none": (["a"], {"extra_body": [1]}, "extra_body is a list"),
}


@pytest.mark.parametrize(("texts", "options", "words"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS.keys())
def test_what_cannot_work_is_told_before_anything_is_sent(
    make_plain: Any, offline_url: Any, texts: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(errors.ConfigError, match=words):
        make_plain(model=MODEL).embed(texts, **options)
    assert offline_url.requests == []


def test_an_openai_style_host_needs_a_model(make_plain: Any) -> None:
    with pytest.raises(errors.ConfigError, match="No model"):
        make_plain(model=None).embed(["a"])


def test_prompts_are_put_in_front_by_kind(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=MODEL)
    prompts = {"query_prompt": "query: ", "document_prompt": "passage: "}
    caller.embed(["a"], "query", **prompts)
    caller.embed(["a"], **prompts)
    caller.embed(["a"], "query", document_prompt="passage: ")
    assert [seen.json["input"] for seen in offline_url.requests] == [["query: a"], ["passage: a"], ["a"]]


def test_a_host_that_keeps_prompts_is_sent_their_name(make_plain: Any, offline_url: Any) -> None:
    root = offline_url.removesuffix("/v1")
    caller = make_plain(base_url=root, model=None)
    with pytest.raises(errors.BadRequest, match="prompt_name"):  # this server keeps none
        caller.embed(["a"], prompt_name="query")
    assert offline_url.requests[0].json == {"inputs": ["a"], "prompt_name": "query"}


def test_what_an_openai_style_host_cannot_be_told_is_refused_or_noted(
    make_plain: Any, offline_url: Any
) -> None:
    caller = make_plain(model=MODEL)
    with pytest.raises(errors.ConfigError, match="prompt_name='query'") as caught:
        caller.embed(["a"], "query", prompt_name="query")
    assert "query_prompt" in caught.value.hint
    assert offline_url.requests == []
    reply = caller.embed(["a"], truncate=True, normalize=False)
    assert [note.split(":")[0] for note in reply.notes] == [
        "An OpenAI-style host cannot be told whether to cut long texts",
        "An OpenAI-style host cannot be told not to normalise",
    ]
    (sent,) = offline_url.requests
    assert sent.json.keys() == {"model", "input", "encoding_format"}


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


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_requests_are_under_way_than_was_asked_for(make: Any, offline_url: Any, most: int) -> None:
    caller = make(model=MODEL)
    offline_url.queue(SlowHead(0.02), path=PATH, times=-1)
    caller.embed(TEXTS, batch_size=10, max_concurrency=most)
    assert len(offline_url.requests) == 15
    assert offline_url.in_flight_max == most


def test_eight_requests_are_under_way_by_default_on_connections_that_are_kept(
    make_plain: Any, offline_url: Any
) -> None:
    caller = make_plain(model=MODEL)
    offline_url.queue(SlowHead(0.02), path=PATH, times=-1)
    caller.embed(TEXTS, batch_size=5)
    assert offline_url.in_flight_max == 8
    assert len({seen.connection for seen in offline_url.requests}) == 8


def test_the_time_limit_is_that_of_the_whole_list(make: Any, offline_url: Any) -> None:
    caller = make(model=MODEL)
    offline_url.queue(SlowHead(0.2), path=PATH, times=-1)
    with pytest.raises(errors.TimedOut, match=r"within 0\.5 s"):
        caller.embed(TEXTS, batch_size=10, max_concurrency=2, timeout=0.5)
    assert offline_url.wait_idle()


def test_without_a_limit_of_the_users_each_request_has_the_usual_time(
    make_plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 0.0

    def a_minute_goes_by(done: int, total: int) -> None:
        nonlocal passed
        passed += 60

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed, time=time.time)
    monkeypatch.setattr("shared_core.client.base.time", clock)
    slow: dict[str, Any] = {"batch_size": 10, "max_concurrency": 1, "progress": a_minute_goes_by}
    caller = make_plain(model=MODEL, timeout=None)
    assert len(caller.embed(TEXTS, **slow)) == 150
    assert passed == 15 * 60
    with pytest.raises(errors.TimedOut, match="within 120 s"):
        caller.embed(TEXTS, timeout=120, **slow)
    assert 17 * 60 <= passed <= 18 * 60  # one request may be under way when the time is over


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


@pytest.mark.parametrize(
    "quirk", [EmbedQuirks(reverse=True), EmbedQuirks(index=False)], ids=["reversed", "bare"]
)
def test_the_index_counts_and_not_the_order(make_plain: Any, offline_url: Any, quirk: EmbedQuirks) -> None:
    caller = make_plain(model=MODEL)
    usual = caller.embed(TEXTS[:5]).vectors
    offline_url.queue(quirk, path=PATH)
    assert np.array_equal(caller.embed(TEXTS[:5]).vectors, usual)


def test_base64_is_asked_for_and_a_host_that_sends_numbers_is_as_good(
    make_plain: Any, offline_url: Any
) -> None:
    caller = make_plain(model=MODEL)
    usual = caller.embed(TEXTS[:5]).vectors
    assert offline_url.requests[0].json["encoding_format"] == "base64"
    offline_url.queue(EmbedQuirks(base64="ignore"), path=PATH)
    assert np.array_equal(caller.embed(TEXTS[:5]).vectors, usual)


def test_a_host_that_refuses_base64_is_not_asked_for_it_again(make: Any, offline_url: Any) -> None:
    caller = make(model=MODEL)
    usual = caller.embed(TEXTS[:5]).vectors
    offline_url.queue(EmbedQuirks(base64="refuse"), path=PATH, times=-1)
    assert np.array_equal(caller.embed(TEXTS[:5]).vectors, usual)
    caller.embed(["x"])
    assert [seen.json.get("encoding_format") for seen in offline_url.requests] == [
        "base64",
        "base64",
        None,
        None,
    ]


def test_an_encoding_of_the_users_own_is_left_alone(make_plain: Any, offline_url: Any) -> None:
    make_plain(model=MODEL).embed(["a"], extra_body={"encoding_format": "float", "user": "me"})
    (sent,) = offline_url.requests
    assert (sent.json["encoding_format"], sent.json["user"]) == ("float", "me")


def test_a_reply_of_token_vectors_is_averaged_with_a_note(make_plain: Any, offline_url: Any) -> None:
    root = offline_url.removesuffix("/v1")
    caller = make_plain(
        model="facebook/bart-base", base_url=offline_url, embedding_api="router", hub_url=root
    )
    reply = caller.embed(["one two three", "four"])
    assert reply.vectors.shape == (2, 768)
    assert "averaged" in reply.notes[0]


def test_progress_is_told_after_each_batch(make: Any) -> None:
    told: list[tuple[int, int]] = []
    make(model=MODEL).embed([*TEXTS, TEXTS[0]], batch_size=50, progress=lambda *seen: told.append(seen))
    assert told == [(50, 150), (100, 150), (150, 150)]


def test_an_error_of_the_progress_function_ends_the_call(make: Any) -> None:
    def complain(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make(model=MODEL).embed(TEXTS, progress=complain)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_shows_rate_and_time_left_on_one_line() -> None:
    screen, clock = Terminal(), iter([0.0, 10.0, 10.01, 100.0])
    bar = Bar(screen, lambda: next(clock))
    bar(1000, 10_000)
    bar(1001, 10_000)  # too soon to draw again
    bar(10_000, 10_000)
    first, last = (line.strip() for line in screen.getvalue().strip().split("\r"))
    assert first.endswith("1,000/10,000 texts, 100/s, 2 min left")
    assert last.endswith("10,000/10,000 texts, 100/s")
    assert screen.getvalue().endswith("\n")


def test_the_bar_is_silent_where_there_is_no_terminal(
    make_plain: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make_plain(model=MODEL).embed(TEXTS, progress=True)
    assert capsys.readouterr() == ("", "")


def test_the_bar_is_drawn_on_a_terminal(make_plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    make_plain(model=MODEL).embed(TEXTS, progress=True)
    assert "150/150 texts" in screen.getvalue()


def test_reranking_scores_every_document_in_batches_and_names_the_best(make: Any, offline_url: Any) -> None:
    documents = [f"text about {n}" for n in range(100)]
    openai = make(model="offline/rerank").rerank("about 7", documents, top_n=3)
    tei = make(model=None, base_url=offline_url.removesuffix("/v1")).rerank("about 7", documents)
    assert openai.scores.shape == (100,)
    assert openai.order.tolist() == np.argsort(-openai.scores, kind="stable")[:3].tolist()
    assert openai.order[0] == 7
    assert len(tei.order) == 100
    assert np.allclose(openai.scores, tei.scores)
    assert openai.usage.prompt_tokens > 100
    assert [seen.path for seen in offline_url.requests] == ["/v1/rerank"] * 2 + ["/rerank"] * 4
    assert openai.meta.attempts == 2


def test_reranking_takes_its_arguments_seriously(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model="offline/rerank")
    for wrong in ({"query": 5}, {"documents": "x"}, {"documents": [5]}, {"top_n": 0}, {"top": 1}):
        arguments = {"query": "q", "documents": ["a"], **wrong}
        with pytest.raises(errors.ConfigError):
            caller.rerank(**arguments)
    with pytest.raises(errors.NoRoute, match="No provider behind the router reranks"):
        make_plain(base_url=offline_url, embedding_api="router").rerank("q", ["a"])
    assert offline_url.requests == []
