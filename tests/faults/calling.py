"""One way to call with every kind of client, for every task, and what is noted of a call.

Lives here: the kinds, the tasks, the call and its `Outcome`. Not here: the server (`fault_server`).
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from fault_server import RIGHT_TEXT, RIGHT_VECTOR

from shared_core import AsyncHFRouter, ChatReply, EmbedReply, HFRouter, RouterError, Timeouts

KINDS = ("threads", "httpx2", "aiohttp")
OWN = ("own httpx2.Client", "own httpx.Client", "own httpx2.AsyncClient", "own httpx.AsyncClient")
"""Clients that the user made and injects. Their time limits are weaker, so those tests leave them out."""
TASKS = ("chat", "stream", "embed")
MESSAGES = [{"role": "user", "content": "Say hello."}]

Call = Callable[..., Awaitable["Outcome"]]


@dataclass
class Outcome:
    """What came of one call: the text that the caller saw, or the vectors."""

    text: str = ""
    error: RouterError | None = None
    reply: ChatReply | EmbedReply | None = None
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether it is what the server answers when nothing is wrong."""
        if isinstance(self.reply, EmbedReply):
            return np.allclose(self.reply.vectors, [RIGHT_VECTOR])
        return self.error is None and self.text == RIGHT_TEXT


async def make_call(
    kind: str,
    url: str,
    *,
    task: str = "chat",
    stream: bool = False,
    total: float = 5.0,
    connect: float = 1.0,
    first_token: float = 1.0,
    gap: float = 1.0,
    **settings: Any,
) -> Outcome:
    """One call of a new client; an error of ours is an outcome too.

    Args:
        kind: One of `KINDS` or `OWN`.
        url: Whom to ask.
        task: One of `TASKS`.
        stream: Short for `task="stream"`.
        total, connect, first_token, gap: The time limits, in seconds.
        settings: The client's.
    """
    limits = Timeouts(total=total, connect=connect, first_token=first_token, gap=gap)
    settings = {"model": "a/b", "api_key": "canary", "base_url": url, "timeout": limits, **settings}
    task = "stream" if stream else task
    outcome = Outcome()
    started = time.monotonic()
    try:
        if kind in OWN:
            await _with_own_client(kind, settings, task, outcome)
        elif kind == "threads":
            _blocking(HFRouter(**settings), task, outcome)
        else:
            await _in_loop(AsyncHFRouter(**settings, transport=kind), task, outcome)
    except RouterError as error:
        outcome.error = error
    outcome.seconds = time.monotonic() - started
    return outcome


async def close_idle(kind: str) -> None:
    """Closes the connections that are kept for the next call, so that any left open is a leak."""
    if kind == "threads":
        HFRouter("a/b", api_key="")._sender().close()
    elif kind in KINDS:
        await AsyncHFRouter("a/b", api_key="", transport=kind).close()


async def _with_own_client(kind: str, settings: dict[str, Any], task: str, outcome: Outcome) -> None:
    library, _, name = kind.removeprefix("own ").partition(".")
    client = getattr(importlib.import_module(library), name)(follow_redirects=True)
    try:
        if name == "Client":
            _blocking(HFRouter(**settings, http_client=client), task, outcome)
        else:
            await _in_loop(AsyncHFRouter(**settings, http_client=client), task, outcome)
    finally:
        await client.aclose() if name == "AsyncClient" else client.close()


def _blocking(router: HFRouter, task: str, outcome: Outcome) -> None:
    if task == "embed":
        outcome.reply = router.embed(["Hello."])
    elif task == "chat":
        outcome.reply = router.chat(MESSAGES)
        outcome.text = outcome.reply.text
    else:
        with router.stream(MESSAGES) as answer:
            for delta in answer:
                outcome.text += delta.text
        outcome.reply = answer.reply


async def _in_loop(router: AsyncHFRouter, task: str, outcome: Outcome) -> None:
    if task == "embed":
        outcome.reply = await router.embed(["Hello."])
    elif task == "chat":
        outcome.reply = await router.chat(MESSAGES)
        outcome.text = outcome.reply.text
    else:
        async with router.stream(MESSAGES) as answer:
            async for delta in answer:
                outcome.text += delta.text
        outcome.reply = answer.reply
