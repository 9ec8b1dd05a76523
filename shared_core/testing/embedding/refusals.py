"""How embedding servers say no: text-embeddings-inference (TEI), OpenAI-like servers, FastAPI behind them.

The bodies of TEI are those of its sources (router/src/http/server.rs and core/src/lib.rs, release 1.8): a size
error is 413 with `error_type` "Validation", an empty one 400 with "Empty", and before 1.7 that was 413 too.
"""

from __future__ import annotations

from shared_core.testing.refusals import Refusal, openai_error

__all__ = ["OpenAIDialect", "TeiDialect", "payload_too_large"]

_LIMIT = "Failed to buffer the request body: length limit exceeded"


def payload_too_large() -> Refusal:
    """413 in plain text, as axum says it before anything is read."""
    return Refusal(413, _LIMIT)


def _detail(kind: str, message: str, *place: str | int) -> Refusal:
    return Refusal(422, {"detail": [{"type": kind, "loc": ["body", *place], "msg": message}]})


class TeiDialect:
    """Refusals of TEI, and of hf-inference, which runs it; `openai` as on TEI's own OpenAI-like routes."""

    refuses_empty = True

    def __init__(self, field: str = "inputs") -> None:
        self._field = field

    def _error(self, status: int, kind: str, message: str) -> Refusal:
        return Refusal(status, {"error": message, "error_type": kind})

    def nothing(self) -> Refusal:
        """No text at all."""
        return self._error(400, "Empty", f"`{self._field}` cannot be empty")

    def empty(self, index: int) -> Refusal:
        """An empty text; which one it was is not said."""
        del index
        return self._error(400, "Empty", f"Input validation error: `{self._field}` cannot be empty")

    def too_many(self, given: int, limit: int, status: int) -> Refusal:
        """More texts than one request may have."""
        return self._error(status, "Validation", f"batch size {given} > maximum allowed batch size {limit}")

    def too_large(self, given: int, limit: int, status: int) -> Refusal:
        """More characters than one request may have."""
        if status == 413:
            return payload_too_large()
        return self._error(status, "Validation", f"{given} characters > maximum allowed {limit}")

    def too_long(self, index: int, given: int, limit: int) -> Refusal:
        """One text with too many tokens; which one it was is not said."""
        del index
        text = f"Input validation error: `{self._field}` must have less than {limit} tokens. Given: {given}"
        return self._error(413, "Validation", text)

    def bad_text(self, index: int | None, status: int) -> Refusal:
        """One text that the model does not take."""
        which = f"`{self._field}[{index}]`" if index is not None else f"one of `{self._field}`"
        return self._error(status, "Tokenizer", f"tokenizer error: {which} cannot be tokenized")

    def invalid(self, message: str) -> Refusal:
        """A value that is understood and not taken."""
        return self._error(413, "Validation", f"Input validation error: {message}")

    def overloaded(self) -> Refusal:
        """Too many requests at a time."""
        return self._error(429, "Overloaded", "Model is overloaded")


class OpenAIDialect:
    """Refusals of OpenAI-like servers: the status decides whose words they have."""

    refuses_empty = False

    def __init__(self, field: str = "input") -> None:
        self._field = field

    def nothing(self) -> Refusal:
        """No text at all."""
        return Refusal(400, openai_error(f"'{self._field}' must not be empty.", param=self._field))

    def empty(self, index: int) -> Refusal:
        """An empty text."""
        text = f"'{self._field}[{index}]' must not be an empty string."
        return Refusal(400, openai_error(text, param=self._field))

    def too_many(self, given: int, limit: int, status: int) -> Refusal:
        """More texts than one request may have: 413 as TEI says it here, 422 as FastAPI, 400 as OpenAI."""
        if status == 413:
            text = f"batch size {given} > maximum allowed batch size {limit}"
            return Refusal(413, {"message": text, "code": 413, "type": "Validation"})
        if status == 422:
            text = f"List should have at most {limit} items after validation, not {given}"
            return _detail("too_long", text, self._field)
        text = f"Invalid '{self._field}': array too long. Expected at most {limit} items, got {given}."
        return Refusal(400, openai_error(text, param=self._field, code="array_above_max_length"))

    def too_large(self, given: int, limit: int, status: int) -> Refusal:
        """More characters than one request may have."""
        if status == 413:
            return payload_too_large()
        text = f"The input has {given} characters, more than the {limit} of one request."
        if status == 422:
            return _detail("value_error", text, self._field)
        return Refusal(400, openai_error(text, param=self._field, code="max_tokens_per_request"))

    def too_long(self, index: int, given: int, limit: int) -> Refusal:
        """One text with too many tokens, in vLLM's words, which do not say which one."""
        del index
        text = (
            f"This model's maximum context length is {limit} tokens. However, you requested {given} tokens in "
            "the input for embedding generation. Please reduce the length of the input."
        )
        return Refusal(400, openai_error(text, kind="BadRequestError"))

    def bad_text(self, index: int | None, status: int) -> Refusal:
        """One text that the model does not take."""
        which = f"'{self._field}[{index}]'" if index is not None else "an input"
        text = f"The model does not take {which}."
        if status == 422:
            return _detail("value_error", text, self._field, *(() if index is None else (index,)))
        return Refusal(status, openai_error(text, param=self._field))

    def invalid(self, message: str) -> Refusal:
        """A value that is understood and not taken."""
        return Refusal(400, openai_error(message))

    def overloaded(self) -> Refusal:
        """Too many requests at a time."""
        text = "Rate limit reached. Please try again later."
        body = openai_error(text, kind="requests", code="rate_limit_exceeded")
        return Refusal(429, body, {"retry-after": "1"})
