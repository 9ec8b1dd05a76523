"""`offline/tools` drives an agent through several pictures: each tool gets the id that the last one gave."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared_core.testing import OfflineRouter

Http = Callable[..., httpx2.Response]
Tools = list[dict[str, Any]]

STORY = "Make a picture of a red fox, then edit it so that the fox is blue, then animate it."


def tool(name: str, about: str, required: str, **properties: str) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": required.split(),
    }
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}


BY_WHAT_THEY_DO = [
    tool("generate_image", "Make a picture from words; gives its id.", "prompt", prompt="string", width="integer"),
    tool("edit_image", "Change a picture; gives the new one's id.", "image_id instruction", image_id="string",
         instruction="string"),
    tool("animate_image", "Turn a picture into a video.", "image_id", image_id="string", prompt="string"),
]  # fmt: skip
BY_TASK = [
    tool("text_to_image", "Paint a picture of the prompt.", "prompt", prompt="string"),
    tool("image_to_image", "Edit a picture.", "image prompt", image="string", prompt="string"),
    tool("image_to_video", "Animate a picture into a video.", "image", image="string", prompt="string"),
]


class Studio:
    """Runs an agent's loop: the tools' results are short texts that hold an id."""

    def __init__(self, http: Http, tools: Tools) -> None:
        self._http = http
        self._tools = tools
        self._number = itertools.count()
        self.messages: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def run(self, words: str, **options: Any) -> str:
        self.messages.append({"role": "user", "content": words})
        for _ in range(10):
            body = {"model": "offline/tools", "messages": self.messages, "tools": self._tools, **options}
            reply = self._http("POST", "/v1/chat/completions", json=body)
            message = reply.json()["choices"][0]["message"]
            self.messages.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                self.calls.append((call["function"]["name"], json.loads(call["function"]["arguments"])))
                self.messages.append(self._result(call))
        raise AssertionError("the agent never came to an end")

    def _result(self, call: dict[str, Any]) -> dict[str, Any]:
        kind = "vid" if call["function"]["name"] in ("animate_image", "image_to_video") else "img"
        text = f"Made {kind}_{next(self._number)}a2b3c (image/png, 512x512)."
        return {"role": "tool", "tool_call_id": call["id"], "content": text}


@pytest.mark.parametrize(
    "tools", [BY_WHAT_THEY_DO, BY_TASK, BY_WHAT_THEY_DO[::-1]], ids=["does", "task", "reversed"]
)
def test_a_picture_is_made_then_edited_then_animated(http: Http, tools: Tools) -> None:
    studio = Studio(http, tools)
    said = studio.run(STORY)
    made, edited, animated = studio.calls
    key = "image" if tools is BY_TASK else "image_id"
    assert "red fox" in made[1]["prompt"]
    assert edited[1][key] == "img_0a2b3c"
    assert "blue" in edited[1].get("instruction", edited[1].get("prompt"))
    assert animated[1][key] == "img_1a2b3c"
    assert "vid_2a2b3c" in said


@pytest.mark.parametrize(
    "story",
    [
        "Generate an image of a lighthouse. Edit the image to show a storm. Animate the image.",
        "Paint a picture of a cat, edit it to wear a hat and animate the result",
    ],
)
def test_the_story_may_be_told_otherwise(http: Http, story: str) -> None:
    studio = Studio(http, BY_TASK)
    studio.run(story)
    assert [name for name, _ in studio.calls] == ["text_to_image", "image_to_image", "image_to_video"]
    assert [call.get("image") for _, call in studio.calls] == [None, "img_0a2b3c", "img_1a2b3c"]


def test_one_call_at_a_time_gives_the_same_story(http: Http) -> None:
    studio = Studio(http, BY_WHAT_THEY_DO)
    studio.run(STORY, parallel_tool_calls=False)
    assert [call.get("image_id") for _, call in studio.calls] == [None, "img_0a2b3c", "img_1a2b3c"]


def test_a_later_turn_goes_on_with_the_latest_picture_or_the_one_named(http: Http) -> None:
    studio = Studio(http, BY_WHAT_THEY_DO)
    studio.run("Make a picture of a red fox")
    studio.run("Edit the picture: a hat on its head")
    studio.run("Edit img_0a2b3c so that it is winter")
    assert [call.get("image_id") for _, call in studio.calls] == [None, "img_0a2b3c", "img_0a2b3c"]
    studio.run("Animate the picture")
    assert studio.calls[-1] == ("animate_image", {"image_id": "img_2a2b3c"})


def test_two_pictures_that_do_not_depend_on_each_other_are_asked_for_at_once(http: Http) -> None:
    studio = Studio(http, BY_WHAT_THEY_DO)
    studio.run("Generate an image of a fox and generate an image of a hare")
    assert [name for name, _ in studio.calls] == ["generate_image", "generate_image"]
    assert len([message for message in studio.messages if message.get("tool_calls")]) == 1


def test_a_tool_of_another_kind_waits_for_nothing(
    http: Http, weather_tool: dict[str, Any], router: OfflineRouter
) -> None:
    studio = Studio(http, [*BY_WHAT_THEY_DO, weather_tool])
    studio.run("Generate an image of a fox and tell me the weather in Rome")
    assert {name for name, _ in studio.calls} == {"generate_image", "get_weather"}
    assert len(router.requests) == 2
