"""The routes that rank documents: TEI's, and the one that Cohere, Jina, vLLM and Infinity have in common.

Both score by the nearness of vectors, `tei` and OpenAI-like clients thus see the same order.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Sequence
from typing import Any

from shared_core.testing.endpoint import Exchange, bytes_reply
from shared_core.testing.faults import Reply
from shared_core.testing.refusals import bad_shape
from shared_core.testing.validate import json_type

from .calls import Dialect, EmbedCall, Limits, check_size, flag, read_body, refuse_unknown, sound, text_list
from .models import EMBEDDING_MODELS, RERANK_MODELS, TEI_MODEL
from .quirks import EmbedQuirks
from .refusals import OpenAIDialect, TeiDialect
from .routes import TEI_LIMITS, EmbedEndpoint

__all__ = ["Rerank", "TeiRerank"]

_LIMITS = Limits(1000, 400)
_STEEPNESS = 8.0


class _Ranking(EmbedEndpoint):
    """How a query and documents become scores."""

    async def scores(
        self, query: str, documents: Sequence[str], truncate: bool, dialect: Dialect
    ) -> tuple[list[float], int]:
        """One raw score a document, 0 where it is as near as far; and how many tokens were read."""
        call = EmbedCall(EMBEDDING_MODELS[TEI_MODEL], [query, *documents], truncate=truncate)
        vectors, tokens = await self.embed(call, dialect, Limits(), EmbedQuirks(refuse_empty=False))
        near = (vectors[1:] @ vectors[0]).tolist()
        scores = [_STEEPNESS * (cosine - 0.5) for cosine in near]
        return scores, tokens


def _sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def _ordered(scores: Sequence[float], quirks: EmbedQuirks) -> list[int]:
    """Positions, best first, with what the quirks lose, or say twice."""
    best_first = sorted(range(len(scores)), key=lambda place: -scores[place])
    if quirks.reverse:
        best_first.reverse()
    lost, more = min(quirks.count_off, 0), max(quirks.count_off, 0)
    return best_first[: lost or None] + best_first[-1:] * more


def _text(body: dict[str, Any], key: str) -> str:
    if key not in body:
        raise bad_shape(f"missing field `{key}` at line 1 column 0")
    value = body[key]
    if not isinstance(value, str):
        raise bad_shape(f"{key}: invalid type: {json_type(value)}, expected a string at line 1 column 0")
    return sound(value)


class TeiRerank(_Ranking):
    """`POST /rerank` of TEI: `{"query", "texts"}` gives `[{"index", "score"}]`, best first."""

    async def answer(self, exchange: Exchange) -> Reply:
        self.check_token(exchange)
        quirks, dialect = exchange.embed_quirks, TeiDialect("texts")
        self.check_load(dialect, quirks)
        body = read_body(exchange.received, TEI_LIMITS)
        query, texts = _text(body, "query"), body.get("texts")
        if not text_list(texts):
            raise bad_shape("texts: expected a sequence of strings at line 1 column 0")
        texts = [sound(text) for text in texts]
        check_size(texts, dialect, TEI_LIMITS, quirks)
        raw, with_text = flag(body, "raw_scores"), flag(body, "return_text")
        scores, tokens = await self.scores(query, texts, bool(flag(body, "truncate")), dialect)
        ranks = []
        for place in _ordered(scores, quirks):
            rank: dict[str, Any] = {"index": place} if quirks.index else {}
            rank |= {"text": texts[place]} if with_text else {}
            ranks.append(rank | {"score": scores[place] if raw else _sigmoid(scores[place])})
        exchange.headers["x-compute-tokens"] = str(tokens)
        return bytes_reply(_json(ranks, ranks, "score", quirks), exchange.headers)


class Rerank(_Ranking):
    """`POST /v1/rerank`: `{"model", "query", "documents", "top_n"}` gives `{"results": [...]}`, best first."""

    async def answer(self, exchange: Exchange) -> Reply:
        self.check_token(exchange)
        quirks, dialect = exchange.embed_quirks, OpenAIDialect("documents")
        self.check_load(dialect, quirks)
        body = read_body(exchange.received, _LIMITS)
        model = body.get("model")
        if self._state.aliases.get(str(model), model) not in RERANK_MODELS:
            raise refuse_unknown(model)
        query, documents = _text(body, "query"), _documents(body, dialect)
        check_size(documents, dialect, _LIMITS, quirks)
        top_n = body.get("top_n")
        if top_n is not None and (isinstance(top_n, bool) or not isinstance(top_n, int) or top_n < 1):
            raise dialect.invalid(f"'top_n' must be a positive integer, not {top_n!r}.")
        scores, tokens = await self.scores(query, documents, True, dialect)
        with_text = flag(body, "return_documents")
        results = []
        for place in _ordered(scores, quirks)[:top_n]:
            result: dict[str, Any] = {"index": place} if quirks.index else {}
            result |= {"document": {"text": documents[place]}} if with_text else {}
            results.append(result | {"relevance_score": _sigmoid(scores[place])})
        reply = {"id": f"rerank-{uuid.uuid4().hex}", "model": model, "results": results}
        if quirks.usage:
            reply["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        return bytes_reply(_json(reply, results, "relevance_score", quirks), exchange.headers)


def _documents(body: dict[str, Any], dialect: Dialect) -> list[str]:
    """Strings, or objects with a `text`, as Cohere and Jina take them too."""
    given = body.get("documents")
    if not isinstance(given, list):
        raise dialect.invalid("'documents' must be a list of strings.")
    texts = [item.get("text") if isinstance(item, dict) else item for item in given]
    if not text_list(texts):
        raise dialect.invalid("'documents' must be a list of strings or of objects with a text.")
    return [sound(text) for text in texts]


def _json(body: object, results: list[dict[str, Any]], key: str, quirks: EmbedQuirks) -> bytes:
    """The body as JSON; `results` are its last part, in which the quirks may spoil a score."""
    if quirks.nan:
        results[-1][key] = math.nan if quirks.nan == "NaN" else None
    return json.dumps(body).encode()
