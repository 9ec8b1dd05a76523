"""Errors that only this adapter can meet: the answer arrived, but LlamaIndex cannot use it.

Each is both one of the core's errors and the `ValueError` that LlamaIndex's own programs raise and catch in
the same places. Everything else that goes wrong is one of `shared_core.errors`, unchanged.
"""

from __future__ import annotations

from shared_core.errors import MalformedResponse, RouterError

__all__ = ["MalformedToolCall", "MediaToolFailed", "NoToolCall", "StructuredOutputFailed"]


class MalformedToolCall(MalformedResponse, ValueError):
    """The model called a tool with arguments that are not a JSON object; the message quotes them."""

    default_hint = (
        "Raise `max_tokens` if the answer was cut off, ask again, or pick another model or provider."
    )


class NoToolCall(MalformedResponse, ValueError):
    """A tool call was required, and the model answered with text."""

    default_hint = (
        "Pass `tool_required=True` or `error_on_no_tool_call=False`, or pick a model that calls tools."
    )


class StructuredOutputFailed(MalformedResponse, ValueError):
    """The answer is not an instance of the output class; the message quotes both."""

    default_hint = (
        "Raise `max_tokens` if the answer was cut off, try another `structured_output` way "
        "(json_schema, tool, text), or pick another model."
    )


class MediaToolFailed(RouterError):
    """A media tool could not do it. Its text is a sentence for the model, without addresses and request ids.

    Attributes:
        error: What happened, one of `shared_core.errors`; its `.job` may go on at the provider.
    """

    error: RouterError | None = None
