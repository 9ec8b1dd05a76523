"""Questions about pictures, which a chat model answers."""

from __future__ import annotations

from typing import Any

import pytest

from shared_core import errors
from shared_core.catalog import default_model
from tests.client.classic.conftest import PICTURE, Ask


def test_a_chat_model_answers_about_a_picture(ask: Ask, host: Any) -> None:
    reply = ask("ask_image", PICTURE, "What is it?", model="offline/tools", max_tokens=50)
    assert "image/png" in reply.text
    (request,) = host.requests
    assert request.media == [("image/png", PICTURE)]
    ((part, picture),) = [message["content"] for message in request.json["messages"]]
    assert part == {"type": "text", "text": "What is it?"}
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert request.json["max_tokens"] == 50


def test_a_link_to_a_picture_goes_to_the_chat_model_as_it_is(ask: Ask, host: Any) -> None:
    ask("ask_image", None, "What?", url="https://example.org/x.png", settings={"model": "offline/echo"})
    content = host.requests[-1].json["messages"][0]["content"]
    assert content[1]["image_url"] == {"url": "https://example.org/x.png"}


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        (("cat.png", "What?"), {}, "strings are never opened"),
        ((None, "What?"), {}, "one of the two"),
        ((PICTURE, " "), {}, "question is empty"),
        ((None, "What?"), {"url": "file:///etc/passwd"}, "not an https address"),
    ],
    ids=["a string", "nothing", "no question", "a file's address"],
)
def test_questions_about_no_picture_are_refused(
    ask: Ask, host: Any, given: Any, options: Any, words: str
) -> None:
    with pytest.raises(errors.ConfigError, match=words):
        ask("ask_image", *given, model="offline/tools", **options)
    assert host.requests == []


def test_questions_about_pictures_have_a_model_of_their_own(ask: Ask, host: Any) -> None:
    own = {"task_models": {"image-text-to-text": "offline/tools"}, "model": "offline/echo"}
    assert ask("ask_image", PICTURE, "What?", settings=own).meta.model == "offline/tools"
    with pytest.raises(errors.ModelNotServed):
        ask("ask_image", PICTURE, "What?")
    documented = default_model("image-text-to-text")
    assert documented is not None
    assert host.requests[-1].json["model"] == documented.model
