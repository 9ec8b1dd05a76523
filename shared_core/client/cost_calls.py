"""What a call may cost, asked of a client before it is made: the same for threads and for event loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from shared_core.catalog import Price, Sizes, estimate, lookup
from shared_core.client.catalogue_calls import CatalogueRouter
from shared_core.client.checks import checked_count
from shared_core.errors import ConfigError
from shared_core.flow import Flow
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.routing import wire_model
from shared_core.types import CostEstimate, Message
from shared_core.wire.chat import check_messages

if TYPE_CHECKING:
    from shared_core.transport import AsyncTransport, Transport

__all__ = ["AsyncCostCalls", "CostCalls"]

T = TypeVar("T")

_TEXT_KINDS = frozenset({"text", "input_text", "output_text", "thinking"})
"""Parts of a message that are text; any other is counted by its provider alone."""


class _Estimates(CatalogueRouter):
    """The flow of an estimate."""

    def _estimate_cost(
        self,
        content: Sequence[Message] | Sequence[str] | str,
        model: str | None,
        max_tokens: int | None,
        provider: str | None,
        *,
        refresh: bool,
    ) -> Flow[CostEstimate]:
        client, about = self._at({"model": model})
        if client is not self:
            return (yield from client._estimate_cost(content, None, max_tokens, provider, refresh=refresh))
        name = wire_model(about.get("model") or self.model, provider or self.provider)
        sizes, answers = _measured(content)
        if max_tokens is not None:
            checked_count(max_tokens, "max_tokens")
        if refresh:
            yield from self._models(refresh=False)
        url, costs = self.base_url, self._exchange.costs
        own = costs.own_price(name)
        completion = (0, _longest(name, url, sizes, max_tokens)) if answers else (0, 0)
        return estimate(name, sizes, completion, base_url=url, own=own if isinstance(own, Price) else None)


class CostCalls(_Estimates):
    """Estimates, blocking."""

    def estimate_cost(
        self,
        content: Sequence[Message] | Sequence[str] | str,
        *,
        model: str | None = None,
        max_tokens: int | None = None,
        provider: str | None = None,
        refresh: bool = False,
    ) -> CostEstimate:
        """What a call may cost, as a range that shows its price list and date. Nothing is sent unless `refresh`.

        Tokens are bounded by bytes (one for ten bytes at least, one for each at most, and a template around it), and
        so the range is wide: it is for limits, not for invoices. Where the router may choose a provider, it reaches
        from the cheapest to the dearest live one.

        Args:
            content: Messages, or one text, for a chat; a list of texts, for `embed`.
            model: In place of the client's own.
            max_tokens: Of the answer; None takes the model's own limit, where that is known.
            provider: In place of the model's suffix.
            refresh: Fetches the catalogue of prices where none was fetched in the last five minutes.

        Returns:
            The range. Unknown without a price; unknown at its upper end with images, or an answer without limit.

        Raises:
            ConfigError: An argument cannot work.
            RouterError: With `refresh`, when there is no catalogue to be had.

        Example:
            >>> router = HFRouter("openai/gpt-oss-120b:groq")  # doctest: +SKIP
            >>> print(router.estimate_cost("Hello!", max_tokens=200, refresh=True))  # doctest: +SKIP
            $0 to $0.0001531 (price list of 2026-11-27)
        """
        flow = self._estimate_cost(content, model, max_tokens, provider, refresh=refresh)
        return BlockingRun(flow, self._sender()).finish()

    if TYPE_CHECKING:

        def _sender(self) -> Transport: ...


class AsyncCostCalls(_Estimates):
    """The same for event loops."""

    async def estimate_cost(
        self,
        content: Sequence[Message] | Sequence[str] | str,
        *,
        model: str | None = None,
        max_tokens: int | None = None,
        provider: str | None = None,
        refresh: bool = False,
    ) -> CostEstimate:
        """See `HFRouter.estimate_cost`."""
        flow = self._estimate_cost(content, model, max_tokens, provider, refresh=refresh)
        return await AsyncRun(flow, self._sender()).finish()

    if TYPE_CHECKING:

        def _sender(self) -> AsyncTransport: ...


def _measured(content: object) -> tuple[Sizes, bool]:
    """How long the input is, and whether it asks for an answer in words."""
    if isinstance(content, str):
        return Sizes(_bytes(content), 1), True
    if isinstance(content, Sequence) and not isinstance(content, bytes) and content:
        if all(isinstance(text, str) for text in content):
            return Sizes(sum(map(_bytes, content)), len(content)), False
        if all(isinstance(message, Mapping) for message in content):
            check_messages(content)
            return _of_messages(content), True
    raise ConfigError(
        "There is nothing here to estimate the cost of.",
        hint="Pass messages ({'role': ..., 'content': ...}), a text, or a list of texts. Nothing was sent.",
    )


def _of_messages(messages: Sequence[Mapping[str, Any]]) -> Sizes:
    size, kinds = 0, []
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else [content or ""]:
            kind = "text" if isinstance(part, str) else str(part.get("type", "text"))
            if kind in _TEXT_KINDS:
                size += _bytes(part if isinstance(part, str) else str(part.get("text") or ""))
            else:
                kinds.append(kind)
        size += sum(_bytes(str(call)) for call in message.get("tool_calls") or ())
    return Sizes(size, len(messages), kinds[0] if kinds else "")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _longest(model: str, url: str, sizes: Sizes, max_tokens: int | None) -> int | None:
    """Tokens of the answer at most; None where nothing limits it."""
    facts = lookup(model, base_url=url)
    window = None if facts is None or facts.context_window is None else facts.context_window
    left = None if window is None else max(0, window - sizes.tokens()[0])
    known = (max_tokens, None if facts is None else facts.max_output_tokens, left)
    return min((limit for limit in known if limit is not None), default=None)
