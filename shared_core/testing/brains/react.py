"""The ReAct manner of calling tools in plain text: `Thought:`, `Action:`, `Action Input:`, then an
`Observation:`.

Agents that mistrust tool calling describe their tools in the prompt; `offline/tools` reads that description
as it reads `tools`.
"""

from __future__ import annotations

import json
import re

from shared_core.testing.call import ChatCall, Tool
from shared_core.testing.sse import to_json

from .schema import fill
from .words import telling

_TOOL = re.compile(
    r"> Tool Name: (?P<name>\S+)\s+Tool Description: (?P<about>.*?)\s+Tool Args: (?P<args>\{.*\})", re.S
)


def asked_for(call: ChatCall) -> bool:
    """Whether the prompt describes the ReAct manner."""
    return any(
        "Action Input:" in m.text and "> Tool Name:" in m.text for m in call.messages if m.role != "assistant"
    )


def step(call: ChatCall) -> str:
    """The next step: an action when a described tool fits, the answer after an observation."""
    if call.question.text.lstrip().startswith("Observation:"):
        seen = call.question.text.lstrip().removeprefix("Observation:").strip()
        return f"Thought: I can answer without using any more tools.\nAnswer: {seen}"
    told = telling(call.question.text)
    fitting = [tool for tool in _described(call) if told & telling(f"{tool.name} {tool.description[:400]}")]
    if not fitting:
        return f"Thought: I can answer without using any more tools.\nAnswer: You said: {call.question.text}"
    tool = max(fitting, key=lambda item: len(told & telling(item.name)))
    arguments = to_json(fill(tool.parameters, call.question.text), spaces=True)
    return f"Thought: I need to use a tool to help me.\nAction: {tool.name}\nAction Input: {arguments}"


def _described(call: ChatCall) -> list[Tool]:
    found = []
    for message in call.messages:
        for block in message.text.split("\n\n"):
            match = _TOOL.search(block)
            if match:
                parameters = json.JSONDecoder().raw_decode(match["args"])[0]
                found.append(Tool(match["name"], match["about"], parameters))
    return found
