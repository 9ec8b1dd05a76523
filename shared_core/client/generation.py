"""One call of plain text generation: in which words it is asked for, sent, and read whole or piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared_core.client.exchange import json_of, meta_of
from shared_core.client.task_exchange import TaskExchange
from shared_core.client.task_replies import task_meta
from shared_core.flow import Flow, emit
from shared_core.types import Call, ChatDelta, TaskRequest, Usage
from shared_core.types.answers import CompletionReply
from shared_core.wire.completions import CompletionStreamReader, read_completion

__all__ = ["GenerationExchange", "told"]

_TGI = "hf-inference"
_EVENTS = "text/event-stream"


def told(request: TaskRequest, dialect: str, *, streamed: bool) -> TaskRequest:
    """The request with what is sent without being asked for.

    Args:
        request: As the user made it.
        dialect: The provider, or "openai" for a server that speaks like most of them.
        streamed: Whether the answer comes in pieces.
    """
    given, body = dict(request.parameters), dict(request.extra_body)
    if dialect == _TGI:
        # Without them the text begins with the prompt, and a stream ends without saying why.
        if streamed:
            given.setdefault("details", True)
        else:
            given.setdefault("return_full_text", False)
    else:
        if given.pop("return_full_text", None):
            given["echo"] = True
        if streamed:
            body.setdefault("stream_options", {"include_usage": True})
    if streamed:
        body["stream"] = True
    return replace(
        request,
        parameters={name: value for name, value in given.items() if value is not None},
        extra_body=body,
    )


@dataclass(frozen=True, slots=True)
class GenerationExchange:
    """A prompt on its way to one provider.

    Args:
        task: Sends it.
        stop: The texts that end the answer.
        streamed: Whether it comes in pieces.
    """

    task: TaskExchange
    stop: tuple[str, ...] = ()
    streamed: bool = False

    def __call__(self, call: Call) -> Flow[CompletionReply]:
        """Sends it once."""
        response = yield from self.task.opened(call, call.waits)
        usage = _usage_of(response.headers)
        if self.streamed and _EVENTS in response.headers.get("content-type", _EVENTS):
            reader = CompletionStreamReader(self.stop, usage)
            whole = yield from self.task.exchange.stream(call, reader, response)
            reply = CompletionReply(whole.text, whole.finish_reason, whole.usage, whole.meta)
        else:
            raw = yield from json_of(response, "Ask for less: lower `max_new_tokens`.")
            reply = read_completion(raw, meta_of(call, response.headers, ""), stop=self.stop, usage=usage)
            if self.streamed:  # the server does not stream, and answered at once
                yield from _emit_whole(call, reply)
        meta = task_meta(call, response.headers)
        named = reply.raw.get("model") or reply.meta.model
        known = isinstance(named, str) and named != call.request.model
        return replace(reply, meta=replace(meta, model=named if known else meta.model))


def _emit_whole(call: Call, reply: CompletionReply) -> Flow[None]:
    call.progress.emitted = True
    call.progress.first_token = call.waits.now()
    deltas = [ChatDelta(reply.text, finish_reason=reply.finish_reason)]
    if reply.usage is not None:
        deltas.append(ChatDelta(usage=reply.usage))
    yield from emit(deltas)


def _usage_of(headers: Mapping[str, str]) -> Usage | None:
    """TGI counts in headers of replies that are not streams."""
    counts = [headers.get(name, "") for name in ("x-prompt-tokens", "x-generated-tokens")]
    if not all(count.isascii() and count.isdigit() and len(count) < 10 for count in counts):
        return None
    read, written = map(int, counts)
    return Usage(read, written, read + written)
