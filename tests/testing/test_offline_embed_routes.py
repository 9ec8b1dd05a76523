"""The offline router's embedding routes: shapes, options, models and refusals as servers have them."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import numpy as np
import pytest

from shared_core.testing import OfflineRouter, offline_router
from shared_core.testing.__main__ import _greeting

Ask = Callable[..., httpx2.Response]

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
PAIRS = {
    "/deepinfra/v1/openai/embeddings": ("Qwen/Qwen3-Embedding-0.6B", 1024),
    "/scaleway/v1/embeddings": ("qwen3-embedding-8b", 4096),
    "/together/v1/embeddings": ("intfloat/multilingual-e5-large-instruct", 1024),
    "/v1/embeddings": (MINILM, 384),
}


def pipeline(model: str) -> str:
    return f"/hf-inference/models/{model}/pipeline/feature-extraction"


@pytest.fixture
def ask(router: OfflineRouter) -> Iterator[Ask]:
    """Post a body to a path."""
    with httpx2.Client(timeout=60) as client:
        yield lambda path, **body: client.post(router.root + path, json=body)


def array_of(reply: httpx2.Response) -> np.ndarray:
    assert reply.status_code == 200, reply.text
    body = reply.json()
    return np.array([item["embedding"] for item in body["data"]] if isinstance(body, dict) else body)


@pytest.mark.parametrize(("path", "model", "size"), [(path, *pair) for path, pair in PAIRS.items()])
def test_an_openai_like_route_answers_in_openais_shape(ask: Ask, path: str, model: str, size: int) -> None:
    body = ask(path, model=model, input=["a red fox", "bread"]).json()
    assert [body["object"], body["model"], body["usage"]] == [
        "list",
        model,
        {"prompt_tokens": 4, "total_tokens": 4},
    ]
    assert [(item["object"], item["index"], len(item["embedding"])) for item in body["data"]] == [
        ("embedding", 0, size),
        ("embedding", 1, size),
    ]
    assert all(math.hypot(*item["embedding"]) == pytest.approx(1) for item in body["data"])


def test_a_text_alone_is_a_list_of_one_in_openais_shape(ask: Ask) -> None:
    assert array_of(ask("/v1/embeddings", model="offline/embed-16", input="bread")).shape == (1, 16)


def test_base64_holds_the_same_numbers_as_little_endian_float32(ask: Ask) -> None:
    body = {"model": "offline/embed-48", "input": ["a red fox", ""]}
    packed = ask("/v1/embeddings", **body, encoding_format="base64").json()["data"]
    unpacked = [np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4") for item in packed]
    np.testing.assert_array_equal(unpacked, array_of(ask("/v1/embeddings", **body)).astype(np.float32))


def test_hf_inference_gives_one_text_one_dimension_and_a_list_two(ask: Ask) -> None:
    alone = array_of(ask(pipeline(MINILM), inputs="bread"))
    listed = array_of(ask(pipeline(MINILM), inputs=["bread", "a red fox"]))
    assert (alone.shape, listed.shape) == ((384,), (2, 384))
    np.testing.assert_array_equal(alone, listed[0])


def test_a_plain_transformer_gives_a_vector_a_token(ask: Ask) -> None:
    reply = ask(pipeline("facebook/bart-base"), inputs="a red fox")
    assert array_of(reply).shape == (1, 3, 768)
    rows = ask(pipeline("offline/tokens-4"), inputs=["a red fox", "bread", ""], dimensions=None)
    assert rows.status_code == 400  # an empty text
    rows = ask(pipeline("offline/tokens-4"), inputs=["a red fox", "bread"]).json()
    assert [len(row) for row in rows] == [3, 1]


@pytest.mark.parametrize("path", ["/embed", "/"])
def test_tei_gives_two_dimensions_always(ask: Ask, path: str) -> None:
    assert array_of(ask(path, inputs="bread")).shape == (1, 384)
    reply = ask(path, inputs=["bread", "a red fox"])
    assert array_of(reply).shape == (2, 384)
    assert (reply.headers["x-compute-tokens"], reply.headers["x-compute-characters"]) == ("4", "14")


def test_every_route_gives_a_model_the_same_vectors(ask: Ask) -> None:
    texts = ["bread", "a red fox"]
    replies = [
        ask("/v1/embeddings", model=MINILM, input=texts),
        ask(pipeline(MINILM), inputs=texts),
        ask("/embed", inputs=texts),
    ]
    first, *others = map(array_of, replies)
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_a_text_has_the_same_vector_in_any_company_and_no_other_text_has_it(ask: Ask) -> None:
    texts = ["dog bites man", "man bites dog", "dog  bites man", "", " ", "?", "!", "DOG bites man"]
    together = array_of(ask("/v1/embeddings", model="offline/embed-384", input=texts))
    apart = [array_of(ask("/v1/embeddings", model="offline/embed-384", input=text))[0] for text in texts]
    np.testing.assert_array_equal(together, apart)
    assert len({row.tobytes() for row in together}) == len(texts)


def test_texts_that_share_words_are_near(ask: Ask) -> None:
    texts = ["the red fox jumps over the dog", "a red fox jumps", "interest rates rose in spring"]
    fox, foxes, rates = array_of(ask("/v1/embeddings", model="offline/embed-384", input=texts))
    assert fox @ foxes > 0.4 > 0.15 > abs(fox @ rates)


def test_normalising_and_cutting_are_as_asked(ask: Ask) -> None:
    raw = array_of(ask(pipeline("offline/embed-64"), inputs="a red fox", normalize=False))
    cut = array_of(ask(pipeline("offline/embed-64"), inputs="a red fox", dimensions=16))
    assert np.linalg.norm(raw) > 2
    np.testing.assert_allclose(cut, raw[:16] / np.linalg.norm(raw[:16]), rtol=1e-6)
    short = array_of(ask("/v1/embeddings", model="offline/embed-64", input="a red fox", dimensions=16))
    np.testing.assert_array_equal(short[0], cut)


def test_a_prompt_is_put_before_the_text(ask: Ask) -> None:
    prompted = array_of(ask(pipeline("offline/embed-64"), inputs="a red fox", prompt_name="query"))
    np.testing.assert_array_equal(
        prompted, array_of(ask(pipeline("offline/embed-64"), inputs="query: a red fox"))
    )


@pytest.mark.parametrize(
    ("direction", "kept"), [(None, slice(256)), ("Right", slice(256)), ("Left", slice(-256, None))]
)
def test_a_long_text_is_cut_on_the_side_asked_for(ask: Ask, direction: str | None, kept: slice) -> None:
    words = [f"w{place}" for place in range(300)]
    cut = array_of(ask("/embed", inputs=" ".join(words), truncate=True, truncation_direction=direction))
    wanted = " ".join(words[kept])
    whole = array_of(ask("/embed", inputs=" " + wanted if direction == "Left" else wanted))
    np.testing.assert_array_equal(cut, whole)


def test_numbers_are_written_as_float32_with_a_point(ask: Ask) -> None:
    text = ask("/v1/embeddings", model="offline/embed-4", input="bread and butter", dimensions=4).text
    numbers = text.partition('"embedding":[')[2].partition("]")[0].split(",")
    assert all("." in number and len(number) <= 14 for number in numbers)


REFUSED: dict[str, tuple[str, dict[str, Any], int, Any]] = {
    "TEI, too many": (
        "/embed",
        {"inputs": ["x"] * 33},
        413,
        {"error": "batch size 33 > maximum allowed batch size 32", "error_type": "Validation"},
    ),
    "TEI, too long": (
        "/embed",
        {"inputs": ["x", "y " * 257]},
        413,
        {
            "error": "Input validation error: `inputs` must have less than 256 tokens. Given: 258",
            "error_type": "Validation",
        },
    ),
    "TEI, no text": (
        "/embed",
        {"inputs": []},
        400,
        {"error": "`inputs` cannot be empty", "error_type": "Empty"},
    ),
    "TEI, empty text": (
        "/embed",
        {"inputs": ["x", ""]},
        400,
        {"error": "Input validation error: `inputs` cannot be empty", "error_type": "Empty"},
    ),
    "TEI, 2 MB": (
        "/embed",
        {"inputs": "x" * 2_000_000},
        413,
        "Failed to buffer the request body: length limit exceeded",
    ),
    "TEI, no inputs": ("/embed", {}, 422, "missing field `inputs`"),
    "TEI, token ids": ("/embed", {"inputs": [[1, 2]]}, 422, "untagged enum Input"),
    "TEI, a number": ("/embed", {"inputs": ["x", 3]}, 422, "untagged enum Input"),
    "TEI, flags that are none": ("/embed", {"inputs": "x", "truncate": "yes"}, 422, "expected a boolean"),
    "TEI, a direction in small letters": (
        "/embed",
        {"inputs": "x", "truncation_direction": "left"},
        422,
        "expected `Left` or `Right`",
    ),
    "TEI, too many dimensions": ("/embed", {"inputs": "x", "dimensions": 385}, 413, "between 1 and 384"),
    "TEI, dimensions that are no number": (
        "/embed",
        {"inputs": "x", "dimensions": "9"},
        422,
        "expected usize",
    ),
    "TEI, no such prompt": (
        "/embed",
        {"inputs": "x", "prompt_name": "query"},
        413,
        "not among the model's prompts",
    ),
    "hf-inference, no such model": (
        pipeline("no/body"),
        {"inputs": "x"},
        404,
        {"error": "Model no/body does not exist"},
    ),
    "hf-inference, not served there": (
        pipeline("Qwen/Qwen3-Embedding-8B"),
        {"inputs": "x"},
        400,
        {"error": "Model not supported by provider hf-inference"},
    ),
    "a provider that fails its health check": (
        pipeline("offline/no-live-provider"),
        {"inputs": "x"},
        400,
        "not supported",
    ),
    "the Hub's name where the provider has its own": (
        "/scaleway/v1/embeddings",
        {"model": "Qwen/Qwen3-Embedding-8B", "input": "x"},
        400,
        {"error": "Model not supported by provider scaleway"},
    ),
    "no such model": ("/v1/embeddings", {"model": "no/body", "input": "x"}, 404, "does not exist"),
    "a model of no dimensions": (
        "/v1/embeddings",
        {"model": "offline/embed-0", "input": "x"},
        404,
        "does not exist",
    ),
    "no model": ("/v1/embeddings", {"input": "x"}, 400, "must provide a model"),
    "no texts": ("/v1/embeddings", {"model": "offline/embed-4", "input": []}, 400, "must not be empty"),
    "token ids": (
        "/v1/embeddings",
        {"model": "offline/embed-4", "input": [1, 2]},
        422,
        "untagged enum Input",
    ),
    "an unknown encoding": (
        "/v1/embeddings",
        {"model": "offline/embed-4", "input": "x", "encoding_format": "hex"},
        400,
        "float or base64",
    ),
    "vectors that may not be cut": (
        "/v1/embeddings",
        {"model": MINILM, "input": "x", "dimensions": 8},
        400,
        "does not support matryoshka",
    ),
    "OpenAI's limit": (
        "/v1/embeddings",
        {"model": "offline/embed-4", "input": ["x"] * 2049},
        400,
        "array_above_max_length",
    ),
    "DeepInfra's limit": (
        "/deepinfra/v1/openai/embeddings",
        {"model": "offline/embed-4", "input": ["x"] * 1025},
        422,
        "at most 1024 items",
    ),
    "too long, in vLLM's words": (
        "/v1/embeddings",
        {"model": MINILM, "input": "y " * 300},
        400,
        "maximum context length is 256 tokens",
    ),
}


@pytest.mark.parametrize(("path", "body", "status", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_is_refused_as_the_real_thing_would(
    ask: Ask, path: str, body: dict[str, Any], status: int, told: Any
) -> None:
    reply = ask(path, **body)
    assert reply.status_code == status
    assert told in reply.text if isinstance(told, str) else reply.json() == told


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embed", pipeline("offline/embed-4")])
@pytest.mark.parametrize(
    ("raw", "status"),
    [(b"{", 400), (b"[1]", 422), (rb'{"model":"offline/embed-4","input":"\ud800","inputs":["\udc00"]}', 400)],
)
def test_what_is_not_json_is_refused(router: OfflineRouter, path: str, raw: bytes, status: int) -> None:
    assert httpx2.post(router.root + path, content=raw).status_code == status


def test_an_empty_text_has_a_vector_on_openai_like_routes(ask: Ask) -> None:
    assert array_of(ask("/v1/embeddings", model="offline/embed-16", input=["", "x"])).shape == (2, 16)


def test_odd_texts_have_vectors(ask: Ask) -> None:
    texts = ["\x00", "日本語 текст", "😀" * 50, "\n\n", "x" * 20_000]
    assert array_of(ask("/v1/embeddings", model="offline/embed-16", input=texts)).shape == (5, 16)


def test_tei_tells_of_itself(router: OfflineRouter) -> None:
    info = httpx2.get(f"{router.root}/info").json()
    assert [info["model_id"], info["max_client_batch_size"], info["max_input_length"]] == [MINILM, 32, 256]
    health = httpx2.get(f"{router.root}/health")
    assert (health.status_code, health.content) == (200, b"")


def test_requests_are_recorded_with_the_model_that_the_path_names(router: OfflineRouter, ask: Ask) -> None:
    ask(pipeline(MINILM), inputs="line\nline")
    ask("/v1/embeddings", model="offline/embed-4", input="x")
    assert [item.model for item in router.requests] == [MINILM, "offline/embed-4"]
    assert router.requests[0].json == {"inputs": "line\nline"}


def test_a_token_is_asked_for_where_there_is_one() -> None:
    with offline_router(embedder="words", token="hf_right") as url:
        for path in (*PAIRS, "/embed", "/rerank", "/v1/rerank", pipeline(MINILM)):
            reply = httpx2.post(
                url.root + path, json={"inputs": "x"}, headers={"authorization": "Bearer hf_no"}
            )
            assert (path, reply.status_code) == (path, 401)


def test_an_alias_stands_for_an_embedding_model() -> None:
    with offline_router(embedder="words", aliases={"BAAI/bge-m3": "offline/embed-24"}) as url:
        body = httpx2.post(f"{url}/embeddings", json={"model": "BAAI/bge-m3", "input": "x"}).json()
        listed = [entry["id"] for entry in httpx2.get(f"{url}/models").json()["data"]]
        served = httpx2.get(f"{url.root}/api/models/BAAI/bge-m3?expand=inferenceProviderMapping").json()
    assert (len(body["data"][0]["embedding"]), body["model"]) == (24, "BAAI/bge-m3")
    assert "BAAI/bge-m3" not in listed  # the router's catalogue is of chat models alone
    assert served["inferenceProviderMapping"]["together"]["providerId"] == "BAAI/bge-m3"


def test_vectors_may_come_from_a_function_of_ones_own() -> None:
    with offline_router(embedder=lambda texts: [[len(text), 1.0] for text in texts]) as url:
        reply = httpx2.post(f"{url.root}/embed", json={"inputs": ["a", "abc"], "normalize": False})
    assert array_of(reply)[:, :4].tolist() == [[1, 1, 1, 1], [3, 1, 3, 1]]


def test_the_command_names_the_models_for_vectors() -> None:
    greeting = _greeting("http://127.0.0.1:8899/v1", None)
    assert "offline/embed-N" in greeting
    assert all(len(line) <= 80 for line in greeting.splitlines())


@pytest.mark.pinned_set
def test_real_minilm_vectors_stand_behind_the_routes() -> None:
    from sentence_transformers import SentenceTransformer

    from shared_core.testing.brains.vectors import _weights

    texts = ["Tourists may climb up on Sundays.", "Bread is baked before dawn.", "x " * 400]
    with offline_router() as url:
        replies = [
            httpx2.post(f"{url.root}/embed", json={"inputs": texts, "truncate": True}, timeout=120),
            httpx2.post(f"{url.root}{pipeline(MINILM)}", json={"inputs": texts[:2]}, timeout=120),
            httpx2.post(
                f"{url}/embeddings", json={"model": "offline/minilm", "input": texts[:2]}, timeout=120
            ),
        ]
        left = httpx2.post(
            f"{url.root}/embed",
            json={"inputs": f"{texts[2]} end", "truncate": True, "truncation_direction": "Left"},
            timeout=120,
        )
        refused = httpx2.post(f"{url.root}/embed", json={"inputs": texts}, timeout=120)
        raw = httpx2.post(f"{url.root}/embed", json={"inputs": texts[:2], "normalize": False}, timeout=120)
    wanted = SentenceTransformer(_weights(), device="cpu").encode(texts)
    for reply in replies:
        found = array_of(reply)
        np.testing.assert_allclose(found, wanted[: len(found)], atol=1e-5)
    assert array_of(left)[0] @ wanted[2] < 0.9999
    assert refused.json()["error"].endswith("must have less than 256 tokens. Given: 402")
    assert (np.linalg.norm(array_of(raw), axis=1) > 1.5).all()
