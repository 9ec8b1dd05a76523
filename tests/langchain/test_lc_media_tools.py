"""Media tools: short words for the model, a typed artifact for the program, ids and nothing else between them."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ValidationError

sys.path.insert(0, str(Path(__file__).parent))

from media_models import MAKERS, MODELS, READERS, called, here

import langchain_hfrouter as package
from langchain_hfrouter import (
    HFAskImage,
    HFImageToImage,
    HFRouterToolkit,
    HFTextToImage,
    HFToolError,
    HFTranscribe,
)
from langchain_hfrouter import errors as langchain_errors
from langchain_hfrouter.errors import ConfigError
from langchain_hfrouter.media_tool import MediaTool, MediaToolArguments
from langchain_hfrouter.toolkit import ToolkitArguments
from shared_core import AsyncHFRouter, HFRouter, Timeouts
from shared_core.media import TOOLS, Artifact, ArtifactStore, TranscriptReply
from shared_core.testing import MediaQuirks, Status

pytestmark = pytest.mark.usefixtures("jobs_at_once")

EXPORTED = [getattr(package, name) for name in package.__all__]
CLASSES = [each for each in EXPORTED if isinstance(each, type) and issubclass(each, BaseTool)]
KINDS = {"image": "img_", "video": "vid_", "audio": "aud_"}


@pytest.fixture
def store(small_files: dict[str, bytes]) -> ArtifactStore:
    """A picture and a recording of the user's own."""
    store = ArtifactStore()
    store.add(small_files["png"])
    store.add(small_files["wav"])
    return store


def arguments_of(tool: Any, store: ArtifactStore, said: dict[str, Any]) -> dict[str, Any]:
    ids = {each.kind + "_id": each.id for each in store}
    return {key: value or ids[key] for key, value in said.items()}


async def run(tool: Any, arguments: dict[str, Any], way: str) -> ToolMessage:
    call = called(tool, arguments)
    return await tool.ainvoke(call) if way == "ainvoke" else await asyncio.to_thread(tool.invoke, call)


ways = pytest.mark.parametrize("way", ["invoke", "ainvoke"])


# what they give


@ways
@pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: kind.__name__)
async def test_a_tool_that_makes_gives_words_and_an_artifact(
    kind: Any, way: str, store: ArtifactStore, offline_url: Any
) -> None:
    model, said = MAKERS[kind]
    tool = kind(model, **here(offline_url, store=store))
    message = await run(tool, arguments_of(tool, store, said), way)
    made = message.artifact
    assert isinstance(made, Artifact)
    assert made.id.startswith(KINDS[made.kind])
    assert store.get(made.id) == made
    assert made.data == made.path.read_bytes()
    assert (made.provider, made.model) == (model.partition(":")[2], model.partition(":")[0])
    words = rf"{made.id}: {made.kind}/\w+, [^/\n]* kB, (seed \d+, )?made by {made.model} at {made.provider}"
    assert re.fullmatch(words, message.content)
    assert "http" not in message.content
    assert len(message.content) < 200


@ways
async def test_recordings_are_written_down_and_pictures_are_looked_at(
    way: str, store: ArtifactStore, offline_url: Any
) -> None:
    spoken = package.HFTextToSpeech("offline/speaker:fal-ai", **here(offline_url, store=store))
    sound = (await run(spoken, {"text": "hello there"}, way)).artifact
    listener = HFTranscribe(READERS[HFTranscribe][0], **here(offline_url, store=store))
    heard = await run(listener, {"audio_id": sound.id}, way)
    assert heard.content == "hello there"
    assert isinstance(heard.artifact, TranscriptReply)
    picture = next(iter(store))
    looker = HFAskImage("offline/tools", **here(offline_url, store=store))
    seen = await run(looker, {"image_id": picture.id, "question": "What is it?"}, way)
    assert seen.content == f"I received an image, image/png, {picture.size} bytes."


def test_a_plain_call_gives_the_words_alone_and_a_plain_string_is_the_first_argument(
    offline_url: Any,
) -> None:
    tool = HFTextToImage("offline/painter:fal-ai", **here(offline_url))
    assert tool.invoke({"prompt": "a fox"}).startswith("img_")
    assert tool.invoke("a fox").startswith("img_")
    assert [each.prompt for each in tool.store] == ["a fox", "a fox"]


@ways
async def test_a_picture_is_shown_to_the_model_where_that_is_wanted(way: str, offline_url: Any) -> None:
    tool = HFTextToImage("offline/painter:fal-ai", **here(offline_url), include_media_in_content=True)
    message = await run(tool, {"prompt": "a fox", "width": 64, "height": 64}, way)
    text, picture = message.content
    assert text == {"type": "text", "text": text["text"]}
    assert picture["type"] == "image"
    (block,) = [each for each in message.content_blocks if each["type"] == "image"]
    assert block["mime_type"] == message.artifact.mime_type


def test_a_sound_is_not_shown_since_langchain_would_write_its_bytes_into_a_string(offline_url: Any) -> None:
    tool = package.HFTextToSpeech(
        "offline/speaker:fal-ai", **here(offline_url), include_media_in_content=True
    )
    message = tool.invoke(called(tool, {"text": "hello"}))
    assert message.content.startswith("aud_")
    assert len(message.content) < 200


def test_the_shown_picture_reaches_a_model_that_sees(offline_url: Any) -> None:
    tool = HFTextToImage("offline/painter:fal-ai", **here(offline_url), include_media_in_content=True)
    message = tool.invoke(called(tool, {"prompt": "a fox"}))
    chat = package.ChatHFRouter("offline/tools", base_url=str(offline_url), api_key="hf_offline")
    ai = {"role": "assistant", "content": "", "tool_calls": [{"name": tool.name, "args": {}, "id": "call_1"}]}
    chat.invoke([("user", "Make a fox."), ai, message])
    sent = offline_url.requests[-1].json["messages"]
    assert "image_url" in str(sent)


# asynchronous calls are asynchronous


async def test_an_asynchronous_call_sends_from_no_thread(
    offline_url: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: Any) -> Any:
        raise AssertionError("the blocking client was used")

    tool = HFTextToImage("offline/painter:fal-ai", **here(offline_url))
    monkeypatch.setattr(HFRouter, "text_to_image", never)
    results = await asyncio.gather(*(tool.ainvoke({"prompt": f"fox {n}"}) for n in range(5)))
    assert len({each.partition(":")[0] for each in results}) == 5


# what a model may say


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_model_is_told_of_described_arguments(kind: Any) -> None:
    tool = kind("a/b")
    described = convert_to_openai_tool(tool)["function"]
    assert described["name"] == tool.name == kind._TOOL
    assert described["description"] == TOOLS[tool.name].about
    assert all(each["description"] for each in described["parameters"]["properties"].values())
    assert "run_manager" not in described["parameters"]["properties"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param({"prompt": ""}, "prompt: String should have at least 1 character", id="empty"),
        pytest.param(
            {"prompt": "x", "width": 9999}, "width: .* less than or equal to 2048", id="out of bounds"
        ),
        pytest.param(
            {"prompt": "x", "url": "https://example.org"}, "url: Extra inputs", id="not an argument"
        ),
        pytest.param({"prompt": "x", "to": "/tmp/x"}, "to: Extra inputs", id="no place of its own"),
        pytest.param({}, "prompt: Field required", id="missing"),
    ],
)
@ways
async def test_what_cannot_work_is_told_to_the_model_and_nothing_is_sent(
    arguments: dict[str, Any], says: str, way: str, offline_url: Any
) -> None:
    tool = HFTextToImage("offline/painter:fal-ai", **here(offline_url))
    message = await run(tool, arguments, way)
    assert message.status == "error"
    assert re.search(f"^These arguments cannot work: {says}.*. Nothing was sent.$", message.content)
    assert offline_url.requests == []
    tool.handle_validation_error = False
    with pytest.raises(ValidationError):
        tool.invoke(called(tool, arguments))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "https://example.org/x.png", "img_1\0", "aud"]
)
@ways
async def test_a_path_or_an_address_in_the_place_of_an_id_is_refused(
    name: str, way: str, store: ArtifactStore, offline_url: Any
) -> None:
    name = next(each.id for each in store if each.kind == "audio") if name == "aud" else name
    tool = HFImageToImage("offline/editor:hf-inference", **here(offline_url, store=store))
    message = await run(tool, {"image_id": name, "prompt": "make it blue"}, way)
    assert message.status == "error"
    assert "Nothing was opened" in message.content
    assert next(iter(store)).id in message.content, "the right one is named"
    assert offline_url.requests == []


# errors


def scripted(offline_url: Any, *what: Any) -> None:
    offline_url.queue(*what, path="/fal-ai/*")


FAILURES = [
    pytest.param(
        Status(402, {"error": "see https://evil.example"}), "PaymentRequired", "no credits left", id="402"
    ),
    pytest.param(
        Status(429, headers={"retry-after": "9999"}), "RateLimited", "It asks to wait 9999 seconds", id="429"
    ),
    pytest.param(Status(401), "Unauthorized", "Do not try again: tell the user", id="401"),
    pytest.param(Status(404), "ModelNotServed", "Nobody serves the model", id="404"),
    pytest.param(MediaQuirks(nsfw=True), "Refused", "not safe for work. Put it differently", id="nsfw"),
]


@ways
@pytest.mark.parametrize(("fault", "kind", "says"), FAILURES)
async def test_the_model_is_told_what_went_wrong_in_a_sentence_it_can_act_on(
    fault: Any, kind: str, says: str, way: str, offline_url: Any
) -> None:
    scripted(offline_url, fault)
    tool = HFTextToImage("offline/painter:fal-ai", **here(offline_url, max_retries=0))
    message = await run(tool, {"prompt": "a fox"}, way)
    assert message.status == "error"
    assert says in message.content
    assert "evil.example" not in message.content
    assert message.artifact is None
    assert len(tool.store) == 0


@ways
@pytest.mark.parametrize(("fault", "kind", "says"), FAILURES)
async def test_or_the_program_gets_the_error_with_everything_that_is_known(
    fault: Any, kind: str, says: str, way: str, offline_url: Any
) -> None:
    scripted(offline_url, fault)
    tool = HFTextToImage(
        "offline/painter:fal-ai", **here(offline_url, max_retries=0), handle_tool_error=False
    )
    with pytest.raises(HFToolError, match=re.escape(says)) as caught:
        await run(tool, {"prompt": "a fox"}, way)
    error = caught.value.error
    assert type(error) is getattr(langchain_errors, kind)
    assert error.provider == "fal-ai"
    assert error.status == (fault.status if isinstance(fault, Status) else None)
    assert caught.value.__cause__ is error


def test_a_handler_of_ones_own_gets_the_error(offline_url: Any) -> None:
    scripted(offline_url, Status(402))
    tool = HFTextToImage(
        "offline/painter:fal-ai",
        **here(offline_url),
        handle_tool_error=lambda error: f"status {error.error.status}",
    )
    assert tool.invoke({"prompt": "a fox"}) == "status 402"


# limits


@ways
async def test_a_limit_is_told_before_anything_is_sent(way: str, offline_url: Any) -> None:
    tool = HFTextToImage("offline/painter:fal-ai", **here(offline_url, store=ArtifactStore(most_files=1)))
    await run(tool, {"prompt": "a fox"}, way)
    sent = len(offline_url.requests)
    message = await run(tool, {"prompt": "another"}, way)
    assert "may make 1 files (most_files), and it has. Nothing was sent" in message.content
    assert len(offline_url.requests) == sent


def test_eight_threads_make_no_more_than_they_may(offline_url: Any) -> None:
    store = ArtifactStore(most_files=5)
    tool = HFTextToImage("offline/painter:fal-ai", **here(offline_url, store=store))
    start = threading.Barrier(8)
    said: list[str] = []

    def work() -> None:
        start.wait()
        said.append(tool.invoke({"prompt": "a fox", "width": 64, "height": 64}))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each.startswith("img_") for each in said) == len(store) == 5
    assert sum("most_files" in each for each in said) == 3
    assert (
        sum(seen.path.startswith("/fal-ai/") and seen.method == "POST" for seen in offline_url.requests) == 5
    )


# the toolkit


def test_a_toolkit_gives_the_tools_that_are_wanted_over_one_store_and_one_client(offline_url: Any) -> None:
    toolkit = HFRouterToolkit(include=["image_to_image", "text_to_image"], models=MODELS, **here(offline_url))
    edit, make = toolkit.get_tools()
    assert (edit.name, make.name) == ("image_to_image", "text_to_image")
    assert edit.store is make.store is toolkit.store
    assert edit.client is make.client is toolkit._sync()
    assert edit.async_client is make.async_client is toolkit._async()
    picture = make.invoke(called(make, {"prompt": "a fox"})).artifact
    assert edit.invoke({"image_id": picture.id, "prompt": "make it blue"}).startswith("img_")


def test_all_tools_are_in_the_toolkit() -> None:
    tools = HFRouterToolkit().get_tools()
    assert [tool.name for tool in tools] == list(TOOLS)
    assert {type(tool) for tool in tools} == set(CLASSES)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"include": ["text_to_picture"]}, "no tool 'text_to_picture'"),
        ({"models": {"paint": "a/b"}}, "no tool 'paint'"),
        ({"model": "a/b"}, "No model does everything"),
        ({"store": "media"}, "store is of type str"),
        ({"huggingfacehub_api_token": "hf_x"}, "Write api_key="),
        ({"includes": []}, "Did you mean include"),
        ({"client": HFRouter(), "api_key": "hf_x"}, "api_key would have no effect"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_arguments_that_cannot_work_are_told(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        HFRouterToolkit(**arguments)


# clients of one's own


async def test_clients_are_shared_and_each_way_needs_its_own(offline_url: Any) -> None:
    settings: Any = {"base_url": str(offline_url), "hub_url": offline_url.root, "embedding_api": "router"}
    router = HFRouter("offline/painter:fal-ai", api_key="hf_offline", **settings)
    tool = HFTextToImage(client=router)
    assert tool.invoke({"prompt": "a fox"}).startswith("img_"), "the client's own model"
    assert "ainvoke needs async_client=" in await tool.ainvoke({"prompt": "a fox"})
    async with AsyncHFRouter(api_key="hf_offline", **settings) as other:
        both = HFTextToImage("offline/painter:fal-ai", client=router, async_client=other)
        assert (await both.ainvoke({"prompt": "a fox"})).startswith("img_")


def test_a_time_limit_of_the_tool_is_held(offline_url: Any) -> None:
    scripted(offline_url, MediaQuirks(never=True))
    tool = package.HFImageToVideo(
        "offline/filmer:fal-ai", **here(offline_url, timeout=Timeouts(total=0.3)), handle_tool_error=False
    )
    from PIL import Image

    picture = tool.store.add(Image.new("RGB", (8, 8)))
    with pytest.raises(HFToolError, match="took too long") as caught:
        tool.invoke({"image_id": picture.id})
    assert caught.value.error is not None
    assert caught.value.error.job is not None, "it goes on at the provider, and can be resumed"


def test_type_checkers_see_every_argument() -> None:
    fixed = {"args_schema", "response_format"}
    names = {"model_name", "model_kwargs", "endpoint"}
    assert MediaToolArguments.__annotations__.keys() == (MediaTool.model_fields.keys() | names) - fixed
    assert ToolkitArguments.__annotations__.keys() == HFRouterToolkit.model_fields.keys() | names
