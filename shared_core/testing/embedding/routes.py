"""The routes that answer with vectors: OpenAI-like ones, hf-inference's pipeline, text-embeddings-inference."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shared_core.testing.bill import EMBED_TARIFFS, Charge
from shared_core.testing.brains import Brains
from shared_core.testing.brains.vectors import Brain, Words
from shared_core.testing.endpoint import Endpoint, Exchange, bytes_reply, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.refusals import Refusal, provider_not_serving
from shared_core.testing.state import State
from shared_core.testing.tokens import pieces

from .bodies import bare_body, openai_body
from .calls import Dialect, EmbedCall, Limits, check_size, read_bare, read_body, read_openai, refuse_unknown
from .models import EMBEDDING_MODELS, TEI_MODEL, EmbeddingModel, embedding_model
from .quirks import EmbedQuirks
from .refusals import OpenAIDialect, TeiDialect

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EmbedEndpoint", "FeatureExtraction", "OpenAIEmbeddings", "TeiEmbed", "TeiHealth", "TeiInfo"]

TEI_LIMITS = Limits(texts=32)
"""The defaults of TEI's `--max-client-batch-size` and `--payload-limit`."""

_WORDS = Words()
_QUICK = 20_000
"""Characters that are turned into vectors of words on the event loop: a few milliseconds' worth."""


class EmbedEndpoint(Endpoint):
    """What the routes with vectors share: sizes are checked, vectors made off the event loop."""

    def check_load(self, dialect: Dialect, quirks: EmbedQuirks) -> None:
        """Refuse with 429 when more requests are being answered than the script allows."""
        if quirks.max_in_flight is not None and self._state.in_flight > quirks.max_in_flight:
            raise dialect.overloaded()

    async def brain(self, model: EmbeddingModel) -> Brain:
        """Where the model's vectors come from."""
        return _WORDS if model.words else await asyncio.to_thread(self._brains.vectors.brain)

    async def embed(
        self, call: EmbedCall, dialect: Dialect, limits: Limits, quirks: EmbedQuirks
    ) -> tuple[NDArray[np.float32], int]:
        """Vectors, float32 of shape (texts, dimensions), and how many tokens were read."""
        check_size(call.texts, dialect, limits, quirks)
        brain = await self.brain(call.model)
        if isinstance(brain, Words) and sum(map(len, call.texts)) <= _QUICK:
            return _embed(brain, call, dialect, quirks)
        return await asyncio.to_thread(_embed, brain, call, dialect, quirks)


def _fit(brain: Brain, call: EmbedCall, dialect: Dialect) -> tuple[list[str], int]:
    """The texts, cut where that was asked for, and their tokens."""
    limit, texts, tokens = call.model.max_tokens, [], 0
    for index, text in enumerate(call.texts):
        # A token has a character at least, and its words may be counted for the usage alone.
        given = brain.count(text)
        if given > limit:
            if not call.truncate:
                raise dialect.too_long(index, given, limit)
            text, given = brain.cut(text, limit, call.left), limit
        texts.append(text)
        tokens += given
    return texts, tokens


def _embed(
    brain: Brain, call: EmbedCall, dialect: Dialect, quirks: EmbedQuirks
) -> tuple[NDArray[np.float32], int]:
    import numpy as np

    texts, tokens = _fit(brain, call, dialect)
    vectors = brain.vectors(texts, quirks.dimensions or call.model.dimensions)
    if quirks.dimensions is None and call.dimensions is not None:
        vectors = vectors[:, : call.dimensions]
    if call.normalize:
        lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        vectors = vectors / lengths
    return vectors, tokens


class OpenAIEmbeddings(EmbedEndpoint):
    """`POST .../embeddings`: of a provider behind the router, or, without one, of an OpenAI-like server."""

    def __init__(self, state: State, brains: Brains, provider: str = "") -> None:
        super().__init__(state, brains)
        self._provider = provider
        # DeepInfra's limit was reported as 422 (langchain#21188); OpenAI documents 2048.
        self._limits = Limits(1024, 422) if provider == "deepinfra" else Limits(2048, 400, 20_000_000)

    async def answer(self, exchange: Exchange) -> Reply:
        self.check_token(exchange)
        quirks, dialect = exchange.embed_quirks, OpenAIDialect()
        self.check_load(dialect, quirks)
        body = read_body(exchange.received, self._limits)
        asked = body.get("model")
        if not isinstance(asked, str):
            raise dialect.invalid("you must provide a model parameter")
        call = read_openai(body, self._model(asked), quirks)
        vectors, tokens = await self.embed(call, dialect, self._limits, quirks)
        tariff = EMBED_TARIFFS.get(self._provider)
        if tariff is not None:
            request_id = exchange.headers["x-request-id"]
            exchange.received.charge = Charge(request_id, asked, self._provider, tariff, tokens)
        return bytes_reply(openai_body(vectors, call.base64, asked, tokens, quirks), exchange.headers)

    def _model(self, asked: str) -> EmbeddingModel:
        if not self._provider:
            found = embedding_model(asked, self._state.aliases)
        else:
            found = _by_provider_id(asked, self._provider) or embedding_model(asked, self._state.aliases)
            if found is not None and self._provider_id(found) != asked:
                raise provider_not_serving(self._provider)
        if found is None:
            raise refuse_unknown(asked)
        return found

    def _provider_id(self, model: EmbeddingModel) -> str | None:
        served = model.providers.get(self._provider)
        return None if served is None or served.status == "error" else served.id or model.id


def _by_provider_id(asked: str, provider: str) -> EmbeddingModel | None:
    for model in EMBEDDING_MODELS.values():
        served = model.providers.get(provider)
        if served is not None and served.id == asked:
            return model
    return None


class FeatureExtraction(EmbedEndpoint):
    """`POST /hf-inference/models/{org}/{name}/pipeline/feature-extraction`: 1-D for a text alone."""

    async def answer(self, exchange: Exchange) -> Reply:
        self.check_token(exchange)
        quirks, dialect = exchange.embed_quirks, TeiDialect()
        self.check_load(dialect, quirks)
        name = exchange.request.path_params["model"]
        model = embedding_model(name, self._state.aliases)
        if model is None:
            raise Refusal(404, {"error": f"Model {name} does not exist"})
        served = model.providers.get("hf-inference")
        if served is None or served.status == "error":
            raise provider_not_serving("hf-inference")
        call = read_bare(read_body(exchange.received, Limits()), model)
        exchange.headers["x-compute-type"] = "cpu"
        if model.pooled and not quirks.tokens:
            vectors, tokens = await self.embed(call, dialect, Limits(), quirks)
            exchange.headers["x-compute-tokens"] = str(tokens)
            return bytes_reply(bare_body(vectors, alone=call.alone, quirks=quirks), exchange.headers)
        check_size(call.texts, dialect, Limits(), quirks)
        made = await asyncio.to_thread(_token_vectors, call, dialect, quirks)
        return bytes_reply(bare_body(made, quirks=quirks), exchange.headers)


def _token_vectors(call: EmbedCall, dialect: Dialect, quirks: EmbedQuirks) -> list[NDArray[np.float32]]:
    """A vector for each token of each text: float32 of shape (tokens, dimensions) each."""
    texts, _ = _fit(_WORDS, call, dialect)
    dimensions = quirks.dimensions or call.model.dimensions
    return [_WORDS.vectors(pieces(text) or [""], dimensions) for text in texts]


class TeiEmbed(EmbedEndpoint):
    """`POST /embed` and `POST /` of TEI: 2-D always, a text alone too."""

    async def answer(self, exchange: Exchange) -> Reply:
        self.check_token(exchange)
        quirks, dialect = exchange.embed_quirks, TeiDialect()
        self.check_load(dialect, quirks)
        call = read_bare(read_body(exchange.received, TEI_LIMITS), EMBEDDING_MODELS[TEI_MODEL])
        vectors, tokens = await self.embed(call, dialect, TEI_LIMITS, quirks)
        exchange.headers["x-compute-tokens"] = str(tokens)
        exchange.headers["x-compute-characters"] = str(sum(map(len, call.texts)))
        return bytes_reply(bare_body(vectors, quirks=quirks), exchange.headers)


class TeiInfo(Endpoint):
    """`GET /info` of TEI: the model and the limits."""

    async def answer(self, exchange: Exchange) -> Reply:
        model = EMBEDDING_MODELS[TEI_MODEL]
        info = {
            "model_id": model.id,
            "model_sha": None,
            "model_dtype": "float32",
            "model_type": {"embedding": {"pooling": "mean"}},
            "max_concurrent_requests": 512,
            "max_input_length": model.max_tokens,
            "max_batch_tokens": 16384,
            "max_batch_requests": None,
            "max_client_batch_size": TEI_LIMITS.texts,
            "auto_truncate": False,
            "tokenization_workers": 2,
            "version": "1.8.2",
            "sha": None,
            "docker_label": None,
        }
        return json_reply(info, exchange.headers)


class TeiHealth(Endpoint):
    """`GET /health` of TEI: 200 and no body."""

    async def answer(self, exchange: Exchange) -> Reply:
        return Reply(200, exchange.headers | {"content-length": "0"}, ())
