"""Every recorded embedding comes out right through the core, by the route that hf-inference has today."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pytest

from shared_core import AsyncHFRouter, EmbedReply, HFRouter
from shared_core.providers import MAPPINGS

from .conftest import EMBEDDINGS, FOLDER


async def embed(kind: str, url: str, model: str, texts: list[str]) -> EmbedReply:
    settings: dict[str, Any] = {
        "base_url": f"{url}/v1",
        "hub_url": url,
        "embedding_api": "router",
        "provider": "hf-inference",
        "api_key": "canary",
        "max_retries": 0,
        "timeout": 10.0,
    }
    MAPPINGS.clear()
    if kind == "threads":
        return HFRouter(model, **settings).embed(texts)
    async with AsyncHFRouter(model, transport=kind, **settings) as router:  # type: ignore[arg-type]
        return await router.embed(texts)


@pytest.mark.parametrize("kind", ["threads", "httpx2", "aiohttp"])
@pytest.mark.parametrize("piece", [0, 7])
async def test_a_recorded_embedding_comes_out_right_however_it_is_cut(
    kind: str, piece: int, embedded: Any, replay: Any
) -> None:
    replay.play(embedded, piece)
    text = embedded.request["inputs"]
    reply = await embed(kind, f"http://127.0.0.1:{replay.port}", embedded.model, [text])
    wanted = np.array(json.loads(embedded.body), dtype=np.float32)
    assert reply.vectors.shape == (1, len(wanted))
    assert np.array_equal(reply.vectors[0], wanted)
    assert reply.notes == ()
    assert (reply.meta.provider, reply.meta.model, reply.meta.attempts) == ("hf-inference", embedded.model, 1)
    named = {name.lower(): value for name, value in embedded.headers.items()}
    assert reply.meta.request_id == named.get("x-request-id")
    assert {name: reply.meta.headers[name] for name in named} == named
    ((target, headers, body),) = replay.requests
    # Two differences are meant: the path, which changed in May 2025 (huggingface_hub#3044), and the list,
    # which holds any number of texts.
    assert target == f"/hf-inference/models/{embedded.model}/pipeline/feature-extraction"
    assert embedded.url.endswith(f"/pipeline/feature-extraction/{embedded.model}")
    assert body == {"inputs": [text]}
    assert embedded.request == {"inputs": text}
    assert headers["authorization"] == "Bearer canary"


def test_the_files_are_those_of_the_index(all_recordings: list[Any]) -> None:
    with (FOLDER / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(row["path"] for row in csv.DictReader(file) if row["task"] == "feature-extraction")
    assert [f"feature-extraction/{item.path.name}" for item in EMBEDDINGS] == rows
