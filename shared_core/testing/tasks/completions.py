"""Text that goes on from a prompt, in OpenAI's form: deepinfra, featherless, novita and together."""

from __future__ import annotations

from typing import Any

from shared_core.testing.brains import Brains
from shared_core.testing.endpoint import Exchange, json_reply
from shared_core.testing.faults import Reply
from shared_core.testing.sse import event, to_json
from shared_core.testing.state import State
from shared_core.testing.studio.made import Order
from shared_core.testing.tokens import count

from .endpoint import TaskEndpoint
from .fields import Fields, read_fields
from .refusals import NOVITA, OPENAI, TOGETHER, Words
from .written import Written, write

__all__ = ["CONTEXT", "Completions", "stop_texts"]

CONTEXT = 4096
_CREATED = 1767225600
_REASONS = {"end": "stop", "stop": "stop", "length": "length"}
_WORDS: dict[str, Words] = {"together": TOGETHER, "novita": NOVITA}


def stop_texts(fields: Fields, key: str = "stop") -> tuple[str, ...]:
    """At most four texts to stop at."""
    value = fields.values.get(key)
    if value is None:
        return ()
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise fields.words.wrong(fields.path(key), "a list")
    if len(texts) > 4:
        raise fields.words.invalid(fields.path(key), f"{key} must have at most 4 texts, not {len(texts)}")
    return tuple(text for text in texts if text)


class Completions(TaskEndpoint):
    """`POST /{provider}/.../completions`."""

    def __init__(self, state: State, brains: Brains, provider: str) -> None:
        super().__init__(state, brains)
        self.provider = provider
        self.words = _WORDS.get(provider, OPENAI)

    async def serve(self, exchange: Exchange) -> Reply:
        fields = read_fields(exchange.received, self.words)
        asked = fields.text("model")
        model = self.model(asked, "text-generation")
        prompt = fields.text("prompt")
        limit = fields.whole("max_tokens", 1, 1e9) or 64
        fields.number("temperature", 0, 2)
        fields.number("top_p", 0, 1)
        if count(prompt) + limit > CONTEXT:
            text = f"This model's maximum context length is {CONTEXT} tokens. However, you requested more."
            raise self.words.invalid("prompt", text)
        self.at_once(exchange, model, fields.values, Order(model.task, prompt))
        written = write(prompt, limit, stop_texts(fields), fields.seed())
        echo = prompt if fields.values.get("echo") else ""
        usage = {"prompt_tokens": count(prompt), "completion_tokens": len(written.tokens)}
        usage["total_tokens"] = sum(usage.values())
        if fields.values.get("stream"):
            return self._stream(exchange, asked, echo, written, usage, fields)
        body = self._body(asked, echo + written.text, _REASONS[written.reason]) | {"usage": usage}
        return json_reply(body, exchange.headers)

    def _body(self, model: str, text: str, reason: str | None) -> dict[str, Any]:
        together = self.provider == "together"
        choice: dict[str, Any] = {"text": text, "finish_reason": reason, "logprobs": None, "index": 0}
        body: dict[str, Any] = {
            "id": "offline-00000000",
            "object": "text.completion" if together else "text_completion",
            "created": _CREATED,
            "model": model,
        }
        if together:
            body["prompt"] = []
            choice["seed"] = 14998481174092497000
        return body | {"choices": [choice]}

    def _stream(
        self,
        exchange: Exchange,
        model: str,
        echo: str,
        written: Written,
        usage: dict[str, int],
        fields: Fields,
    ) -> Reply:
        tokens = [echo, *written.tokens] if echo else list(written.tokens)
        chunks = [self._body(model, token, None) for token in tokens]
        chunks.append(self._body(model, "", _REASONS[written.reason]))
        if fields.inner("stream_options").values.get("include_usage"):
            chunks.append(self._body(model, "", None) | {"choices": [], "usage": usage})
        steps = (*(event(to_json(chunk)) for chunk in chunks), event("[DONE]"))
        kind = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        return Reply(200, exchange.headers | kind, steps)
