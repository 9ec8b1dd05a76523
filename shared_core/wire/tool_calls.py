"""Tool calls put together from whatever pieces a provider sends.

The quirks this undoes (sources: router protocol notes, sections 4.4 and 4.6): no index; an index that
starts at 1; the id repeated in every piece, sent empty, or missing; two calls under one index; arguments
as an object instead of text; the whole call in one piece; one call object where a list belongs.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from shared_core.types import ToolCall, ToolCallDelta

__all__ = ["ToolCallAssembler", "parse_tool_calls"]


class _Building:
    __slots__ = ("arguments", "id", "name", "sent_id")

    def __init__(self) -> None:
        self.id = ""  # as the provider gave it
        self.sent_id = ""  # as the caller sees it: the provider's, or one made up
        self.name = ""
        self.arguments: list[str] = []


class ToolCallAssembler:
    """Joins the pieces of one answer's tool calls.

    Example:
        >>> calls = ToolCallAssembler()
        >>> calls.feed([{"id": "a", "function": {"name": "f", "arguments": "{}"}}])
        (ToolCallDelta(index=0, id='a', name='f', arguments='{}'),)
        >>> calls.complete()
        (ToolCall(id='a', name='f', arguments='{}'),)
    """

    __slots__ = ("_by_id", "_by_index", "_calls")

    def __init__(self) -> None:
        self._calls: list[_Building] = []
        self._by_index: dict[int, int] = {}  # the provider's index to ours
        self._by_id: dict[str, int] = {}

    def feed(self, pieces: object) -> tuple[ToolCallDelta, ...]:
        """The pieces of one chunk, cleaned: ours are indexed without gaps, named and identified once."""
        if isinstance(pieces, Mapping):
            pieces = [pieces]
        if not isinstance(pieces, Sequence) or isinstance(pieces, str):
            return ()
        deltas = (self._feed_one(piece) for piece in pieces if isinstance(piece, Mapping))
        return tuple(delta for delta in deltas if delta is not None)

    def _feed_one(self, piece: Mapping[str, Any]) -> ToolCallDelta | None:
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else {}
        name = function.get("name")
        name = name if isinstance(name, str) else ""
        arguments = _as_text(function.get("arguments"))
        given_id = _as_id(piece.get("id"))
        position = self._position(piece.get("index"), given_id, name)
        if position is None:
            position = self._begin(piece.get("index"), given_id)
        call = self._calls[position]
        if given_id and not call.id:  # it came late, and tells the next call under this index apart
            call.id = given_id
            self._by_id[given_id] = position
        call.arguments.append(arguments)
        if call.name:
            return ToolCallDelta(position, arguments=arguments)
        if not name:
            return None  # held back until the name comes: callers learn of a call by its name
        call.name = name
        call.sent_id = call.id or f"call_{uuid.uuid4().hex[:24]}"
        return ToolCallDelta(position, call.sent_id, name, "".join(call.arguments))

    def _position(self, index: object, given_id: str, name: str) -> int | None:
        """Which known call a piece continues; None when it begins a new one."""
        if isinstance(index, int):
            position = self._by_index.get(index)
            if position is None:
                return None
            known = self._calls[position]
            if not given_id:
                # One index, another name: a new call of a provider that sends no ids.
                return None if name and known.name not in ("", name) else position
            # One index, another id: a new call, unless the id merely came late.
            return position if known.id in ("", given_id) else self._by_id.get(given_id)
        if given_id:
            return self._by_id.get(given_id)
        if name and self._calls and self._calls[-1].name:
            return None
        return len(self._calls) - 1 if self._calls else None

    def _begin(self, index: object, given_id: str) -> int:
        position = len(self._calls)
        call = _Building()
        call.id = given_id
        self._calls.append(call)
        if isinstance(index, int):
            self._by_index[index] = position
        if given_id:
            self._by_id[given_id] = position
        return position

    def complete(self) -> tuple[ToolCall, ...]:
        """The calls so far; one that never got a name is kept with an empty one."""
        return tuple(
            ToolCall(
                call.sent_id or call.id or f"call_{uuid.uuid4().hex[:24]}", call.name, "".join(call.arguments)
            )
            for call in self._calls
        )

    def __bool__(self) -> bool:
        return bool(self._calls)


def parse_tool_calls(value: object) -> tuple[ToolCall, ...]:
    """The tool calls of a plain reply's message."""
    assembler = ToolCallAssembler()
    calls = [value] if isinstance(value, Mapping) else value
    if isinstance(calls, Sequence) and not isinstance(calls, str):
        for position, call in enumerate(calls):
            if isinstance(call, Mapping):
                # Whole calls: their own ids and indices may repeat, their places cannot.
                assembler.feed([{**call, "index": position}])
    return assembler.complete()


def _as_text(arguments: object) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _as_id(value: object) -> str:
    # TGI of 2024 numbered its calls.
    return "" if value is None or value == "" else str(value)
