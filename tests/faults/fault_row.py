"""A row of the fault table: what the server does, and what must come of it alone and with another target beside it.

Lives here: the form, and the words for rows that are a whole reply. The rows: `refusal_rows`, `broken_rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from calling import TASKS
from fault_server import Say, Step

from shared_core import RouterError

T = TypeVar("T")
ByTask = T | Mapping[str, T]
"""One thing for every task, or one a task; "else" is for those that are not named."""

CHATS = ("chat", "stream")


@dataclass(frozen=True)
class Row:
    """One fault.

    Args:
        name: Begins with its number in the table: "F1 a 429 without Retry-After".
        fault: The steps of the reply that is at fault.
        error: What a call ends with when the fault stays.
        asked: Requests that a host sees which is alone, with one retry allowed: 2 where trying again may help.
        first: Requests that the first of two hosts sees before the second answers; 0 where the second is not asked,
            since it would refuse too.
        waits: Seconds that must pass before the second try.
        says: Words of the message.
        hint: Words of the advice.
        retry_after: What the error must hold of the time to come back.
        kept: Whether the connection serves the next call.
        tasks: Those that it can befall.
        because: Why not the others.
    """

    name: str
    fault: Callable[[], list[Step]]
    error: ByTask[type[RouterError]]
    asked: int = 1
    first: ByTask[int] = 1
    waits: float = 0.0
    says: str = ""
    hint: str = ""
    retry_after: float | None = None
    kept: ByTask[bool] = True
    tasks: tuple[str, ...] = TASKS
    because: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def of_task(value: ByTask[T], task: str) -> T:
    """What holds for this task."""
    return value.get(task, value.get("else")) if isinstance(value, Mapping) else value  # type: ignore[return-value]


def reply(status: int, body: object = b"", **headers: object) -> Callable[[], list[Step]]:
    """A whole reply."""
    return lambda: Say.body(body, status, **headers)


def problem(message: str, code: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's form."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


WEB_PAGE = b"<html><head><style>b{}</style></head><body><h1>Please  log in</h1></body></html>"
