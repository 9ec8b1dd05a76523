"""Embedding through the clients: order, arguments, prompts, and the encodings of a reply."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared_core import errors
from shared_core.testing import EmbedQuirks

MODEL = "offline/embed-16"
PATH = "/v1/embeddings"
TEXTS = [f"text {n} " + "and more " * (n % 9) for n in range(150)]


def sizes(url: Any) -> list[int]:
    """Texts of each request that the server saw, in the order of their arrival."""
    return [len(seen.json.get("input") or seen.json.get("inputs")) for seen in url.requests]


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
