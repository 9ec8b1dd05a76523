"""A chat stream: bytes to deltas, and in the end a reply.

The accumulator under every quirk of the protocol notes, section 4.6: `choices` may be empty or missing;
a finish reason may come late, null, or in a provider's word; usage may come never, once, in a chunk of
its own, or cumulatively in every chunk (the last one counts); text may come beside the finish; the end
mark may be missing. Broken UTF-8 becomes U+FFFD.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from shared_core.errors import MalformedResponse, ProviderFailed, RouterError
from shared_core.types import ChatDelta, ChatReply, Choice, ReplyMeta, ToolCallDelta, Usage
from shared_core.wire import json
from shared_core.wire.chat import finish_reason_of, text_of
from shared_core.wire.errors import classify_body
from shared_core.wire.reasoning import ThinkSplitter, reasoning_of
from shared_core.wire.redact import redact
from shared_core.wire.sse import Event, EventTooLarge, SseDecoder
from shared_core.wire.tool_calls import ToolCallAssembler
from shared_core.wire.usage import parse_usage

__all__ = ["ChatStreamReader"]

_new_tuple = tuple.__new__


class _Answer:
    """What one choice has become so far."""

    __slots__ = ("calls", "finish_reason", "logprobs", "reasoning", "refusal", "splitter", "text")

    def __init__(self, reasoning_tags: bool) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.calls: ToolCallAssembler | None = None
        self.finish_reason: str | None = None
        self.logprobs: dict[str, list[Any]] = {}
        self.splitter = ThinkSplitter() if reasoning_tags else None


class ChatStreamReader:
    """Feed it bytes, get deltas; ask for the reply at the end.

    Args:
        reasoning_tags: Whether `<think>` in the content is reasoning.

    Attributes:
        finished: The end mark `[DONE]` or an error was seen: nothing of interest follows.
        failure: The error that stands behind the deltas just returned; None while all is well.
        model: The model that answers, from the first chunk that names one.
    """

    def __init__(self, *, reasoning_tags: bool = False) -> None:
        self.finished = False
        self.failure: RouterError | None = None
        self.model = ""
        self._reasoning_tags = reasoning_tags
        self._sse = SseDecoder()
        self._answers: dict[int, _Answer] = {}
        self._usage: Usage | None = None
        self._id = ""
        self._created: int | None = None
        self._fingerprint: str | None = None

    def feed(self, data: bytes) -> list[ChatDelta]:
        """The deltas that these bytes complete; none for keep-alives and comments.

        Raises:
            RouterError: The stream carries an error, or cannot be read, and no delta came before that.
        """
        try:
            events = self._sse.feed(data)
        except EventTooLarge as error:
            raise MalformedResponse(f"The stream cannot be read: {error}.") from None
        return self._deltas(events)

    def end(self) -> list[ChatDelta]:
        """The last deltas, once no more bytes come: what was held back, and the usage.

        Raises:
            MalformedResponse: The stream ended early: neither `[DONE]` nor a finish reason was seen. Where deltas
                are left, they are returned and the error is in `failure`.
            RouterError: The `failure` of an earlier call.
        """
        if self.failure is not None:
            raise self.failure
        deltas = self._deltas(self._sse.end())
        for index, answer in self._answers.items():
            if answer.splitter is not None:
                reasoning, text = answer.splitter.end()
                if reasoning or text:
                    deltas.append(self._keep(answer, ChatDelta(text, reasoning, (), index)))
        if self.failure is None:
            self.failure = self._incomplete()
        if self.failure is not None:
            if not deltas:
                raise self.failure
            return deltas
        if self._usage is not None:
            deltas.append(ChatDelta(usage=self._usage))
        return deltas

    def _incomplete(self) -> MalformedResponse | None:
        """What is wrong with a stream that ends here; None when nothing is."""
        answers = self._answers.values()
        if answers and (self.finished or all(answer.finish_reason for answer in answers)):
            return None
        return MalformedResponse(
            "The stream ended before the answer was complete: neither a finish reason nor [DONE] was seen."
            if answers
            else "The stream ended without any answer.",
            hint="The connection or the provider broke off; send the request again.",
        )

    @property
    def usage(self) -> Usage | None:
        """The tokens that were counted so far; of the whole answer after `end`."""
        return self._usage

    def reply(self, meta: ReplyMeta) -> ChatReply:
        """Everything so far as a reply; complete after `end`, partial before."""
        choices = tuple(
            Choice(
                index=index,
                text="".join(answer.text),
                reasoning="".join(answer.reasoning),
                tool_calls=answer.calls.complete() if answer.calls else (),
                refusal="".join(answer.refusal),
                finish_reason=answer.finish_reason,
                logprobs=answer.logprobs or None,
            )
            for index, answer in sorted(self._answers.items())
        )
        return ChatReply(
            choices=choices or (Choice(),),
            usage=self._usage,
            meta=meta,
            id=self._id,
            created=self._created,
            system_fingerprint=self._fingerprint,
        )

    def _deltas(self, events: list[Event]) -> list[ChatDelta]:
        deltas: list[ChatDelta] = []
        for data, name in events:
            if self.finished:
                break
            if len(data) < 16 and data.strip() == b"[DONE]":
                self.finished = True
            elif data:
                try:
                    try:
                        chunk = from_json(data)
                    except ValueError:
                        chunk = _salvage(data)
                    if chunk.__class__ is dict:
                        self._read_chunk(chunk, name, deltas)
                except RouterError as error:
                    if not deltas:
                        raise
                    # What came before it in the same read is not lost, however the stream was cut.
                    self.failure, self.finished = error, True
        return deltas

    def _read_chunk(self, chunk: dict[str, Any], name: bytes, deltas: list[ChatDelta]) -> None:
        choices = chunk.get("choices")
        # Asked in this order so that the usual chunk is asked one question.
        if (name or not choices or "error" in chunk) and _is_error(chunk, name):
            raise classify_body(chunk)
        if choices.__class__ is list and choices:
            if not self.model:
                self._read_head(chunk)
            for choice in choices:
                if choice.__class__ is dict:
                    self._read_choice(choice, choices, deltas)
        if "usage" in chunk or "x_groq" in chunk:
            # Cumulative in every chunk, or once: the last one is the whole.
            self._usage = parse_usage(chunk) or self._usage

    def _read_head(self, chunk: dict[str, Any]) -> None:
        self.model = _text(chunk.get("model"))
        self._id = _text(chunk.get("id")) or self._id
        created = chunk.get("created")
        self._created = created if isinstance(created, int) else None
        self._fingerprint = _text(chunk.get("system_fingerprint")) or None

    def _read_choice(self, choice: dict[str, Any], choices: list[Any], deltas: list[ChatDelta]) -> None:
        index = choice.get("index")
        if index.__class__ is not int:
            index = choices.index(choice)
        answer = self._answers.get(index)
        if answer is None:
            answer = self._answers[index] = _Answer(self._reasoning_tags)
        message = choice.get("delta")
        if message.__class__ is not dict:
            message = {}
        text = message.get("content")
        # The usual delta is a little text, and nothing else but perhaps the role.
        if (
            text.__class__ is str
            and text
            and (len(message) == 1 or (len(message) == 2 and "role" in message))
            and choice.get("finish_reason") is None
            and choice.get("logprobs") is None
            and answer.splitter is None
        ):
            answer.text.append(text)
            # What ChatDelta(text, index=index) does, at half its price.
            deltas.append(_new_tuple(ChatDelta, (text, "", (), index, None, None, "", None)))
        else:
            self._read_rare(index, answer, choice, message if isinstance(message, dict) else {}, deltas)

    def _read_rare(
        self,
        index: int,
        answer: _Answer,
        choice: dict[str, Any],
        message: dict[str, Any],
        deltas: list[ChatDelta],
    ) -> None:
        text = text_of(message.get("content"))
        calls: tuple[ToolCallDelta, ...] = ()
        if pieces := message.get("tool_calls"):
            if answer.calls is None:
                answer.calls = ToolCallAssembler()
            calls = answer.calls.feed(pieces)
            if text in ("None", "null"):  # written beside tool calls by some stacks
                text = ""
        raw_finish = choice.get("finish_reason")
        if raw_finish == "error":
            raise ProviderFailed("The provider broke off its answer with the finish reason 'error'.")
        if raw_finish == "eos_token" and text == "</s>":
            text = ""  # TGI of 2024 sent its end-of-text mark as content
        finish = finish_reason_of(raw_finish, bool(answer.calls))
        reasoning = reasoning_of(message)
        if answer.splitter is not None and text:
            from_tags, text = answer.splitter.feed(text)
            reasoning += from_tags
        logprobs = choice.get("logprobs")
        refusal = text_of(message.get("refusal"))
        if text or reasoning or calls or finish or refusal or logprobs:
            delta = ChatDelta(
                text,
                reasoning,
                calls,
                index,
                finish,
                None,
                refusal,
                logprobs if isinstance(logprobs, Mapping) else None,
            )
            deltas.append(self._keep(answer, delta))

    @staticmethod
    def _keep(answer: _Answer, delta: ChatDelta) -> ChatDelta:
        answer.text.append(delta.text)
        answer.reasoning.append(delta.reasoning)
        if delta.refusal:
            answer.refusal.append(delta.refusal)
        if delta.finish_reason:
            answer.finish_reason = delta.finish_reason
        for part, tokens in (delta.logprobs or {}).items():
            if isinstance(tokens, list):
                answer.logprobs.setdefault(part, []).extend(tokens)
        return delta


def _is_error(chunk: Mapping[str, Any], name: bytes) -> bool:
    return name == b"error" or bool(chunk.get("error")) or chunk.get("object") == "error"


def _salvage(data: bytes) -> object:
    """What the fast parser refuses: broken UTF-8, or an object with a little junk behind it.

    A recorded Cerebras stream ends with a stray quotation mark.
    """
    end = data.rfind(b"}") + 1
    for text in (data, data[:end]) if end and len(data) - end <= 8 else (data,):
        try:
            return json.load(text)
        except ValueError:
            continue
    said = redact(data[:300].decode("utf-8", "replace"))[:200]
    raise MalformedResponse(f"The stream holds an event that is not JSON: {said}") from None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
