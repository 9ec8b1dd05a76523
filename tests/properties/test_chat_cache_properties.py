"""Whatever a provider answers, it is the same after the cache; and whatever lies in a cache, it is read or a miss."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_core.cache.chat_form import REMEMBERED, packed, unpacked
from shared_core.types import ChatReply, Choice, ReplyMeta, ToolCall, Usage

quick = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
texts = st.text(st.characters(codec=None))  # lone surrogates too
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
values: Any = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
bodies = st.dictionaries(texts, values, max_size=4)
counts = st.integers(0, 2**40)
choices = st.builds(
    Choice,
    st.integers(0, 5),
    texts,
    texts,
    st.lists(st.builds(ToolCall, texts, texts, texts), max_size=3).map(tuple),
    texts,
    st.none() | texts,
    st.none() | bodies,
)
replies = st.builds(
    ChatReply,
    st.lists(choices, min_size=1, max_size=3).map(tuple),
    st.none() | st.builds(Usage, counts, counts, counts, st.none() | counts, st.none() | counts, bodies),
    st.builds(ReplyMeta, texts, st.none() | texts, st.none() | texts, url=texts),
    texts,
    st.none() | counts,
    st.none() | texts,
    bodies,
)


@quick
@given(replies)
def test_an_answer_is_the_same_after_it_was_remembered(reply: ChatReply) -> None:
    data = packed(reply)
    assert data is not None
    again = unpacked(data)
    assert again is not None
    assert again == replace(
        reply, meta=replace(reply.meta, attempts=0, cost=REMEMBERED, cached=True, headers={})
    )
    assert [type(call) for choice in again.choices for call in choice.tool_calls] == [
        ToolCall for choice in reply.choices for _ in choice.tool_calls
    ]
    assert packed(again) == data


@quick
@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_answer_counts_as_nothing(data: bytes) -> None:
    assert unpacked(data) is None


@quick
@given(replies, st.data())
def test_a_damaged_answer_is_nothing_or_one_whose_parts_are_what_they_should_be(
    reply: ChatReply, data: Any
) -> None:
    form = json.loads(packed(reply) or b"")
    place = data.draw(st.sampled_from(sorted(form)))
    form[place] = data.draw(values)
    again = unpacked(json.dumps(form).encode())
    if again is not None:
        assert all(isinstance(choice.text, str) for choice in again.choices)
        assert again.usage is None or isinstance(again.usage.prompt_tokens, int)
        assert isinstance(again.raw, dict)
        assert isinstance(again.id, str)


@quick
@given(replies, st.integers(0, 40))
def test_half_an_answer_is_nothing(reply: ChatReply, cut: int) -> None:
    data = packed(reply) or b""
    assert unpacked(data[: len(data) - 1 - cut]) is None
