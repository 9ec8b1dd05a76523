"""How providers spell the fragments of streamed tool calls: whole, merged, without index, odd ids."""

from __future__ import annotations

import json
from typing import Any


def join_calls(chunks: list[dict[str, Any]], *, together: bool) -> list[dict[str, Any]]:
    """Put every call into one chunk, or all calls into one delta, where correct streams send pieces.

    Args:
        chunks: Correct chunks; changed in place.
        together: One delta for all calls instead of one for each.
    """
    kept: list[dict[str, Any]] = []
    calls: dict[tuple[int, int], dict[str, Any]] = {}
    homes: dict[int, list[dict[str, Any]]] = {}
    for chunk in chunks:
        choice = chunk["choices"][0]
        fragments = choice["delta"].get("tool_calls")
        if fragments is None:
            kept.append(chunk)
            continue
        fragment = fragments[0]
        key = (choice["index"], fragment["index"])
        if key in calls:
            calls[key]["function"]["arguments"] += fragment["function"]["arguments"]
            continue
        calls[key] = fragment
        if together and choice["index"] in homes:
            homes[choice["index"]].append(fragment)
        else:
            homes[choice["index"]] = fragments
            kept.append(chunk)
    return kept


def spell_call(
    call: dict[str, Any], ids: dict[int, str], index: str, id_: str, name: str, *, as_dict: bool
) -> None:
    """Misspell one fragment, in place; see `Quirks` for what the words mean.

    Args:
        call: The fragment.
        ids: The ids of the calls seen so far, by their index; the fragment's own is added.
        index: As `Quirks.call_index`.
        id_: As `Quirks.call_id`.
        name: As `Quirks.call_name`.
        as_dict: Arguments as an object.
    """
    function = call["function"]
    first = "id" in call
    if first:
        ids[call["index"]] = call["id"]
    if id_ == "every":
        call["id"] = ids[call["index"]]
    elif id_ == "number":
        call["id"] = call["index"]
    elif id_ == "empty" or (id_ == "empty after" and not first):
        call["id"] = ""
    elif id_ == "missing":
        call.pop("id", None)
    if name == "null after" and not first:
        function["name"] = None
    elif name == "empty after" and not first:
        function["name"] = ""
    if as_dict and function["arguments"]:
        function["arguments"] = json.loads(function["arguments"])
    if index == "missing":
        del call["index"]
    elif index == "from one":
        call["index"] += 1
