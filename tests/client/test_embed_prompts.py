"""What models are known to want before texts, put there by the clients: unasked, visible, and to be turned off."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core import HFRouter, RouterError, Target
from shared_core.testing import EmbedQuirks, Status

E5 = "intfloat/e5-small-v2"
BGE = "BAAI/bge-small-en-v1.5"
RETRIEVE = "Represent this sentence for searching relevant passages: "
WEB = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"


def sent(url: Any) -> list[str]:
    """Texts that servers saw, of all dialects."""
    bodies = [seen.json for seen in url.requests if seen.method == "POST"]
    return [text for body in bodies for text in body.get("input", body.get("inputs"))]


CASES: dict[str, tuple[str, str, dict[str, Any], str, bool]] = {
    "a query of a pair": (E5, "query", {}, "query: ", True),
    "a document of a pair": (E5, "document", {}, "passage: ", True),
    "a query where documents have none": (BGE, "query", {}, RETRIEVE, True),
    "a document that has none": (BGE, "document", {}, "", False),
    "a copy": ("Xenova/bge-small-en-v1.5", "query", {}, RETRIEVE, True),
    "turned off": (E5, "document", {"document_prompt": ""}, "", False),
    "turned off for the other kind": (E5, "document", {"query_prompt": ""}, "passage: ", True),
    "the user's own": (E5, "query", {"query_prompt": "ask: "}, "ask: ", False),
    "None is no word": (E5, "query", {"query_prompt": None}, "query: ", True),
    "a model that is not known": ("me/e5-small-v2", "query", {}, "", False),
}


@pytest.mark.parametrize(("model", "kind", "options", "prompt", "told"), CASES.values(), ids=CASES.keys())
def test_a_server_sees_the_prompt_and_the_reply_tells_it(
    model: str,
    kind: str,
    options: dict[str, Any],
    prompt: str,
    told: bool,
    make_plain: Any,
    offline_url: Any,
) -> None:
    reply = make_plain(model=model, base_url=offline_url.root).embed(["a", "b"], kind, **options)
    assert sent(offline_url) == [prompt + "a", prompt + "b"]
    assert reply.prompt == prompt
    assert [note for note in reply.notes if "stands before" in note] == list(reply.notes)
    assert len(reply.notes) == told


def test_the_model_of_one_call_counts_and_not_the_client_s(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=E5, base_url=offline_url.root)
    caller.embed(["a"], "query", model=BGE)
    assert sent(offline_url) == [RETRIEVE + "a"]


def test_behind_the_router_the_hub_s_id_counts(make_plain: Any, offline_url: Any) -> None:
    model = "Qwen/Qwen3-Embedding-0.6B:deepinfra"
    caller = make_plain(model=model, embedding_api="router", hub_url=offline_url.root)
    reply = caller.embed(["a"], "query")
    assert sent(offline_url) == [f"{WEB}a"]
    assert (reply.meta.provider, reply.prompt) == ("deepinfra", WEB)


def test_a_prompt_that_the_host_keeps_is_not_put_there_twice(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=E5, base_url=offline_url.root)
    with pytest.raises(RouterError, match="prompt_name"):  # this server keeps none
        caller.embed(["a"], "query", prompt_name="query")
    assert offline_url.requests[0].json == {"inputs": ["a"], "prompt_name": "query"}


def test_a_server_whose_model_nobody_names_gets_plain_texts(make_plain: Any, offline_url: Any) -> None:
    reply = make_plain(model=None, base_url=offline_url.root).embed(["a"], "query")
    assert (sent(offline_url), reply.prompt, reply.notes) == (["a"], "", ())


def test_nothing_to_embed_has_no_prompt(make_plain: Any, offline_url: Any) -> None:
    reply = make_plain(model=E5, base_url=offline_url.root).embed([], "query")
    assert (reply.prompt, reply.notes, offline_url.requests) == ("", (), [])


def test_vectors_with_and_without_it_are_kept_apart(make_plain: Any, offline_url: Any, tmp_path: Any) -> None:
    caller = make_plain(model=E5, base_url=offline_url.root, embedding_cache=tmp_path / "vectors.sqlite")
    caller.embed(["a"], document_prompt="")
    assert caller.embed(["a"]).recalled == 0
    assert sent(offline_url) == ["a", "passage: a"]
    again = caller.embed(["a"], document_prompt="passage: ")
    assert (again.recalled, again.notes) == (1, ())  # the same text was sent before
    assert caller.embed(["a"]).prompt == "passage: "
    assert caller.embed(["passage: a"], document_prompt="").recalled == 0


def test_halves_of_a_batch_get_it_once(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=E5, base_url=offline_url.root)
    offline_url.queue(EmbedQuirks(max_texts=2), path="/embed", times=1)
    caller.embed(["a", "b", "c"])
    assert set(sent(offline_url)) == {"passage: a", "passage: b", "passage: c"}


def test_another_host_gets_the_same_texts(offline_url: Any) -> None:
    model = "intfloat/multilingual-e5-large-instruct"
    other = Target(model=model, base_url=offline_url.root, api_key="any")
    with HFRouter(model, base_url=offline_url, api_key="any", max_retries=0, fallback=[other]) as router:
        offline_url.queue(Status(500), path="/v1/embeddings")
        reply = router.embed(["a"], "query")
    assert [seen.path for seen in offline_url.requests] == ["/v1/embeddings", "/embed"]
    assert sent(offline_url) == [f"{WEB} a", f"{WEB} a"]
    assert reply.prompt == f"{WEB} "


def test_a_refused_text_is_named_by_its_place(make_plain: Any, offline_url: Any) -> None:
    caller = make_plain(model=E5, base_url=offline_url.root)
    offline_url.queue(EmbedQuirks(refuse_marker="bad"), path="/embed", times=-1)
    with pytest.raises(RouterError, match="Text 1 was refused"):
        caller.embed(["fine", "bad"])
