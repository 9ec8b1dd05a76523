"""What a request may take of budgets, and what it took: tokens and nano-dollars.

Before a call, tokens are bounded by bytes, and the answer by `max_tokens`; where nobody limits it, `ANSWER_TOKENS` are
set aside, which a long answer may exceed: a model's own limit would set aside so much that small budgets refused every
call. Prices are the dearest of those that may serve. What was really used takes the estimate's place afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any

from shared_core.catalog import Answers, Price, Sizes, UnitPrice, prices_in_reach
from shared_core.client.batches import size_of
from shared_core.client.costing import Costing
from shared_core.policy.state.holds import Spending
from shared_core.types import (
    EXACT,
    Call,
    ChatRequest,
    EmbedRequest,
    ModelRef,
    ReplyMeta,
    RerankRequest,
    TaskRequest,
    Usage,
    nano_usd,
)

__all__ = ["ANSWER_TOKENS", "Tariff"]

ANSWER_TOKENS = 4096
"""Set aside for an answer without limit."""

_MEDIUM_TOKENS = 4096  # set aside for a picture, a sound or a video in a message
_SECONDS = Decimal(10)  # of sound or video, where nothing says how long
_COUNTS = ("num_images", "num_images_per_prompt", "num_outputs", "n")
_LENGTHS = ("duration", "seconds")
_LIMITS = ("max_tokens", "max_completion_tokens", "max_new_tokens")

_SCHEMAS = ("tools", "response_format")

Rates = tuple[int, int]
"""Pico-dollars for a token read, and for one written."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Estimates and settles for one client.

    Args:
        costs: Knows the user's prices.
    """

    costs: Costing
    _rates: Answers[tuple[str, str], Rates | None] = field(default_factory=Answers)

    def most(self, call: Call) -> Spending:
        """What a request may take at most."""
        request = call.request
        if isinstance(request, ChatRequest):
            limit = _limit(request.params) or _limit(request.extra_body)
            answers = int(_number(request.params, ("n",)) or 1)
            prompt = _prompt(request)
        elif isinstance(request, EmbedRequest):
            limit, answers = 0, 0
            prompt = _texts(request.texts)
        elif isinstance(request, RerankRequest):
            limit, answers = 0, 0
            prompt = _texts(request.texts) + len(request.texts) * size_of(request.query)
        elif isinstance(request, TaskRequest) and request.task == "text-generation":
            limit, answers = _limit(request.parameters) or _limit(request.extra_body), 1
            prompt = _texts([str(request.inputs)])
        else:
            return Spending(nano_usd=self._units(request))
        completion = answers * (ANSWER_TOKENS if limit is None else limit)
        return Spending(prompt, completion, self._nano(call, prompt, completion), bounded=limit is not None)

    def used(self, call: Call, result: Any, most: Spending) -> Spending | None:
        """What an answered request took; None where the result is still to come."""
        meta: ReplyMeta | None = getattr(result, "meta", None)
        if meta is not None:
            usage, usd = result.usage, meta.cost.usd
            if usage is None:
                return self._written(call, result, most)
            if usd is not None:
                return Spending(usage.prompt_tokens, usage.completion_tokens, nano_usd(usd))
            return self._counted(call, usage, meta.headers)
        if isinstance(call.request, TaskRequest):
            return None
        answer, headers = result[:2]
        if answer.usage is None:
            return most._replace(guessed=("usd", "tokens"))
        return self._counted(call, answer.usage, headers)

    def arrived(self, call: Call, most: Spending) -> Spending:
        """What a stream took that was cut or left: what it has counted, else the prompt and what arrived."""
        partial = call.progress.reading.reply(ReplyMeta(""))
        if partial.usage is not None:
            counted = self._counted(call, partial.usage, {})
            return counted._replace(guessed=("usd", "tokens"))  # a provider that broke off may charge nothing
        return self._written(call, partial, most)

    # -- their parts -------------------------------------------------------------------------------------

    def _written(self, call: Call, reply: Any, most: Spending) -> Spending:
        """By bytes, since nobody has counted; not more than was set aside."""
        completion = min(_size(reply), most.completion)
        nano = self._nano(call, most.prompt, completion)
        return Spending(most.prompt, completion, nano, guessed=("usd", "tokens"))

    def _counted(self, call: Call, usage: Usage, headers: Mapping[str, str]) -> Spending:
        prompt, completion = max(0, usage.prompt_tokens), max(0, usage.completion_tokens)
        provider, url = call.progress.provider, call.target.base_url
        for place in (url, f"{url}/v1"):  # what is sent past /v1 has its prices there
            usd = self.costs.of(call.request.model, usage, provider, headers, place).usd
            if usd is not None:
                return Spending(prompt, completion, nano_usd(usd))
        return Spending(prompt, completion, self._nano(call, prompt, completion), guessed=("usd",))

    def _nano(self, call: Call, prompt: int, completion: int) -> int | None:
        rates = self._rates.get((call.request.model, call.target.base_url), self._find)
        return None if rates is None else -(-(prompt * rates[0] + completion * rates[1]) // 1000)

    def _find(self, key: tuple[str, str]) -> Rates | None:
        """The dearest that may be charged."""
        model, url = key
        repo, _, _ = model.partition(":")
        own = self.costs.own_price(model)
        if isinstance(own, Price) and ModelRef.parse(model).provider:
            prices = [own]
        else:
            named = {
                name: price for name, price in self.costs.prices.items() if name.partition(":")[0] == repo
            }
            prices = [price for price in named.values() if isinstance(price, Price)]
            if not isinstance(named.get(repo), Price):
                prices += prices_in_reach(model, url) or prices_in_reach(model, f"{url}/v1")
        if not prices:
            return None
        inputs = (max(price.input, price.cached_input or price.input) for price in prices)
        return max(map(_pico, inputs)), max(_pico(price.output) for price in prices)

    def _units(self, request: Any) -> int | None:
        """What a picture, a video or the like may cost: by the user's own price, since no list has any."""
        price = self.costs.own_price(request.model)
        if not isinstance(price, UnitPrice):
            return None
        units = Decimal(1)
        if price.per == "file":
            units = Decimal(int(_number(request.parameters, _COUNTS) or 1))
        elif price.per == "second":
            units = Decimal(str(_number(request.parameters, _LENGTHS) or _SECONDS))
        return nano_usd(EXACT.multiply(units, price.usd))


def _prompt(request: ChatRequest) -> int:
    """Tokens of the messages and of what else stands before the model, at most."""
    size, media = 0, 0
    for message in request.messages:
        content = message.get("content")
        if isinstance(content, str):
            size += _bytes(content)
        else:
            for part in content or ():
                text = part.get("text") or part.get("thinking") if isinstance(part, Mapping) else str(part)
                size += _bytes(str(text)) if text else 0
                media += not text
        if len(message) > 2:  # tool calls and the like
            size += sum(
                _bytes(str(value)) for name, value in message.items() if name not in ("role", "content")
            )
    for name in _SCHEMAS:
        if name in request.params:
            size += _bytes(str(request.params[name]))
    return Sizes(size, len(request.messages)).tokens()[1] + media * _MEDIUM_TOKENS


def _texts(texts: Sequence[str]) -> int:
    return Sizes(sum(map(size_of, texts)), len(texts)).tokens()[1]


def _size(reply: Any) -> int:
    """Bytes of what was written."""
    texts = [reply.text] if not hasattr(reply, "choices") else []
    for choice in getattr(reply, "choices", ()):
        texts += [choice.text, choice.reasoning, choice.refusal, *(str(call) for call in choice.tool_calls)]
    return sum(map(_bytes, texts))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _limit(told: Mapping[str, Any]) -> int | None:
    limit = _number(told, _LIMITS)
    return None if limit is None else int(limit)


def _number(told: Mapping[str, Any], names: Sequence[str]) -> int | float | None:
    for name in names:
        value = told.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _pico(usd: Decimal) -> int:
    """For one token, of the price for a million."""
    return int(EXACT.scaleb(usd, 6).to_integral_value(ROUND_CEILING))
