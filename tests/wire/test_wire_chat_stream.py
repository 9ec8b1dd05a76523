"""A streamed reply on its way in: every provider's way of streaming, as recorded."""

from __future__ import annotations

import pytest
from stream_bodies import DONE, META, USAGE, chunk, event, read, text

from shared_core.types import ChatDelta, Choice, ToolCall, ToolCallDelta, Usage
from shared_core.wire.chat_stream import ChatStreamReader

HELLO = Choice(text="Hello!", finish_reason="stop")
U = Usage(3, 2, 5, raw=USAGE)

STREAMS: dict[str, tuple[list[bytes], Choice, Usage | None]] = {
    "openai: role first, finish apart, usage in a chunk of its own": (
        [
            event(chunk({"role": "assistant", "content": "", "refusal": None}, None)),
            event(text("Hel")),
            event(text("lo!")),
            event(chunk({}, "stop")),
            event({"id": "c1", "choices": [], "usage": USAGE}),
            DONE,
        ],
        HELLO,
        U,
    ),
    "cerebras: no finish_reason key until the end, usage with choices, no [DONE]": (
        [
            event(chunk({"role": "assistant"})),
            event(chunk({"content": "Hello!"})),
            event(chunk({}, "stop", usage=USAGE, time_info={"total_time": 0.007})),
        ],
        HELLO,
        U,
    ),
    "cerebras: a stray quotation mark where the blank line belongs": (
        [event(text("Hello!")), event(chunk({}, "stop", usage=USAGE)).rstrip() + b'"'],
        HELLO,
        U,
    ),
    "fireworks: usage null until the end": (
        [event(text("Hello!", usage=None)), event(chunk({}, "stop", usage=USAGE)), DONE],
        HELLO,
        U,
    ),
    "hf-inference: role and content in every delta, an empty id, usage always null": (
        [
            event({**chunk({"role": "assistant", "content": "Hello!"}, None, usage=None), "id": ""}),
            event(chunk({"role": "assistant", "content": ""}, "stop", usage=None)),
            DONE,
        ],
        HELLO,
        None,
    ),
    "TGI of 2024: no space after data, its end mark as text, eos_token, no [DONE]": (
        [
            event(chunk({"role": "assistant", "content": "Hello!"}, None), b"data:"),
            event(chunk({"role": "assistant", "content": "</s>"}, "eos_token"), b"data:"),
        ],
        HELLO,
        None,
    ),
    "hyperbolic: cumulative usage in every chunk is counted once": (
        [
            event(text("Hel", usage={**USAGE, "completion_tokens": 1, "total_tokens": 4})),
            event(text("lo!", usage=USAGE)),
            event(chunk({}, "stop", usage=USAGE, stop_reason=None)),
            DONE,
        ],
        HELLO,
        U,
    ),
    "nebius: the last chunk carries text and finish": (
        [event(text("Hel")), event(text("lo!", "stop")), DONE],
        HELLO,
        None,
    ),
    "novita: empty deltas in the middle": (
        [
            event(text("Hel")),
            event(chunk({}, None)),
            event(chunk({}, None)),
            event(text("lo!", "stop")),
            DONE,
        ],
        HELLO,
        None,
    ),
    "novita: usage in a last chunk with other things": (
        [
            event(text("Hello!", "stop")),
            event({"choices": [], "usage": USAGE, "sla_metrics": {"ttft_ms": 1}}),
            DONE,
        ],
        HELLO,
        U,
    ),
    "sambanova: role repeated, last content empty": (
        [
            event(chunk({"role": "assistant", "content": "Hello!"}, None)),
            event(chunk({"role": "assistant", "content": ""}, "stop")),
            DONE,
        ],
        HELLO,
        None,
    ),
    "together: eos, a seed beyond 64 bits, token ids, null tool calls": (
        [
            event(
                {
                    **chunk(
                        {"role": "assistant", "content": "Hello!", "tool_calls": None, "token_id": 17}, None
                    ),
                    "seed": 2656524259183638000123,
                }
            ),
            event(chunk({"content": "", "tool_calls": None}, "eos", usage={**USAGE, "cached_tokens": 1})),
            DONE,
        ],
        HELLO,
        Usage(3, 2, 5, 1, raw={**USAGE, "cached_tokens": 1}),
    ),
    "groq: usage hidden in x_groq": (
        [event(text("Hello!")), event(chunk({}, "stop", x_groq={"id": "r", "usage": USAGE})), DONE],
        HELLO,
        U,
    ),
    "usage told twice is counted once": (
        [event(text("Hello!", "stop", usage=USAGE)), event({"choices": [], "usage": USAGE}), DONE],
        HELLO,
        U,
    ),
    "keep-alives of every kind": (
        [
            b": keep-alive\n\n",
            event({}),
            event({"choices": []}),
            b"event: ping\ndata: {}\n\n",
            b"data:\n\n",
            event({"choices": None}),
            event([]),
            event(None),
            event(text("Hello!", "stop")),
            DONE,
        ],
        HELLO,
        None,
    ),
    "choices that are no choices": (
        [
            event({"choices": 7}),
            event({"choices": [None, 7, "x"]}),
            event({"choices": {"a": 1}}),
            event(text("Hello!", "stop")),
            DONE,
        ],
        HELLO,
        None,
    ),
    "a delta that is null, and one that is missing": (
        [event(chunk(None, None)), event({"choices": [{"index": 0}]}), event(text("Hello!", "stop")), DONE],
        HELLO,
        None,
    ),
    "no index": (
        [event({"choices": [{"delta": {"content": "Hello!"}, "finish_reason": "stop"}]}), DONE],
        HELLO,
        None,
    ),
    "content as a list of parts": (
        [event(chunk({"content": [{"type": "text", "text": "Hello!"}]}, "stop")), DONE],
        HELLO,
        None,
    ),
    "[DONE] without a space": ([event(text("Hello!", "stop")), b"data:[DONE]\n\n"], HELLO, None),
    "[DONE] with blanks around it": ([event(text("Hello!", "stop")), b"data:  [DONE] \n\n"], HELLO, None),
    "[DONE] without a finish reason is an end": (
        [event(text("Hello!")), DONE],
        Choice(text="Hello!"),
        None,
    ),
    "a finish reason without [DONE] is an end": (
        [event(text("Hello!", "length"))],
        Choice(text="Hello!", finish_reason="length"),
        None,
    ),
    "whatever follows [DONE] is ignored": (
        [event(text("Hello!", "stop")), DONE, event(text("more")), b"data: junk\n\n"],
        HELLO,
        None,
    ),
    "line separators inside the text": (
        [event(text("a\u2028b\u0085c", "stop")), DONE],
        Choice(text="a\u2028b\u0085c", finish_reason="stop"),
        None,
    ),
    "an event over several data lines": (
        [
            b'data: {"choices": [{"delta":\ndata: {"content": "Hello!"},\ndata: "finish_reason": "stop"}]}\n\n',
            DONE,
        ],
        HELLO,
        None,
    ),
    "broken UTF-8 becomes a replacement character": (
        [b'data: {"choices":[{"delta":{"content":"a\xff"},"finish_reason":"stop"}]}\n\n', DONE],
        Choice(text="a\ufffd", finish_reason="stop"),
        None,
    ),
    "not-a-number for counts and times": (
        [
            b'data: {"created":NaN,"choices":[{"delta":{"content":"Hello!"},"finish_reason":"stop"}]}\n\n',
            DONE,
        ],
        HELLO,
        None,
    ),
    "reasoning, then the answer": (
        [
            event(chunk({"reasoning": "h"}, None)),
            event(chunk({"reasoning": "m"}, None)),
            event(text("Hello!", "stop")),
        ],
        Choice(text="Hello!", reasoning="hm", finish_reason="stop"),
        None,
    ),
    "reasoning in DeepSeek's field, content null beside it": (
        [event(chunk({"reasoning_content": "hm", "content": None}, None)), event(text("Hello!", "stop"))],
        Choice(text="Hello!", reasoning="hm", finish_reason="stop"),
        None,
    ),
    "a refusal in pieces": (
        [event(chunk({"refusal": "N"}, None)), event(chunk({"refusal": "o."}, "stop")), DONE],
        Choice(refusal="No.", finish_reason="stop"),
        None,
    ),
    "log-probabilities add up": (
        [
            event({"choices": [{"delta": {"content": "a"}, "logprobs": {"content": [{"token": "a"}]}}]}),
            event(
                {
                    "choices": [
                        {
                            "delta": {"content": "b"},
                            "logprobs": {"content": [{"token": "b"}]},
                            "finish_reason": "stop",
                        }
                    ]
                }
            ),
        ],
        Choice(text="ab", finish_reason="stop", logprobs={"content": [{"token": "a"}, {"token": "b"}]}),
        None,
    ),
    "a tool call in pieces, ended with stop": (
        [
            event(
                chunk(
                    {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]},
                    None,
                )
            ),
            event(chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]}, None)),
            event(chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}, None)),
            event(chunk({}, "stop")),
            DONE,
        ],
        Choice(tool_calls=(ToolCall("a", "f", '{"x":1}'),), finish_reason="tool_calls"),
        None,
    ),
    "the word None beside a tool call is not content": (
        [
            event(
                chunk(
                    {
                        "content": "None",
                        "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}],
                    },
                    "tool_calls",
                )
            ),
            DONE,
        ],
        Choice(tool_calls=(ToolCall("a", "f", "{}"),), finish_reason="tool_calls"),
        None,
    ),
    "the word None alone is content": (
        [event(text("None", "stop"))],
        Choice(text="None", finish_reason="stop"),
        None,
    ),
}


@pytest.mark.parametrize(("body", "choice", "usage"), STREAMS.values(), ids=STREAMS.keys())
def test_a_stream_comes_to_a_reply(body: list[bytes], choice: Choice, usage: Usage | None) -> None:
    _, reply = read(*body)
    assert reply.choices == (choice,)
    assert reply.usage == usage


@pytest.mark.parametrize(("body", "choice", "usage"), STREAMS.values(), ids=STREAMS.keys())
def test_its_deltas_add_up_to_the_same_and_usage_comes_once_and_last(
    body: list[bytes], choice: Choice, usage: Usage | None
) -> None:
    deltas, _ = read(*body)
    assert "".join(delta.text for delta in deltas) == choice.text
    assert "".join(delta.reasoning for delta in deltas) == choice.reasoning
    assert "".join(delta.refusal for delta in deltas) == choice.refusal
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == [choice.finish_reason] * bool(
        choice.finish_reason
    )
    assert [delta.usage for delta in deltas if delta.usage] == [usage] * bool(usage)
    if usage:
        assert deltas[-1] == ChatDelta(usage=usage)
    assert ChatDelta() not in deltas


@pytest.mark.parametrize(("body", "choice", "usage"), STREAMS.values(), ids=STREAMS.keys())
def test_the_same_stream_byte_by_byte_gives_the_same_deltas(
    body: list[bytes], choice: Choice, usage: Usage | None
) -> None:
    whole = b"".join(body)
    assert read(*(whole[at : at + 1] for at in range(len(whole)))) == read(whole)


def test_several_answers_are_kept_apart() -> None:
    body = [text("a"), text("x", index=1), text("b", "stop"), text("y", "length", index=1)]
    _, reply = read(*map(event, body), DONE)
    assert [(choice.index, choice.text, choice.finish_reason) for choice in reply.choices] == [
        (0, "ab", "stop"),
        (1, "xy", "length"),
    ]


def test_the_head_of_the_first_chunk_with_an_answer_names_model_id_and_time() -> None:
    body = event({"prompt_filter_results": [], "choices": [], "model": ""}) + event(
        text("Hi", "stop", system_fingerprint="fp_1")
    )
    reader = ChatStreamReader()
    reader.feed(body)
    reply = reader.reply(META)
    assert (reader.model, reply.id, reply.created, reply.system_fingerprint) == (
        "served/model",
        "c1",
        1786000000,
        "fp_1",
    )


def test_a_whole_tool_call_is_one_delta() -> None:
    piece = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    deltas, _ = read(event(chunk({"tool_calls": [piece]}, "tool_calls")), DONE)
    assert deltas == [ChatDelta(tool_calls=(ToolCallDelta(0, "a", "f", "{}"),), finish_reason="tool_calls")]


def test_one_read_gives_all_its_deltas_at_once() -> None:
    reader = ChatStreamReader()
    assert [delta.text for delta in reader.feed(event(text("a")) + event(text("b")) + event(text("c")))] == [
        "a",
        "b",
        "c",
    ]


def test_nothing_is_content_about_a_keep_alive_so_that_no_time_limit_starts_anew() -> None:
    reader = ChatStreamReader()
    for piece in (
        b": hi\n\n",
        event({}),
        event(chunk({"role": "assistant", "content": ""}, None)),
        event(chunk({}, None)),
    ):
        assert reader.feed(piece) == []


def test_think_tags_are_split_off_when_asked_for() -> None:
    pieces = [text("<thi"), text("nk>h"), text("m</thi"), text("nk>\n"), text("Hi", "stop")]
    deltas, reply = read(*map(event, pieces), DONE, tags=True)
    assert (reply.reasoning, reply.text) == ("hm", "Hi")
    assert "".join(delta.reasoning for delta in deltas) == "hm"
    assert "".join(delta.text for delta in deltas) == "Hi"


def test_a_tag_that_never_came_is_given_back_at_the_end() -> None:
    _, reply = read(event(text("<thi", "stop")), DONE, tags=True)
    assert reply.text == "<thi"


def test_think_tags_are_content_unless_asked_for() -> None:
    _, reply = read(event(text("<think>hm</think>Hi", "stop")))
    assert (reply.reasoning, reply.text) == ("", "<think>hm</think>Hi")
