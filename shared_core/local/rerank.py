"""Which documents answer a query best, judged by a cross-encoder on this machine.

Lives here: arguments and their checks, sharing a loaded model, the order of the best. Not here: loading and
scoring (`cross_encoder`), remote rerankers. Importing this loads neither numpy nor torch; the first call does.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared_core.errors import ConfigError
from shared_core.local.shared import SHELF
from shared_core.types import AT_HOME, ReplyMeta, RerankReply, Usage

if TYPE_CHECKING:
    from shared_core.local.cross_encoder import LoadedReranker

__all__ = ["LocalReranker"]

_COMMIT = re.compile(r"[0-9a-f]{40}")


class LocalReranker:
    """A cross-encoder on this machine, loaded when the first documents come.

    It is slower than comparing vectors and judges better: let a search find a hundred documents, and this
    pick the ten to read. Objects with the same arguments share the loaded model; threads and event loops may
    share one object. A copy or pickle carries the arguments only, and a forked child loads again.

    Args:
        model: A folder, or a Hub id such as "cross-encoder/ms-marco-MiniLM-L6-v2".
        device: Where it runs, such as "cpu", "cuda:0" or "mps"; "auto" takes what torch finds.
        revision: Branch, tag or commit of a Hub model; None for "main".
        trust_remote_code: Whether code that comes with the model may run. A Hub model then needs a full commit
            as `revision`, so that what runs is what was read.
        max_tokens: Query and document together are cut there; None for the model's own limit.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> reranker = LocalReranker("cross-encoder/ms-marco-MiniLM-L6-v2")
        >>> reranker.rerank("capital of France", ["Bread", "Paris"]).order  # doctest: +SKIP
        array([1, 0])
    """

    __slots__ = ("device", "max_tokens", "model", "revision", "trust_remote_code")

    def __init__(
        self,
        model: str,
        device: str = "auto",
        revision: str | None = None,
        trust_remote_code: bool = False,
        max_tokens: int | None = None,
    ) -> None:
        if not isinstance(model, str) or not model:
            raise ConfigError(
                "A local reranker needs a model.",
                hint='Give a folder or a Hub id, such as "cross-encoder/ms-marco-MiniLM-L6-v2".',
            )
        if trust_remote_code and not _COMMIT.fullmatch(revision or "") and not Path(model).is_dir():
            raise ConfigError(
                f"trust_remote_code runs whatever code stands on the Hub, and revision={revision!r} can change.",
                hint="Read the code of one commit, and give its 40 digits as revision.",
            )
        if max_tokens is not None:
            _check_count("max_tokens", max_tokens)
        self.model = model
        self.device = device
        self.revision = revision
        self.trust_remote_code = trust_remote_code
        self.max_tokens = max_tokens

    def __repr__(self) -> str:
        return f"LocalReranker(model={self.model!r}, device={self.device!r}, revision={self.revision!r})"

    def rerank(
        self, query: str, documents: Sequence[str], top_n: int | None = None, batch_size: int = 32
    ) -> RerankReply:
        """Scores of all documents, and the order of the best.

        Args:
            query: What is searched with.
            documents: What was found; may be empty. Texts go to the model unaltered.
            top_n: How many of the best `order` names; None for all.
            batch_size: Documents that the model reads at a time.

        Returns:
            Scores as the model gives them, most often from 0 to 1 (float32, one a document, in their order), and
            the positions of the best, the best first. Documents of the same score keep their order.

        Raises:
            ImportError: The extra `local` is not installed.
            ConfigError: A text is not a string or no valid Unicode (its position is named), a number is below 1,
                or the model cannot be loaded.
        """
        documents = _checked(query, documents, top_n, batch_size)
        return self._answer(self._engine() if documents else None, query, documents, top_n, batch_size)

    async def arerank(
        self, query: str, documents: Sequence[str], top_n: int | None = None, batch_size: int = 32
    ) -> RerankReply:
        """`rerank`, off the event loop.

        Args:
            query, documents, top_n, batch_size: As of `rerank`.
        """
        documents = _checked(query, documents, top_n, batch_size)
        if not documents:
            return self._answer(None, query, documents, top_n, batch_size)
        engine = await asyncio.to_thread(self._engine)
        return await asyncio.get_running_loop().run_in_executor(
            engine.executor, self._answer, engine, query, documents, top_n, batch_size
        )

    def _engine(self) -> LoadedReranker:
        key = (self.model, self.device, self.revision, self.trust_remote_code, self.max_tokens)
        return SHELF.get(("reranker", *key), self._load)

    def _load(self) -> LoadedReranker:
        from shared_core.local.cross_encoder import load

        return load(
            self.model,
            device=self.device,
            revision=self.revision,
            trusted=self.trust_remote_code,
            max_tokens=self.max_tokens,
        )

    def _answer(
        self,
        engine: LoadedReranker | None,
        query: str,
        documents: Sequence[str],
        top_n: int | None,
        batch_size: int,
    ) -> RerankReply:
        import numpy as np

        started = time.perf_counter()
        scores, tokens = np.zeros(0, np.float32), None
        if engine is not None:
            scores, tokens = engine.score(query, documents, batch_size)
        return RerankReply(
            scores=scores,
            order=np.argsort(-scores, kind="stable")[:top_n].astype(np.int64, copy=False),
            usage=None if tokens is None else Usage(tokens, 0, tokens),
            meta=ReplyMeta(
                self.model, provider="local", latency_s=time.perf_counter() - started, cost=AT_HOME
            ),
        )


def _checked(query: str, documents: Sequence[str], top_n: int | None, batch_size: int) -> list[str]:
    """The documents as a list, after a look at all arguments."""
    if top_n is not None:
        _check_count("top_n", top_n)
    _check_count("batch_size", batch_size)
    if isinstance(documents, str | bytes):
        raise ConfigError("The documents to rerank are one string.", hint="Give a list of strings.")
    checked = list(documents)
    _check_text("The query", query)
    for position, document in enumerate(checked):
        _check_text(f"Document {position}", document)
    return checked


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name}={value!r} is not a whole number above 0.")


def _check_text(what: str, text: str) -> None:
    if not isinstance(text, str):
        raise ConfigError(f"{what} to rerank is a {type(text).__name__}, not a string.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{what} is no valid Unicode: it has a lone surrogate at character {error.start}.",
            hint='Read the source as UTF-8, or repair it: text.encode("utf-8", "replace").decode().',
        ) from None
