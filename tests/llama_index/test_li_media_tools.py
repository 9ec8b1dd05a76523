"""LlamaIndex's media tools: text and a block by path, ids between them, errors that a model can act on."""

from __future__ import annotations

import asyncio
import base64
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, ImageBlock, TextBlock, VideoBlock
from llama_index.core.tools import FunctionTool

from llama_index_hfrouter import HFRouterLLM, HFRouterToolSpec, MediaToolFailed
from llama_index_hfrouter.media_calls import keeps_films
from llama_index_hfrouter.messages import MessageRules, to_wire
from shared_core import AsyncHFRouter, HFRouter
from shared_core.errors import ConfigError, PaymentRequired, RateLimited, Refused
from shared_core.media import TOOLS, ArtifactStore
from shared_core.testing import MediaQuirks, Status, offline_router

pytestmark = [
    pytest.mark.usefixtures("jobs_at_once"),
    pytest.mark.filterwarnings("ignore:The `__.*` attribute is deprecated"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_.*' attribute on the instance is deprecated"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step"),
    pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key. memory"),
]

MODELS = {
    "text_to_image": "offline/painter:fal-ai",
    "image_to_image": "offline/editor:hf-inference",
    "text_to_video": "offline/animator:replicate",
    "image_to_video": "offline/filmer:fal-ai",
    "text_to_speech": "offline/speaker:fal-ai",
    "text_to_audio": "offline/musician:fal-ai",
    "transcribe": "offline/listener:fal-ai",
    "ask_image": "offline/tools",
}
MAKERS = [
    ("text_to_image", {"prompt": "a red fox", "width": 64, "height": 64, "seed": 7}, ImageBlock),
    ("image_to_image", {"image_id": "", "prompt": "make it blue"}, ImageBlock),
    ("text_to_video", {"prompt": "a paper boat"}, VideoBlock),
    ("image_to_video", {"image_id": "", "prompt": "it sails"}, VideoBlock),
    ("text_to_speech", {"text": "hello there"}, AudioBlock),
    ("text_to_audio", {"prompt": "slow piano", "duration": 1.0}, AudioBlock),
]
ways = pytest.mark.parametrize("way", ["call", "acall"])


@pytest.fixture
def spec(offline_url: Any) -> HFRouterToolSpec:
    return spec_of(offline_url)


def spec_of(url: Any, **settings: Any) -> HFRouterToolSpec:
    here: dict[str, Any] = {"base_url": str(url), "hub_url": url.root, "api_key": "hf_offline"}
    return HFRouterToolSpec(**{"models": MODELS, **here, **settings})


def tool_of(spec: HFRouterToolSpec, name: str) -> FunctionTool:
    (tool,) = spec.to_tool_list([name])
    assert tool.async_fn == getattr(spec, f"a{name}"), "natively asynchronous, and no thread"
    return tool


async def run(spec: HFRouterToolSpec, name: str, arguments: dict[str, Any], way: str) -> Any:
    tool = tool_of(spec, name)
    return (
        await tool.acall(**arguments) if way == "acall" else await asyncio.to_thread(tool.call, **arguments)
    )


def png() -> bytes:
    data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
    return base64.b64decode(data)


# what they give


@ways
@pytest.mark.parametrize(("name", "arguments", "block"), MAKERS, ids=[name for name, *_ in MAKERS])
async def test_a_result_is_text_and_a_block_with_the_files_path(
    name: str, arguments: dict[str, Any], block: type[Any], way: str, spec: HFRouterToolSpec
) -> None:
    picture = spec.store.add(png())
    output = await run(spec, name, {key: value or picture.id for key, value in arguments.items()}, way)
    text, *more = output.blocks
    made = list(spec.store)[-1]
    assert output.content == text.text
    assert text.text.startswith(f"{made.id}: {made.mime_type}")
    assert "http" not in text.text
    if block is VideoBlock and not keeps_films():
        assert not more, "an older LlamaIndex would write it down as a text, with its path"
        return
    (media,) = more
    assert isinstance(media, block)
    assert Path(media.path) == made.path
    assert media.url is None
    assert len(media.model_dump_json()) < 500, "no bytes"


@ways
async def test_recordings_are_written_down_and_pictures_are_looked_at(
    way: str, spec: HFRouterToolSpec
) -> None:
    await run(spec, "text_to_speech", {"text": "hello there"}, way)
    (sound,) = spec.store
    heard = await run(spec, "transcribe", {"audio_id": sound.id}, way)
    assert heard.blocks == [TextBlock(text="hello there")]
    picture = spec.store.add(png())
    seen = await run(spec, "ask_image", {"image_id": picture.id, "question": "What is it?"}, way)
    assert seen.content == f"I received an image, image/png, {picture.size} bytes."


async def test_functions_can_be_called_as_they_are(spec: HFRouterToolSpec) -> None:
    (text, picture) = spec.text_to_image("a fox", width=64, height=64)
    assert isinstance(picture, ImageBlock)
    (text, picture) = await spec.atext_to_image("a fox", width=64, height=64)
    assert isinstance(text, TextBlock)
    assert [each.prompt for each in spec.store] == ["a fox", "a fox"]


def test_blocks_may_be_left_out(offline_url: Any) -> None:
    output = tool_of(spec_of(offline_url, media_blocks=False), "text_to_image").call(prompt="a fox")
    assert [type(block) for block in output.blocks] == [TextBlock]


# what agents are told


def test_there_are_all_tools_each_with_both_ways(spec: HFRouterToolSpec) -> None:
    tools = spec.to_tool_list()
    assert [tool.metadata.name for tool in tools] == list(TOOLS)
    for tool in tools:
        assert asyncio.iscoroutinefunction(tool.async_fn)
        assert not asyncio.iscoroutinefunction(tool.fn)


@pytest.mark.parametrize("name", TOOLS)
def test_arguments_are_described_and_bounded_and_those_that_the_functions_have(
    name: str, spec: HFRouterToolSpec
) -> None:
    import inspect

    metadata = tool_of(spec, name).metadata
    described = metadata.get_parameters_dict()["properties"]
    assert metadata.description == TOOLS[name].about
    assert all(each["description"] for each in described.values())
    for function in (getattr(spec, name), getattr(spec, f"a{name}")):
        parameters = inspect.signature(function).parameters
        assert list(parameters) == list(described)
        required = [key for key, each in parameters.items() if each.default is each.empty]
        assert required == metadata.get_parameters_dict().get("required", [])


# errors and limits


@ways
@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        pytest.param(
            Status(402, {"error": "https://evil.example"}), PaymentRequired, "no credits left", id="402"
        ),
        pytest.param(
            Status(429, headers={"retry-after": "99"}), RateLimited, "asks to wait 99 seconds", id="429"
        ),
        pytest.param(MediaQuirks(nsfw=True), Refused, "not safe for work. Put it differently", id="nsfw"),
    ],
)
async def test_an_error_is_a_sentence_for_the_model_and_all_that_is_known_for_the_program(
    fault: Any, kind: type[Any], says: str, way: str, offline_url: Any
) -> None:
    offline_url.queue(fault, path="/fal-ai/*")
    spec = spec_of(offline_url, max_retries=0)
    with pytest.raises(MediaToolFailed, match=says) as caught:
        await run(spec, "text_to_image", {"prompt": "a fox"}, way)
    assert isinstance(caught.value.error, kind)
    assert caught.value.__cause__ is caught.value.error
    assert "evil" not in str(caught.value)
    assert "\n" not in str(caught.value)


@ways
@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "https://example.org/x.png", "img_1\0"])
async def test_a_path_or_an_address_in_the_place_of_an_id_is_refused(
    name: str, way: str, spec: HFRouterToolSpec, offline_url: Any
) -> None:
    with pytest.raises(MediaToolFailed, match="Nothing was opened"):
        await run(spec, "image_to_image", {"image_id": name, "prompt": "make it blue"}, way)
    assert offline_url.requests == []


@ways
async def test_a_limit_is_told_before_anything_is_sent(way: str, offline_url: Any) -> None:
    spec = spec_of(offline_url, store=ArtifactStore(most_usd=0.05, prices={"text_to_image": 0.04}))
    await run(spec, "text_to_image", {"prompt": "a fox"}, way)
    sent = len(offline_url.requests)
    with pytest.raises(MediaToolFailed, match=r"may spend 0.05 USD .* Nothing was sent"):
        await run(spec, "text_to_image", {"prompt": "a fox"}, way)
    assert len(offline_url.requests) == sent


# settings


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"models": {"paint": "a/b"}}, "no function paint"),
        ({"store": "media"}, "store is of type str"),
        ({"modells": {}}, "no option 'modells'"),
        ({"client": HFRouter(), "api_key": "hf_x"}, "api_key would have no effect"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_arguments_that_cannot_work_are_told(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        HFRouterToolSpec(**arguments)


async def test_clients_are_shared_and_each_way_needs_its_own(offline_url: Any) -> None:
    settings: Any = {"base_url": str(offline_url), "hub_url": offline_url.root, "embedding_api": "router"}
    router = HFRouter(api_key="hf_offline", **settings)
    only = HFRouterToolSpec(models=MODELS, client=router)
    assert only.text_to_image("a fox")
    with pytest.raises(MediaToolFailed, match="needs async_client="):
        await only.atext_to_image("a fox")
    async with AsyncHFRouter(api_key="hf_offline", **settings) as other:
        assert await HFRouterToolSpec(models=MODELS, async_client=other).atext_to_image("a fox")
        with pytest.raises(MediaToolFailed, match="needs client="):
            HFRouterToolSpec(models=MODELS, async_client=other).text_to_image("a fox")


def test_the_token_shows_nowhere_and_a_pickle_misses_it_loudly(offline_url: Any, canary: str) -> None:
    spec = spec_of(offline_url, api_key=canary)
    blocks = spec.text_to_image("a fox")
    tools = spec.to_tool_list()
    for said in (repr(spec), repr(vars(spec)), repr(tools[0].metadata), str(blocks)):
        assert canary not in said
    carried = pickle.dumps(spec)
    assert canary.encode() not in carried
    arrived = pickle.loads(carried)
    assert len(arrived.store) == 1
    with pytest.raises(MediaToolFailed, match="api_key"):
        arrived.text_to_image("a fox")


def test_a_token_that_a_provider_quotes_is_not_told(offline_url: Any, canary: str) -> None:
    offline_url.queue(Status(400, {"error": f"wrong token {canary}"}), path="/fal-ai/*")
    with pytest.raises(MediaToolFailed, match="wrong token") as caught:
        spec_of(offline_url, api_key=canary).text_to_image("a fox")
    assert canary not in f"{caught.value}{caught.value.error}"


# what a model is shown of a result


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (MessageRules(sees_video=False), "[A video, left out: this model takes no videos.]"),
        (MessageRules(), "[The video follows in the next user message.]"),
    ],
    ids=["a model that takes none", "a model of which nothing is known"],
)
def test_a_film_is_kept_from_a_model_that_takes_none(rules: MessageRules, says: str, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"\x00\x00\x00\x10ftypisom")
    block = VideoBlock(path=tmp_path / "film.mp4", video_mimetype="video/mp4")
    message = ChatMessage(role="tool", blocks=[block], additional_kwargs={"tool_call_id": "1"})
    wire = to_wire([message], rules)
    assert wire[0]["content"] == says
    assert len(wire) == (1 if rules.sees_video is False else 2)


def test_so_is_a_sound(tmp_path: Path) -> None:
    (tmp_path / "sound.wav").write_bytes(b"RIFF....WAVE")
    block = AudioBlock(path=tmp_path / "sound.wav", format="wav")
    message = ChatMessage(role="tool", blocks=[block], additional_kwargs={"tool_call_id": "1"})
    (wire,) = to_wire([message], MessageRules(hears_audio=False))
    assert wire["content"] == "[A sound, left out: this model takes no sounds.]"


# agents

STORY = "Make a picture of a red bicycle, then edit it: make it blue, then animate it."
STEPS = ["text_to_image", "image_to_image", "image_to_video"]


@pytest.mark.parametrize("agent", ["FunctionAgent", "AgentWorkflow"])
async def test_an_agent_makes_a_picture_edits_it_and_animates_it(agent: str, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    # The stand-in has the name of a model that is known to take texts alone.
    with offline_router(aliases={"openai/gpt-oss-120b": "offline/tools"}) as url:
        llm = HFRouterLLM("openai/gpt-oss-120b", base_url=str(url), api_key="hf_offline")
        tools: Any = spec_of(url, store=store).to_tool_list(STEPS)
        if agent == "AgentWorkflow":
            run = AgentWorkflow.from_tools_or_functions(tools, llm=llm).run(STORY)
        else:
            run = FunctionAgent(llm=llm, tools=tools).run(STORY)
        seen = [event async for event in run.stream_events() if isinstance(event, ToolCallResult)]
        answer = str(await run)
        chats = [str(each.json) for each in url.requests if each.path.endswith("/chat/completions")]
    picture, edited, film = store
    assert [event.tool_name for event in seen] == STEPS
    assert [event.tool_kwargs.get("image_id") for event in seen] == [None, picture.id, edited.id]
    assert [each.kind for each in store] == ["image", "image", "video"]
    assert film.id in answer
    assert all("base64" not in said and str(tmp_path) not in said for said in chats)


async def test_an_agent_hears_of_an_error_and_goes_on(offline_url: Any) -> None:
    offline_url.queue(Status(402), path="/fal-ai/*")
    llm = HFRouterLLM("offline/tools", base_url=str(offline_url), api_key="hf_offline")
    agent = FunctionAgent(llm=llm, tools=spec_of(offline_url).to_tool_list(STEPS))
    run = agent.run("Make a picture of a fox")
    (event,) = [event async for event in run.stream_events() if isinstance(event, ToolCallResult)]
    assert event.tool_output.is_error
    assert "no credits left" in str(await run)
