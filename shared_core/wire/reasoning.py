"""Reasoning, in every spelling: separate fields, and `<think>` tags inside the content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["REASONING_FIELDS", "ThinkSplitter", "reasoning_of", "split_think"]

REASONING_FIELDS = ("reasoning", "reasoning_content", "reasoning_text", "thinking")
"""Where providers put it: groq, cerebras and together; DeepSeek's style (fireworks, novita, deepinfra,
zai-org); and two rarer ones. Source: router protocol notes, section 4.5 (November 2026)."""

_OPEN, _CLOSE = "<think>", "</think>"


def reasoning_of(message: Mapping[str, Any]) -> str:
    """The reasoning text of a message or delta; "" when there is none."""
    for field in REASONING_FIELDS:
        value = message.get(field)
        if value and isinstance(value, str):
            return value
    return ""


class ThinkSplitter:
    """Splits streamed content at `<think>` and `</think>`, wherever the pieces are cut.

    Only a tag at the very beginning opens reasoning: further on, the model is talking about tags. Line ends
    beside the tags belong to neither, wherever the pieces are cut.
    """

    __slots__ = ("_pending", "_state")

    def __init__(self) -> None:
        self._state = "start"  # start, opening, thinking, after, answer
        self._pending = ""

    def feed(self, piece: str) -> tuple[str, str]:
        """The (reasoning, text) that is certain now; an unfinished tag is held back."""
        if self._state == "answer":
            return "", piece
        self._pending += piece
        reasoning = ""
        if self._state == "start":
            seen = self._pending.lstrip()
            if _OPEN.startswith(seen[: len(_OPEN)]) and len(seen) < len(_OPEN):
                return "", ""
            if not seen.startswith(_OPEN):
                self._state = "answer"
                return "", self._take()
            self._state, self._pending = "opening", seen[len(_OPEN) :]
        if self._state == "opening":
            self._pending = self._pending.lstrip("\n")
            if not self._pending:
                return "", ""
            self._state = "thinking"
        if self._state == "thinking":
            reasoning, closed, rest = self._pending.partition(_CLOSE)
            if not closed:
                keep = _overlap(self._pending, _CLOSE)
                # Line ends are held back too: they may be the last before the tag.
                reasoning = self._pending[: len(self._pending) - keep].rstrip("\n")
                self._pending = self._pending[len(reasoning) :]
                return reasoning, ""
            reasoning = reasoning.rstrip("\n")
            self._state, self._pending = "after", rest
        # The blank lines between the tag and the answer belong to neither.
        self._pending = self._pending.lstrip()
        if self._pending:
            self._state = "answer"
            return reasoning, self._take()
        return reasoning, ""

    def end(self) -> tuple[str, str]:
        """What was held back."""
        rest = self._take()
        return (rest.rstrip("\n"), "") if self._state == "thinking" else ("", rest)

    def _take(self) -> str:
        pending, self._pending = self._pending, ""
        return pending


def split_think(content: str) -> tuple[str, str]:
    """The (reasoning, text) of a whole content.

    Some chat templates write the opening tag into the prompt, so that only the closing one comes back.
    """
    if _OPEN not in content and _CLOSE in content:
        content = _OPEN + content
    splitter = ThinkSplitter()
    reasoning, text = splitter.feed(content)
    more_reasoning, more_text = splitter.end()
    return reasoning + more_reasoning, text + more_text


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    for size in range(min(len(tag) - 1, len(text)), 0, -1):
        if text.endswith(tag[:size]):
            return size
    return 0
