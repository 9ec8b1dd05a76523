"""The ways in which providers' streams differ from the textbook, as switches, and the switch settings of
providers.

Lives here: transforms of correct chunks. Not here: broken connections and errors (`faults`).
`PROVIDER_QUIRKS` holds what was recorded of each provider: `router.queue(PROVIDER_QUIRKS["cerebras"])`.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

from . import sse
from .quirky_tools import join_calls, spell_call

Chunk = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How a stream is spelt. Every default is the correct way; queue one to get another.

    Attributes:
        space_after_data: False writes `data:{`.
        line_end: `"\\n"`, `"\\r\\n"` or `"\\r"`.
        done: False leaves `[DONE]` out.
        unterminated: The last event lacks its blank line.
        tail: Bytes after the end, such as a stray `"`.
        json_spaces: JSON with spaces after commas and colons.
        multi_line: JSON spread over several `data:` lines.
        comments: A comment before every event.
        idle: Raw data of events strewn in, such as `"{}"` or `'{"choices":[]}'`.
        object_name: Another value of `object`.
        empty_id: `id` is `""`.
        finish: False leaves the finish reason null to the end.
        finish_names: Other names for finish reasons.
        finish_key_always: False leaves the key out until it has a value.
        text_with_finish: The last text comes in the chunk with the finish reason.
        last_text: Text of the last chunk, such as `"</s>"`; in place of an empty delta.
        role_in_every_delta: Role, and content, in every delta.
        role_delta: False starts without the delta that has the role alone.
        empty_deltas: Empty deltas strewn into the middle.
        words_per_chunk: Tokens in a chunk.
        extra_text: Put before the first text, such as `"\\u2028"`.
        usage: `asked` (own last chunk with `choices: []` when asked for), `separate` (that, always),
            `with_finish`, `null_then_finish`, `null`, `cumulative` (in every chunk) or `never`.
        reasoning: The delta's key for thoughts, or `<think>` for tags in the content.
        calls: `pieces`, `whole` (one chunk a call) or `together` (all calls in one delta).
        call_index: `normal`, `missing`, or `from one`.
        call_id: `once`, `every`, `empty after`, `empty` (also in the first), `missing`, or `number`.
        call_name: `once`, `null after` or `empty after`.
        arguments_as_dict: Arguments as an object; needs `calls` other than `pieces`.
        cached_tokens: Tokens of the prompt that the provider has in its cache, at most all of them.
        extra: Keys of every chunk.
        extra_choice: Keys of every choice.
        extra_delta: Keys of every delta.
    """

    space_after_data: bool = True
    line_end: str = "\n"
    done: bool = True
    unterminated: bool = False
    tail: bytes = b""
    json_spaces: bool = False
    multi_line: bool = False
    comments: bool = False
    idle: tuple[str, ...] = ()
    object_name: str = ""
    empty_id: bool = False
    finish: bool = True
    finish_names: dict[str, str] = field(default_factory=dict)
    finish_key_always: bool = True
    text_with_finish: bool = False
    last_text: str = ""
    role_in_every_delta: bool = False
    role_delta: bool = True
    empty_deltas: int = 0
    words_per_chunk: int = 1
    extra_text: str = ""
    usage: str = "asked"
    reasoning: str = "reasoning"
    calls: str = "pieces"
    call_index: str = "normal"
    call_id: str = "once"
    call_name: str = "once"
    arguments_as_dict: bool = False
    cached_tokens: int = 0
    extra: dict[str, Any] = field(default_factory=dict)
    extra_choice: dict[str, Any] = field(default_factory=dict)
    extra_delta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, allowed in _WORDS.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")

    def events(self, chunks: list[Chunk], usage: dict[str, Any], asked: bool) -> list[bytes]:
        """The stream's bytes, one item an event.

        Args:
            chunks: Correct chunks, each with choices.
            usage: The usage of the whole answer.
            asked: Whether the client asked for it.
        """
        made = self._reshape(copy.deepcopy(chunks))
        made = self._with_usage(made, usage, asked)
        ids: dict[int, dict[int, str]] = {}
        for chunk in made:
            self._decorate(chunk, ids)
        data = [sse.to_json(chunk, spaces=self.json_spaces) for chunk in made]
        for place, idle in enumerate(self.idle):
            data.insert(min(place + 1, len(data)), idle)
        events = [self._event(item) for item in data]
        if self.done:
            events.append(self._event("[DONE]"))
        if self.unterminated:
            events[-1] = events[-1].removesuffix(2 * self.line_end.encode())
        return [*events, self.tail] if self.tail else events

    def body(self, body: Chunk) -> Chunk:
        """A reply that is not streamed, with the quirks that apply to it."""
        body = copy.deepcopy(body)
        for choice in body["choices"]:
            message = choice["message"]
            self._spell_reasoning(message, whole=True)
            for index, call in enumerate(message.get("tool_calls", ())):
                self._spell_whole_call(index, call)
            choice["finish_reason"] = self._finish_name(choice["finish_reason"])
            choice.update(self.extra_choice)
        if self.usage == "never":
            del body["usage"]
        return self._frame(body)

    def _spell_whole_call(self, index: int, call: Chunk) -> None:
        if self.arguments_as_dict:
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        if self.call_id in ("empty", "number"):
            call["id"] = "" if self.call_id == "empty" else index
        elif self.call_id == "missing":
            del call["id"]

    def _event(self, data: str) -> bytes:
        event = sse.event(
            data, space=self.space_after_data, line_end=self.line_end, multi_line=self.multi_line
        )
        return sse.comment("keep-alive", line_end=self.line_end) + event if self.comments else event

    def _reshape(self, chunks: list[Chunk]) -> list[Chunk]:
        if self.words_per_chunk > 1:
            chunks = _join_text(chunks, self.words_per_chunk)
        if self.calls != "pieces":
            chunks = join_calls(chunks, together=self.calls == "together")
        self._spell_stream_reasoning(chunks)
        if self.extra_text:
            first = next((c for c in chunks if _delta(c).get("content")), chunks[0])
            _delta(first)["content"] = self.extra_text + (_delta(first).get("content") or "")
        if not self.role_delta:
            chunks = [c for c in chunks if "role" not in _delta(c)]
        if self.text_with_finish:
            chunks = _merge_last_text(chunks)
        if self.last_text:
            _delta(chunks[-1])["content"] = self.last_text
        for count in range(self.empty_deltas):
            empty = {**chunks[0], "choices": [{"index": 0, "delta": {}, "finish_reason": None}]}
            chunks.insert(min(2 + 2 * count, len(chunks) - 1), empty)
        return chunks

    def _spell_stream_reasoning(self, chunks: list[Chunk]) -> None:
        thoughts = [c for c in chunks if "reasoning" in _delta(c)]
        for chunk in thoughts:
            self._spell_reasoning(_delta(chunk))
        if self.reasoning == "<think>" and thoughts:
            _delta(thoughts[0])["content"] = "<think>" + _delta(thoughts[0])["content"]
            _delta(thoughts[-1])["content"] += "</think>"

    def _spell_reasoning(self, holder: Chunk, *, whole: bool = False) -> None:
        if "reasoning" not in holder or self.reasoning == "reasoning":
            return
        thought = holder.pop("reasoning")
        if self.reasoning != "<think>":
            holder[self.reasoning] = thought
        elif whole:
            holder["content"] = f"<think>{thought}</think>{holder['content'] or ''}"
        else:
            holder["content"] = thought

    def _with_usage(self, chunks: list[Chunk], usage: dict[str, Any], asked: bool) -> list[Chunk]:
        way = self.usage
        if way == "separate" or (way == "asked" and asked):
            return [*chunks, {**chunks[-1], "choices": [], "usage": usage}]
        if way in ("null_then_finish", "null"):
            for chunk in chunks:
                chunk["usage"] = None
        if way in ("with_finish", "null_then_finish"):
            chunks[-1]["usage"] = usage
        if way == "cumulative":
            total, prompt = usage["completion_tokens"], usage["prompt_tokens"]
            for place, chunk in enumerate(chunks, 1):
                so_far = total if place == len(chunks) else min(place, total)
                chunk["usage"] = {
                    "prompt_tokens": prompt,
                    "completion_tokens": so_far,
                    "total_tokens": prompt + so_far,
                }
        return chunks

    def _decorate(self, chunk: Chunk, call_ids: dict[int, dict[int, str]]) -> None:
        self._frame(chunk)
        for choice in chunk["choices"]:
            delta, ids = choice["delta"], call_ids.setdefault(choice["index"], {})
            choice["finish_reason"] = self._finish_name(choice["finish_reason"])
            if choice["finish_reason"] is None and not self.finish_key_always:
                del choice["finish_reason"]
            if self.role_in_every_delta:
                choice["delta"] = delta = {"role": "assistant", "content": "", **delta}
            for call in delta.get("tool_calls", ()):
                spell_call(
                    call, ids, self.call_index, self.call_id, self.call_name, as_dict=self.arguments_as_dict
                )
            delta.update(self.extra_delta)
            choice.update(self.extra_choice)

    def _frame(self, chunk: Chunk) -> Chunk:
        if self.object_name:
            chunk["object"] = self.object_name
        if self.empty_id:
            chunk["id"] = ""
        chunk.update(self.extra)
        return chunk

    def _finish_name(self, reason: str | None) -> str | None:
        if reason is None or not self.finish:
            return None
        return self.finish_names.get(reason, reason)


_WORDS = {
    "line_end": ("\n", "\r\n", "\r"),
    "usage": ("asked", "separate", "with_finish", "null_then_finish", "null", "cumulative", "never"),
    "reasoning": ("reasoning", "reasoning_content", "reasoning_text", "thinking", "<think>"),
    "calls": ("pieces", "whole", "together"),
    "call_index": ("normal", "missing", "from one"),
    "call_id": ("once", "every", "empty after", "empty", "missing", "number"),
    "call_name": ("once", "null after", "empty after"),
}


def _delta(chunk: Chunk) -> Chunk:
    delta: Chunk = chunk["choices"][0]["delta"]
    return delta


def _join_text(chunks: list[Chunk], size: int) -> list[Chunk]:
    joined: list[Chunk] = []
    held = 0
    for chunk in chunks:
        text = _delta(chunk).get("content")
        if text and held and held < size:
            _delta(joined[-1])["content"] += text
            held += 1
            continue
        joined.append(chunk)
        held = 1 if text else 0
    return joined


def _merge_last_text(chunks: list[Chunk]) -> list[Chunk]:
    if len(chunks) < 2 or not _delta(chunks[-2]).get("content"):
        return chunks
    _delta(chunks[-1])["content"] = _delta(chunks[-2])["content"]
    return [*chunks[:-2], chunks[-1]]


PROVIDER_QUIRKS: dict[str, Quirks] = {
    "cerebras": Quirks(
        done=False,
        finish_key_always=False,
        usage="with_finish",
        unterminated=True,
        tail=b'"',
        calls="whole",
        extra={"time_info": {"queue_time": 9.3e-05, "total_time": 0.007, "created": 1740751481}},
    ),
    "cohere": Quirks(usage="with_finish"),
    "fireworks-ai": Quirks(words_per_chunk=3, usage="null_then_finish", reasoning="reasoning_content"),
    "groq": Quirks(calls="whole", usage="with_finish", extra={"x_groq": {"id": "req_offline"}}),
    "hf-inference": Quirks(role_in_every_delta=True, role_delta=False, empty_id=True, usage="null"),
    "tgi": Quirks(
        space_after_data=False,
        object_name="text_completion",
        empty_id=True,
        role_in_every_delta=True,
        role_delta=False,
        last_text="</s>",
        finish_names={"stop": "eos_token", "tool_calls": "eos_token"},
        usage="never",
        done=False,
        calls="whole",
        call_id="number",
        arguments_as_dict=True,
    ),
    "hyperbolic": Quirks(json_spaces=True, usage="cumulative", extra_choice={"stop_reason": None}),
    "nebius": Quirks(
        text_with_finish=True, extra_choice={"stop_reason": None}, reasoning="reasoning_content"
    ),
    "novita": Quirks(
        usage="separate",
        reasoning="reasoning_content",
        extra={"sla_metrics": {"ttft_ms": 274, "ts_us": 1786507380308596}},
    ),
    "novita-2025": Quirks(
        empty_deltas=3,
        text_with_finish=True,
        usage="cumulative",
        extra_choice={
            "content_filter_results": {"hate": {"filtered": False}, "jailbreak": {"detected": False}}
        },
    ),
    "sambanova": Quirks(role_in_every_delta=True, usage="never"),
    "together": Quirks(
        role_in_every_delta=True,
        role_delta=False,
        finish_names={"stop": "eos"},
        usage="null_then_finish",
        extra={"prompt": []},
        extra_choice={"seed": 2656524259183638000123, "text": ""},
        extra_delta={"token_id": 17},
    ),
    "mistral": Quirks(usage="with_finish"),
    "openrouter": Quirks(comments=True),
}
"""How the streams of named providers were recorded."""
