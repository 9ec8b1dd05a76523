"""Plain replies that are odd, and read all the same: rows F5, F12, F13, F15, F29 and F30 of the fault table.

What is no answer at all stands in the rows of test_fault_table.py.
"""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from calling import TASKS

from shared_core import errors

SPLIT = '{"choices": [{"message": {"content": "H\u20acre."}}]}'.encode()
LOADING = {"error": "Model a/b is currently loading", "estimated_time": 0.1}


def row(sentence: str, /, **promises: Any) -> Any:
    """A row of a table; what it promises is explained at the fixture `suffer`."""
    return pytest.param(promises, id=sentence)


READ_ANYHOW = [
    row(
        "F12 a gzip body that nobody asked for is read",
        script=lambda say: [
            say.body(
                gzip.compress(b'{"choices": [{"message": {"content": "Here."}}]}'), content_encoding="gzip"
            )
        ],
    ),
    row(
        "F13 a broken character in the JSON becomes a replacement mark",
        script=lambda say: [say.body(b'{"choices": [{"message": {"content": "H\xff\xfere."}}]}')],
        text="H\ufffd\ufffdre.",
    ),
    row(
        "F15 a character cut between two writes is whole",
        script=lambda say: [
            [
                say.head(content_length=len(SPLIT)),
                SPLIT[:41],
                0.05,
                SPLIT[41:],
            ]
        ],
        text="H\u20acre.",
    ),
    row(
        "Retry-After on a success is no reason to do anything",
        script=lambda say: [say.body(say.completion("Here."), retry_after="30")],
    ),
    row(
        "a reply in HTTP chunks of one byte is read",
        script=lambda say: [
            [
                say.head(transfer_encoding="chunked"),
                *(say.chunk(bytes([byte])) for byte in b'{"choices": [{"message": {"content": "Here."}}]}'),
                b"0\r\n\r\n",
            ]
        ],
    ),
    row(
        "a reply that ends with its connection is read",
        script=lambda say: [
            [say.head(connection="close"), b'{"choices": [{"message": {"content": "Here."}}]}', say.close]
        ],
        idle=0,
    ),
]


@pytest.mark.parametrize("row", READ_ANYHOW)
async def test_read_all_the_same(row: dict[str, Any], any_kind: str, suffer: Any) -> None:
    await suffer(any_kind, {"text": "Here.", "idle": 1, **row})


@pytest.mark.parametrize("task", TASKS)
async def test_f5_a_model_that_loads_is_waited_for_outside_the_retries(
    task: str, kind: str, server: Any, call: Any, say: Any
) -> None:
    server.script(say.body(LOADING, 503), times=2)
    outcome = await call(kind, server.url, task=task, wait_for_model=True, max_retries=0)
    assert outcome.is_right
    assert len(server.requests) == 3
    assert outcome.seconds >= 0.2
    assert await server.freed(1)


async def test_f5_a_model_that_loads_longer_than_the_caller_will_is_not_waited_for(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    server.script(say.body({**LOADING, "estimated_time": 4}, 503))
    outcome = await call(kind, server.url, wait_for_model=0.5)
    assert type(outcome.error) is errors.ModelLoading
    assert len(server.requests) == 1
    assert outcome.seconds < 3


async def test_f29_arguments_that_are_no_json_are_kept_as_they_came(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    broken = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b'}}
    server.script(say.body(say.completion("", "length", tool_calls=[broken])))
    outcome = await call(kind, server.url)
    (made,) = outcome.reply.tool_calls
    assert made.arguments == '{"a": 1, "b'
    assert outcome.reply.finish_reason == "length"
    with pytest.raises(ValueError, match="Unterminated string"):
        made.parsed()


async def test_f30_a_filtered_answer_and_a_refusal_are_told_apart(
    kind: str, server: Any, call: Any, say: Any
) -> None:
    server.script(say.body(say.completion("Half", "content_filter")), say.answer("", refusal="I will not."))
    filtered = (await call(kind, server.url)).reply
    assert (filtered.text, filtered.finish_reason, filtered.refusal) == ("Half", "content_filter", "")
    refused = (await call(kind, server.url)).reply
    assert (refused.text, refused.refusal) == ("", "I will not.")
