"""`offline/tools`: calls the offered tool that fits, fills schemas, and puts tool results into words.

A tool fits a message by the words that the message shares with its name and description. A message that asks
for several things (`the weather in Paris and Rome`) is taken apart at its conjunctions and gives several
calls.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from shared_core.testing.call import Answer, ChatCall, Message, Tool, ToolCall

from . import artifacts, react
from .instance import instance, schema_in_prompt, source_text
from .reasoner import solve, think
from .schema import fill, numbers_needed
from .words import Reading, names, telling

_FITS = 2
_AND = re.compile(r"\s*;\s*|,?\s+(?:and|then)\s+(?:then\s+)?(?:also\s+)?|[.?!]\s+(?=[A-Z])")
_RESULT = re.compile(r"\b(?:the|its|that) (?:result|sum|product|answer|outcome)\b|\b(?:it|that)\b", re.I)
_LISTED = re.compile(r",\s+(?![A-Z]{2}\b)")


def tools(call: ChatCall) -> Answer:
    """Tool calls, a structured answer, or text."""
    thoughts = (
        think(call.question.text, call.reasoning_effort) if call.reasoning_effort not in ("", "none") else ""
    )
    calls = choose(call)
    if calls:
        return Answer(reasoning=thoughts, tool_calls=calls)
    if call.schema is not None:
        return Answer(instance(call).text, thoughts)
    return Answer(_say(call), thoughts)


def choose(call: ChatCall) -> tuple[ToolCall, ...]:
    """Tool calls to make now, as `tool_choice` and `parallel_tool_calls` allow; none: answer in words."""
    if not call.tools or call.tool_choice == "none":
        return ()
    made = Counter(item.name for message in call.since_question for item in message.tool_calls)
    if call.tool_choice.startswith("="):
        tool = next(tool for tool in call.tools if tool.name == call.tool_choice[1:])
        wanted = [item for item in _plan(call.question.text, (tool,)) if item.name == tool.name]
        calls = _filled(wanted or [_Wish(tool, source_text(call))], artifacts.known(call))
    else:
        results = [message.text for message in call.since_question if message.role == "tool"]
        plan = _plan(call.question.text, call.tools)
        calls = _filled(_still_to_do(plan, made, results), artifacts.known(call))
        if not calls and call.tool_choice == "required":
            calls = (_forced(call, made),)
    return calls if call.parallel_tool_calls else calls[:1]


@dataclass(slots=True)
class _Wish:
    """A tool, and the part of the message that asks for it."""

    tool: Tool
    text: str

    @property
    def name(self) -> str:
        return self.tool.name


def _arguments(tool: Tool, text: str) -> dict[str, Any]:
    """The tool's arguments; words of its own name are what is asked, not what it is asked about."""
    filled: dict[str, Any] = fill(tool.parameters, text, frozenset(telling(tool.name)))
    return filled


def _filled(wishes: list[_Wish], known: list[str]) -> tuple[ToolCall, ...]:
    calls = []
    for wish in wishes:
        arguments = _arguments(wish.tool, wish.text)
        calls.append(ToolCall(wish.name, artifacts.filled(wish.tool, arguments, wish.text, known)))
    return tuple(calls)


def _still_to_do(wishes: list[_Wish], made: Counter[str], results: list[str]) -> list[_Wish]:
    """What of the plan was not called yet in this turn, counted by name: arguments may differ in spelling.

    A step that works on the result of another waits for it: `add 3 and 4, then multiply the result by 10`,
    `paint a fox, then animate it`.
    """
    left = Counter(made)
    kept: list[_Wish] = []
    for wish in wishes:
        if left[wish.name] > 0:
            left[wish.name] -= 1
        elif _waits_for_one(wish, kept):
            break
        elif not (_incomplete(wish) and _RESULT.search(wish.text)):
            kept.append(wish)
        elif results and not kept:
            kept.append(_Wish(wish.tool, _RESULT.sub(lambda _: results[-1], wish.text)))
    return kept


def _waits_for_one(wish: _Wish, before: list[_Wish]) -> bool:
    """Whether a step takes the id of something that a step before it is about to make."""
    named = artifacts.ids(wish.text)
    return (
        bool(artifacts.wanted(wish.tool)) and not named and any(artifacts.makes_one(w.tool) for w in before)
    )


def _forced(call: ChatCall, made: Counter[str]) -> ToolCall:
    """A call where one is required: the best tool not called yet, filled from the message and the results."""
    fresh = [tool for tool in call.tools if not made[tool.name]] or list(call.tools)
    best = max(fresh, key=lambda tool: fitness(call.question.text, tool))
    return _filled([_Wish(best, source_text(call))], artifacts.known(call))[0]


def fitness(text: str, tool: Tool) -> int:
    """How well a tool fits: 3 a word of its name, 1 a word of its description, 100 when named outright.

    One more where both texts begin with one word, as `Edit it` and `Edit a picture` do.
    """
    if Reading(text).mentions(tool.name):
        return 100
    told = telling(text)
    own = telling(tool.name)
    first, opens = (telling(words.strip().partition(" ")[0]) for words in (text, tool.description))
    return 3 * len(told & own) + len(told & (telling(tool.description) - own)) + bool(first & opens)


def _best(text: str, tools: tuple[Tool, ...]) -> Tool | None:
    # Of two that fit alike, one that needs no picture yet comes first.
    ranked = sorted(tools, key=lambda tool: (-fitness(text, tool), bool(artifacts.wanted(tool))))
    return ranked[0] if ranked and fitness(text, ranked[0]) >= _FITS else None


def _plan(text: str, tools: tuple[Tool, ...]) -> list[_Wish]:
    """Every call that the message asks for, in its order."""
    overall = _best(text, tools)
    if overall is None:
        return []
    wishes: list[_Wish] = []
    lead = ""
    for part in _parts(text):
        tool = _best(part, tools)
        if wishes and _incomplete(wishes[-1]) and not _RESULT.search(wishes[-1].text):
            wishes[-1].text += f" and {part}"
        elif tool is not None:
            wishes.append(_Wish(tool, f"{lead} {part}".strip()))
            lead = ""
        elif wishes and _only_a_name(part) and not _takes_lists(wishes[-1].tool):
            wishes.append(_Wish(wishes[-1].tool, part))
        elif wishes:
            wishes[-1].text += f" and {part}"
        else:
            lead = f"{lead} {part}".strip()
    return _without_repeats(wishes) or [_Wish(overall, text)]


def _parts(text: str) -> list[str]:
    parts = [part for part in _AND.split(text) if part.strip()]
    if len(parts) < 2:
        return parts
    # Commas part a list only where a conjunction shows that there is one: "Paris, London and Rome".
    return [piece for part in parts for piece in _LISTED.split(part) if piece.strip()]


def _incomplete(wish: _Wish) -> bool:
    """Whether the tool needs more numbers than its part of the message has: `add 3` of `add 3 and 4`."""
    return numbers_needed(wish.tool.parameters) > len(Reading(wish.text).numbers)


def _only_a_name(part: str) -> bool:
    """Whether a part is no more than a name, as `in Los Angeles?` is."""
    found = names(part)
    rest = telling(part.replace(found[0], " ")) if found else {"something"}
    return not rest


def _takes_lists(tool: Tool) -> bool:
    kinds = (
        item.get("type") for item in tool.parameters.get("properties", {}).values() if isinstance(item, dict)
    )
    return "array" in kinds


def _without_repeats(wishes: list[_Wish]) -> list[_Wish]:
    """Sentences that only repeat the request (`Use the tool.`) ask for no second call."""
    kept: list[_Wish] = []
    seen: list[object] = []
    for wish in wishes:
        key = (wish.name, _arguments(wish.tool, wish.text))
        again = any(earlier.name == wish.name for earlier in kept) and not Reading(wish.text).strings
        if key not in seen and not (again and not Reading(wish.text).numbers):
            kept.append(wish)
            seen.append(key)
    return kept


def _say(call: ChatCall) -> str:
    results = [message for message in call.since_question if message.role == "tool"]
    if results:
        return _report(call, results)
    if react.asked_for(call):
        return react.step(call)
    if schema_in_prompt(call) is not None:
        return instance(call).text
    seen = [str(item) for item in call.question.media]
    text = call.question.text.strip()
    if seen:
        return f"I received {' and '.join(seen)}."
    if not telling(text) and text:
        return "Hello! I am offline/tools, a stand-in without a language model. What can I do for you?"
    return solve(text) or f"No tool that I was offered fits, and I know nothing by myself. You said: {text}"


def _report(call: ChatCall, results: list[Message]) -> str:
    """The results of the tools, in words."""
    called = {item.id: item.name for message in call.messages for item in message.tool_calls}
    lines = []
    for result in results:
        seen = " and ".join(str(item) for item in result.media)
        what = " with ".join(item for item in (result.text.strip(), seen) if item) or "nothing"
        lines.append(f"{called.get(result.tool_call_id, 'The tool')} says: {what}")
    return "\n".join(lines)
