"""Every way of misspelling a stream, checked against the correct stream of the same request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared_core.testing import PROVIDER_QUIRKS, OfflineRouter, Quirks

Post = Callable[..., httpx2.Response]
ASK = {"stream": True, "stream_options": {"include_usage": True}}


def events(text: str) -> list[dict[str, Any]]:
    """The JSON events of a stream, whatever its line ends, spaces and comments."""
    found = []
    for block in text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        data = "\n".join(line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:"))
        if data.startswith("{"):
            found.append(json.JSONDecoder().raw_decode(data)[0])
    return found


def choices(text: str) -> list[dict[str, Any]]:
    return [choice for event in events(text) for choice in event.get("choices", ())]


def content(text: str) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in choices(text))


@pytest.fixture
def stream(router: OfflineRouter, post: Post) -> Callable[..., str]:
    """The text of a stream under given quirks; further arguments as `post` takes them."""

    def send(quirks: Quirks, text: str = "one two three four five", **body: Any) -> str:
        router.queue(quirks)
        return post(text, **{**ASK, **body}).content.decode()

    return send


@pytest.fixture
def calls(
    stream: Callable[..., str], weather_tool: dict[str, Any]
) -> Callable[..., list[list[dict[str, Any]]]]:
    """The tool-call fragments, delta by delta, of a request that makes two calls."""

    def send(**quirks: Any) -> list[list[dict[str, Any]]]:
        text = stream(
            Quirks(**quirks),
            "What is the weather in Rome and Oslo?",
            model="offline/tools",
            tools=[weather_tool],
        )
        return [c["delta"]["tool_calls"] for c in choices(text) if c["delta"].get("tool_calls")]

    return send


@pytest.mark.parametrize("name", PROVIDER_QUIRKS)
def test_every_provider_still_says_the_same(stream: Callable[..., str], name: str) -> None:
    said = content(stream(PROVIDER_QUIRKS[name]))
    assert said.removesuffix("</s>") == "one two three four five"


@pytest.mark.parametrize("name", PROVIDER_QUIRKS)
def test_every_provider_answers_unstreamed_too(router: OfflineRouter, post: Post, name: str) -> None:
    router.queue(PROVIDER_QUIRKS[name])
    assert post("hi").json()["choices"][0]["message"]["content"] == "hi"


def test_cerebras_ends_without_done_with_usage_and_a_stray_quote(stream: Callable[..., str]) -> None:
    text = stream(PROVIDER_QUIRKS["cerebras"])
    assert "[DONE]" not in text
    assert text.endswith('}"')
    assert "finish_reason" not in choices(text)[0]
    last = events(text)[-1]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["usage"]["total_tokens"] > 0
    assert "time_info" in last


def test_tgi_has_no_space_no_done_no_usage_and_its_own_end(stream: Callable[..., str]) -> None:
    text = stream(PROVIDER_QUIRKS["tgi"])
    assert "data: " not in text
    assert "[DONE]" not in text
    assert {event["object"] for event in events(text)} == {"text_completion"}
    assert all("usage" not in event for event in events(text))
    assert choices(text)[-1]["finish_reason"] == "eos_token"
    assert choices(text)[-1]["delta"]["content"] == "</s>"


def test_tgi_calls_have_a_number_for_id_and_an_object_for_arguments(
    router: OfflineRouter, post: Post, weather_tool: dict[str, Any]
) -> None:
    router.queue(PROVIDER_QUIRKS["tgi"])
    body = post("weather in Rome", model="offline/tools", tools=[weather_tool]).json()
    call = body["choices"][0]["message"]["tool_calls"][0]
    assert (call["id"], call["function"]["arguments"]) == (0, {"location": "Rome"})
    assert body["choices"][0]["finish_reason"] == "eos_token"


def test_cumulative_usage_grows_with_every_chunk_to_the_total(stream: Callable[..., str]) -> None:
    counted = [event["usage"]["completion_tokens"] for event in events(stream(PROVIDER_QUIRKS["hyperbolic"]))]
    assert counted == sorted(counted)
    assert counted[0] == 1
    assert counted[-1] == 5


def test_novita_sends_usage_apart_even_unasked(router: OfflineRouter, post: Post) -> None:
    router.queue(PROVIDER_QUIRKS["novita"])
    last = events(post("a b", stream=True).text)[-1]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 2


def test_together_says_eos_with_nulls_and_a_seed_beyond_doubles(stream: Callable[..., str]) -> None:
    text = stream(PROVIDER_QUIRKS["together"])
    assert choices(text)[-1]["finish_reason"] == "eos"
    assert choices(text)[0]["seed"] > 2**53
    assert [event["usage"] is None for event in events(text)] == [True] * (len(events(text)) - 1) + [False]
    assert {choice["delta"]["role"] for choice in choices(text)} == {"assistant"}


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_lines_can_end_otherwise(stream: Callable[..., str], line_end: str) -> None:
    text = stream(Quirks(line_end=line_end))
    assert text.count(2 * line_end) == len(events(text)) + 1
    assert "\n" not in text.replace("\r\n", "")


def test_comments_stand_before_every_event(stream: Callable[..., str]) -> None:
    text = stream(Quirks(comments=True))
    assert text.count(": keep-alive\n\n") == text.count("data: ")


def test_data_can_span_lines(stream: Callable[..., str]) -> None:
    text = stream(Quirks(multi_line=True))
    assert text.count("data: ") > 5 * len(events(text))
    assert content(text) == "one two three four five"


def test_keep_alive_objects_are_strewn_in(stream: Callable[..., str]) -> None:
    text = stream(Quirks(idle=("{}", '{"choices":[]}')))
    assert events(text)[1:3] == [{}, {"choices": []}]


def test_a_line_separator_can_stand_unescaped_in_the_content(stream: Callable[..., str]) -> None:
    text = stream(Quirks(extra_text="\u2028\u0085"))
    assert "\u2028\u0085one" in text
    assert content(text).startswith("\u2028\u0085one")


SIMPLE: dict[str, tuple[Quirks, Callable[[str], bool]]] = {
    "no DONE": (Quirks(done=False), lambda text: "[DONE]" not in text),
    "no finish reason": (
        Quirks(finish=False),
        lambda text: {c["finish_reason"] for c in choices(text)} == {None},
    ),
    "unterminated": (Quirks(unterminated=True), lambda text: text.endswith("[DONE]")),
    "empty id": (Quirks(empty_id=True), lambda text: {e["id"] for e in events(text)} == {""}),
    "spaces": (Quirks(json_spaces=True), lambda text: '"index": 0, ' in text),
    "usage never": (Quirks(usage="never"), lambda text: "usage" not in text),
    "usage null": (Quirks(usage="null"), lambda text: all(e.get("usage", 0) is None for e in events(text))),
    "no role delta": (Quirks(role_delta=False), lambda text: "role" not in choices(text)[0]["delta"]),
    "text with finish": (
        Quirks(text_with_finish=True),
        lambda text: (
            (choices(text)[-1]["delta"], choices(text)[-1]["finish_reason"]) == ({"content": " five"}, "stop")
        ),
    ),
    "empty deltas": (
        Quirks(empty_deltas=2),
        lambda text: [c["delta"] for c in choices(text)].count({}) == 3,
    ),
    "words per chunk": (
        Quirks(words_per_chunk=3),
        lambda text: (
            [c["delta"].get("content") for c in choices(text)] == ["", "one two three", " four five", None]
        ),
    ),
}


@pytest.mark.parametrize(("quirks", "shows"), SIMPLE.values(), ids=SIMPLE.keys())
def test_a_switch_does_what_it_says_and_only_that(
    stream: Callable[..., str], quirks: Quirks, shows: Callable[[str], bool]
) -> None:
    text = stream(quirks)
    assert shows(text)
    assert content(text) == "one two three four five"
    assert not shows(stream(Quirks()))


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning_text", "thinking"])
def test_thoughts_can_have_another_name(router: OfflineRouter, post: Post, key: str) -> None:
    router.queue(Quirks(reasoning=key), times=2)
    plain = post("1 + 1", model="offline/reasoner").json()["choices"][0]["message"]
    deltas = [c["delta"] for c in choices(post("1 + 1", model="offline/reasoner", stream=True).text)]
    assert "".join(delta.get(key, "") for delta in deltas) == plain[key]
    assert "reasoning" not in plain


def test_thoughts_can_stand_in_tags(router: OfflineRouter, post: Post) -> None:
    router.queue(Quirks(reasoning="<think>"), times=2)
    plain = post("1 + 1", model="offline/reasoner").json()["choices"][0]["message"]["content"]
    assert plain.startswith("<think>The user's")
    assert plain.endswith("</think>1 + 1 = 2")
    assert content(post("1 + 1", model="offline/reasoner", stream=True).text) == plain


def arguments(deltas: list[list[dict[str, Any]]]) -> dict[Any, str]:
    joined: dict[Any, str] = {}
    for fragment in (item for delta in deltas for item in delta):
        joined[fragment["index"]] = joined.get(fragment["index"], "") + fragment["function"]["arguments"]
    return joined


def test_correct_calls_come_in_pieces_with_id_and_name_once(calls: Callable[..., Any]) -> None:
    deltas = calls()
    assert arguments(deltas) == {0: '{"location": "Rome"}', 1: '{"location": "Oslo"}'}
    firsts = [delta[0] for delta in deltas if "id" in delta[0]]
    assert [item["index"] for item in firsts] == [0, 1]
    assert len({item["id"] for item in firsts}) == 2
    assert all("name" not in delta[0]["function"] for delta in deltas if "id" not in delta[0])


def test_a_whole_call_can_come_in_one_chunk(calls: Callable[..., Any]) -> None:
    assert arguments(calls(calls="whole")) == arguments(calls())
    assert [len(delta) for delta in calls(calls="whole")] == [1, 1]


def test_two_calls_can_come_in_one_delta(calls: Callable[..., Any]) -> None:
    assert [len(delta) for delta in calls(calls="together")] == [2]


def test_the_index_can_be_missing_or_start_at_one(calls: Callable[..., Any]) -> None:
    assert all("index" not in delta[0] for delta in calls(call_index="missing"))
    assert {delta[0]["index"] for delta in calls(call_index="from one")} == {1, 2}


def test_the_id_can_come_every_time_or_empty_or_never(calls: Callable[..., Any]) -> None:
    every = calls(call_id="every")
    assert len({(delta[0]["index"], delta[0]["id"]) for delta in every}) == 2
    assert [delta[0]["id"] for delta in calls(call_id="empty after")][1] == ""
    assert {delta[0]["id"] for delta in calls(call_id="empty")} == {""}
    assert all("id" not in delta[0] for delta in calls(call_id="missing"))


def test_the_name_can_be_null_or_empty_after_the_first_piece(calls: Callable[..., Any]) -> None:
    names = [delta[0]["function"].get("name", "absent") for delta in calls(call_name="null after")]
    assert names[:2] == ["get_weather", None]
    names = [delta[0]["function"].get("name", "absent") for delta in calls(call_name="empty after")]
    assert names[:2] == ["get_weather", ""]


def test_arguments_can_be_an_object(calls: Callable[..., Any]) -> None:
    deltas = calls(calls="whole", arguments_as_dict=True)
    assert [delta[0]["function"]["arguments"] for delta in deltas] == [
        {"location": "Rome"},
        {"location": "Oslo"},
    ]


@pytest.mark.parametrize(
    "switch", ["usage", "reasoning", "calls", "call_index", "call_id", "call_name", "line_end"]
)
def test_a_misspelt_switch_is_an_error_at_once(switch: str) -> None:
    with pytest.raises(ValueError, match=switch):
        Quirks(**{switch: "nonsense"})
