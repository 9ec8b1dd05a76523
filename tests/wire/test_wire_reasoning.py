"""Reasoning under all its names, and `<think>` tags split off wherever the pieces are cut."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core.wire.reasoning import REASONING_FIELDS, ThinkSplitter, reasoning_of, split_think


def split_streamed(*pieces: str) -> tuple[str, str]:
    splitter = ThinkSplitter()
    parts = [splitter.feed(piece) for piece in pieces] + [splitter.end()]
    return "".join(part[0] for part in parts), "".join(part[1] for part in parts)


@pytest.mark.parametrize("field", REASONING_FIELDS)
def test_reasoning_is_found_under_the_name(field: str) -> None:
    assert reasoning_of({"content": "x", field: "because"}) == "because"


NO_REASONING: dict[str, dict[str, Any]] = {
    "no such field": {"content": "x"},
    "null": {"reasoning": None},
    "empty": {"reasoning_content": ""},
    "an object": {"reasoning": {"effort": "low"}},
    "a list": {"thinking": ["a"]},
}


@pytest.mark.parametrize("message", NO_REASONING.values(), ids=NO_REASONING.keys())
def test_there_is_no_reasoning(message: dict[str, Any]) -> None:
    assert reasoning_of(message) == ""


def test_a_field_that_is_null_does_not_hide_the_one_that_is_not() -> None:
    assert reasoning_of({"reasoning": None, "reasoning_content": "because"}) == "because"


def test_the_same_thought_under_two_names_is_told_once() -> None:
    assert reasoning_of({"reasoning": "because", "reasoning_content": "because"}) == "because"


CONTENTS = {
    "no tag": ("Hello.", "", "Hello."),
    "a thought, then the answer": ("<think>hm</think>Yes.", "hm", "Yes."),
    "blank lines around the thought": ("<think>\nhm</think>\n\nYes.", "hm", "Yes."),
    "white space before the tag": ("\n <think>hm</think>Yes.", "hm", "Yes."),
    "an empty thought": ("<think>\n\n</think>\n\nYes.", "", "Yes."),
    "a thought that is never closed": ("<think>hm", "hm", ""),
    "a thought and no answer": ("<think>hm</think>", "hm", ""),
    "a tag further on is talk about tags": ("Use <think>x</think>.", "", "Use <think>x</think>."),
    "a second thought is part of the answer": ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
    "nearly a tag": ("<thinking>hm", "", "<thinking>hm"),
    "a smaller-than sign": ("<", "", "<"),
    "nearly a closing tag inside": ("<think>a</thin b</think>c", "a</thin b", "c"),
    "a thought that ends like a closing tag": ("<think>a</thi", "a</thi", ""),
    "leading blanks of an answer without a thought": ("  Hello", "", "  Hello"),
    "only blanks": (" \n", "", " \n"),
    "empty": ("", "", ""),
}


@pytest.mark.parametrize(("content", "reasoning", "text"), CONTENTS.values(), ids=CONTENTS.keys())
def test_a_whole_content_is_split(content: str, reasoning: str, text: str) -> None:
    assert split_think(content) == (reasoning, text)


@pytest.mark.parametrize(("content", "reasoning", "text"), CONTENTS.values(), ids=CONTENTS.keys())
def test_two_pieces_cut_anywhere_give_the_same(content: str, reasoning: str, text: str) -> None:
    for cut in range(len(content) + 1):
        assert split_streamed(content[:cut], content[cut:]) == (reasoning, text), f"cut at {cut}"


@pytest.mark.parametrize(("content", "reasoning", "text"), CONTENTS.values(), ids=CONTENTS.keys())
def test_single_characters_give_the_same(content: str, reasoning: str, text: str) -> None:
    assert split_streamed(*content) == (reasoning, text)


def test_a_closing_tag_alone_ends_a_thought_that_the_prompt_opened() -> None:
    assert split_think("hm</think>\nYes.") == ("hm", "Yes.")


def test_a_thought_is_passed_on_as_it_comes_and_not_held_until_it_is_closed() -> None:
    splitter = ThinkSplitter()
    splitter.feed("<think>")
    assert splitter.feed("first ") == ("first ", "")
    assert splitter.feed("second<") == ("second", "")
    assert splitter.feed("3") == ("<3", "")


def test_an_answer_is_passed_on_as_it_comes() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("Hel") == ("", "Hel")
    assert splitter.feed("<think>") == ("", "<think>")
