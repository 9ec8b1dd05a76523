"""The messages of a request: shapes checked, media decoded, tool calls matched with their results."""

from __future__ import annotations

from typing import Any

from . import media
from .call import Message, ToolCall
from .media import Media
from .refusals import bad_request, bad_shape

ROLES = ("system", "developer", "user", "assistant", "tool")
_MEDIA_ROLES = ("user", "tool")
_AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "m4a": "audio/mp4"}


def read_messages(body: dict[str, Any]) -> tuple[Message, ...]:
    """Check `messages` and read them.

    Raises:
        Refusal: 422 when it is no list, 400 when a message in it is wrong.
    """
    if "messages" not in body:
        raise bad_shape("missing field `messages` at line 1 column 1")
    messages = body["messages"]
    if not isinstance(messages, list):
        found = f'string "{messages}"' if isinstance(messages, str) else type(messages).__name__
        raise bad_shape(f"messages: invalid type: {found}, expected a sequence at line 1 column 1")
    if not messages:
        raise bad_request("'messages' must not be empty.", "messages", "invalid_value")
    open_calls: set[str] = set()
    read = []
    for place, item in enumerate(messages):
        message = _read_message(item, f"messages[{place}]")
        open_calls.update(call.id for call in message.tool_calls)
        if message.role == "tool" and message.tool_call_id not in open_calls:
            raise bad_request(
                f"messages[{place}] answers the tool call '{message.tool_call_id}', which no "
                "assistant message before it made.",
                f"messages[{place}].tool_call_id",
                "invalid_value",
            )
        read.append(message)
    return tuple(read)


def _read_message(item: object, param: str) -> Message:
    if not isinstance(item, dict):
        raise bad_shape(f"{param}: invalid type, expected a map")
    role = item.get("role")
    if role not in ROLES:
        raise bad_request(f"{param}.role must be one of {', '.join(ROLES)}; got {role!r}.", f"{param}.role")
    for key in ("name", "tool_call_id", "refusal", "reasoning", "reasoning_content"):
        if item.get(key) is not None and not isinstance(item[key], str):
            raise bad_request(f"{param}.{key} must be a string.", f"{param}.{key}", "invalid_type")
    calls = _read_tool_calls(item.get("tool_calls"), role, param)
    content = item.get("content")
    if content is None and not (role == "assistant" and (calls or item.get("refusal"))):
        raise bad_request(f"{param}.content must not be missing for the role {role}.", f"{param}.content")
    text, found = _read_content(content, role, f"{param}.content")
    if role == "tool" and not item.get("tool_call_id"):
        raise bad_request(f"{param}.tool_call_id is missing.", f"{param}.tool_call_id")
    return Message(role, text, calls, item.get("tool_call_id") or "", found)


def _read_tool_calls(calls: object, role: str, param: str) -> tuple[ToolCall, ...]:
    if calls is None or calls == []:
        return ()
    param = f"{param}.tool_calls"
    if role != "assistant" or not isinstance(calls, list):
        raise bad_request(f"{param} must be a list, in a message of the assistant.", param, "invalid_value")
    read = []
    for place, item in enumerate(calls):
        function = item.get("function") if isinstance(item, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise bad_request(f"{param}[{place}].function.name is missing.", param, "invalid_value")
        if (
            not isinstance(item.get("id"), str)
            or not item["id"]
            or item.get("type", "function") != "function"
        ):
            raise bad_request(
                f"{param}[{place}] needs an 'id' and the type 'function'.", param, "invalid_value"
            )
        if not isinstance(function.get("arguments"), str):
            raise bad_request(
                f"{param}[{place}].function.arguments must be a JSON string.", param, "invalid_type"
            )
        read.append(ToolCall(function["name"], function["arguments"], item["id"]))
    return tuple(read)


def _read_content(content: object, role: str, param: str) -> tuple[str, tuple[Media, ...]]:
    if content is None or isinstance(content, str):
        return content or "", ()
    if not isinstance(content, list) or not content:
        raise bad_request(f"{param} must be a string or a list of parts.", param, "invalid_type")
    texts: list[str] = []
    found: list[Media] = []
    for place, part in enumerate(content):
        _read_part(part, role, f"{param}[{place}]", texts, found)
    return "\n".join(texts), tuple(found)


def _read_part(part: object, role: str, param: str, texts: list[str], found: list[Media]) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        raise bad_request(f"{param} must be an object with a 'type'.", param, "invalid_type")
    if kind in ("text", "refusal"):
        texts.append(_string(part.get(kind), f"{param}.{kind}"))
        return
    reader = _PART_READERS.get(kind)
    if reader is None or role not in _MEDIA_ROLES:
        raise bad_request(f"{param}.type {kind!r} is not supported in a {role} message.", f"{param}.type")
    inner = part.get(kind)
    if not isinstance(inner, dict):
        raise bad_request(f"{param}.{kind} must be an object.", f"{param}.{kind}", "invalid_type")
    found.append(reader(inner, f"{param}.{kind}"))


def _read_image(inner: dict[str, Any], param: str) -> Media:
    if inner.get("detail") not in (None, "auto", "low", "high"):
        raise bad_request(f"{param}.detail must be auto, low or high.", f"{param}.detail")
    return media.from_url("image", _string(inner.get("url"), f"{param}.url"), f"{param}.url")


def _read_video(inner: dict[str, Any], param: str) -> Media:
    return media.from_url("video", _string(inner.get("url"), f"{param}.url"), f"{param}.url")


def _read_audio_url(inner: dict[str, Any], param: str) -> Media:
    return media.from_url("audio", _string(inner.get("url"), f"{param}.url"), f"{param}.url")


def _read_audio(inner: dict[str, Any], param: str) -> Media:
    form = _string(inner.get("format"), f"{param}.format")
    data = _string(inner.get("data"), f"{param}.data")
    return media.from_base64("audio", data, _AUDIO_TYPES.get(form, f"audio/{form}"), f"{param}.data")


def _read_file(inner: dict[str, Any], param: str) -> Media:
    if inner.get("filename") is not None:
        _string(inner["filename"], f"{param}.filename")
    data = _string(inner.get("file_data"), f"{param}.file_data")
    if not data.startswith("data:"):
        raise bad_request(
            f"{param}.file_data must be a base64 data: URL.", f"{param}.file_data", "invalid_url"
        )
    return media.from_url("document", data, f"{param}.file_data")


_PART_READERS = {
    "image_url": _read_image,
    "video_url": _read_video,
    "audio_url": _read_audio_url,
    "input_audio": _read_audio,
    "file": _read_file,
}


def _string(value: object, param: str) -> str:
    if not isinstance(value, str):
        raise bad_request(f"{param} must be a string.", param, "invalid_type")
    return value
