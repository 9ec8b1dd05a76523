"""What the models see and give: a checked chat request, and an answer not yet on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .media import Media


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation: its role, its text, and what hangs on it."""

    role: str
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the client offers; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool: in a history with its id and arguments as sent, in an answer without id."""

    name: str
    arguments: dict[str, Any] | str
    id: str = ""


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A checked request for a chat completion."""

    model: str
    provider: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or `=` and the name of the tool that must be called."""
    parallel_tool_calls: bool = True
    schema: dict[str, Any] | None = None
    """The JSON schema that the answer must follow; `{}` for any JSON object, None for plain text."""
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    n: int = 1
    seed: int | None = None
    top_logprobs: int | None = None
    """None: no log-probabilities; otherwise how many alternatives each token gets."""
    reasoning_effort: str = ""
    stream: bool = False
    include_usage: bool = False

    @property
    def question(self) -> Message:
        """The last message of the user; an empty one when there is none."""
        return next((m for m in reversed(self.messages) if m.role == "user"), Message("user", ""))

    @property
    def since_question(self) -> tuple[Message, ...]:
        """Everything said after the user's last message: the tool calls and results of the turn."""
        for place in range(len(self.messages) - 1, -1, -1):
            if self.messages[place].role == "user":
                return self.messages[place + 1 :]
        return self.messages


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says: text, thoughts, calls of tools."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = field(default=())
    fingerprint: str = ""
    """Says how the answer was made, where there is more than one way."""
