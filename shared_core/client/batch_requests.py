"""The requests of a batch: which task each asks for, the flow that does it, and what it is known by.

    {"messages": [...], "temperature": 0}                    a chat; "task" may be left out
    {"task": "embed", "texts": [...], "kind": "query"}
    {"task": "text_to_image", "prompt": "a boat", "width": 512}

A task is named as the client's own method, or as on the Hub ("text-to-image"); the other keys are the method's
arguments.
"""

from __future__ import annotations

import difflib
import inspect
import json
import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

from shared_core.client.classic_calls import ClassicCalls
from shared_core.client.media_calls import MediaCalls
from shared_core.client.task_router import TaskRouter
from shared_core.client.waiters import Waiter
from shared_core.client.writing_calls import WritingCalls, about_image, asked_to_write
from shared_core.errors import ConfigError
from shared_core.flow import Flow, offload

__all__ = ["TASKS", "BatchRequest", "flow_of", "key_of", "read_request"]

BatchRequest = Mapping[str, Any]
"""A "task", and the arguments of the client's method of that name."""

_NO_TASKS = frozenset({"submit", "resume", "cancel", "stream_text"})
TASKS = frozenset(
    {"chat", "embed", "rerank"}
    | {name for kind in (MediaCalls, ClassicCalls, WritingCalls) for name in vars(kind) if name[0] != "_"}
    - _NO_TASKS
)
"""What a batch can ask for, by the names of the client's methods."""

_ALIASES = {"automatic_speech_recognition": "transcribe", "feature_extraction": "embed"}
_HUB_NAMES = {"transcribe": "automatic-speech-recognition", "ask_image": "image-text-to-text"}

_NO_MATTER = frozenset(
    {
        *("timeout", "usage_tags", "extra_headers", "progress", "on_progress"),
        *("max_concurrency", "batch_size", "to", "most_bytes", "cache"),
    }
)
"""Options that change how an answer is fetched, and not which it is."""


class _Flows(WritingCalls):
    """A client whose methods give their flow, which somebody else runs."""

    def _wait(self, flow: Flow[Any], waiter: Waiter) -> Any:  # noqa: ARG002  (nobody but the batch ends it)
        return flow


def read_request(request: object) -> tuple[str, dict[str, Any]]:
    """The task of a request, and the arguments for it.

    Raises:
        ConfigError: It is no request.
    """
    if not isinstance(request, Mapping):
        raise ConfigError(
            f"A request of a batch is a dictionary, not {type(request).__name__}.",
            hint='Write {"task": "chat", "messages": [...]}.',
        )
    arguments = dict(request)
    named = arguments.pop("task", "chat" if "messages" in arguments else None)
    task = str(named).replace("-", "_")
    task = _ALIASES.get(task, task)
    if task not in TASKS:
        near = difflib.get_close_matches(task, TASKS, n=1)
        raise ConfigError(
            "A request of a batch names no task."
            if named is None
            else f"There is no task {named!r} for a batch.",
            hint=f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(TASKS))}.",
        )
    return task, arguments


def flow_of(client: TaskRouter, task: str, arguments: dict[str, Any]) -> Flow[Any]:
    """The flow that answers a request; its clock starts when it is run.

    Raises:
        ConfigError: An argument is missing, does not exist or cannot work.
    """
    from shared_core.client.router import HFRouter

    try:
        bound = inspect.signature(getattr(HFRouter, task)).bind(client, **arguments)
    except TypeError as error:
        raise ConfigError(f"{task}: {error}.", hint=f"See HFRouter.{task}.") from None
    bound.apply_defaults()
    given = bound.arguments
    options = given["options"]
    match task:
        case "chat":
            flow: Flow[Any] = client._chat(given["messages"], options, stream=False)
        case "embed":
            flow = client._embed(given["texts"], given["kind"], options)
        case "rerank":
            flow = client._rerank(given["query"], given["documents"], given["top_n"], options)
        case _:  # files are read there
            flow = yield from offload(lambda: _task_flow(client, task, given, arguments))
    return (yield from flow)


def _task_flow(
    client: TaskRouter, task: str, given: Mapping[str, Any], arguments: Mapping[str, Any]
) -> Flow[Any]:
    if task == "text_generation":
        return client._generate(*asked_to_write(given["prompt"], given["options"]), stream=False)
    if task == "ask_image":
        return about_image(client, given["image"], given["question"], given["url"], given["options"])
    flows = object.__new__(_Flows)
    flows.__dict__ = client.__dict__
    return cast("Flow[Any]", getattr(flows, task)(**arguments))


def key_of(client: TaskRouter, task: str, arguments: Mapping[str, Any]) -> str:
    """What an answer is known by: the request, and whose answer it is.

    Raises:
        ConfigError: An argument is something that cannot be told again in another run.
    """
    at, rest = client._doing(_HUB_NAMES.get(task, task.replace("_", "-")), arguments)
    preset = at._preset
    whose = [
        at.base_url,
        at.model,
        at.provider,
        at.task_models,
        at.extra_body,
        at.reasoning_tags,
        at.embedding_api,
        None if preset is None else [preset.params, preset.system],
    ]
    asked = {name: value for name, value in rest.items() if name not in _NO_MATTER and value is not None}
    text = json.dumps([task, _plain(whose), _plain(asked)], sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    """An argument in words that JSON has."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return {"bytes": blake2b(value, digest_size=16).hexdigest()}
    if isinstance(value, Path):
        return {"path": str(value.absolute()), **_state_of(value)}
    raise ConfigError(
        f"A request holds a {type(value).__name__}, which another run could not recognise.",
        hint="With path=, pass texts, numbers, lists, bytes and pathlib.Path alone.",
    )


def _state_of(path: Path) -> dict[str, int]:
    try:
        found = os.stat(path)
    except OSError:  # the task itself says so
        return {}
    return {"size": found.st_size, "changed": found.st_mtime_ns}
