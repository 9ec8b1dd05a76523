"""An agent makes a picture, edits it and animates it, with nothing but ids between the three."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver

sys.path.insert(0, str(Path(__file__).parent))

from media_models import MODELS, here

from langchain_hfrouter import ChatHFRouter, HFRouterToolkit
from shared_core.media import Artifact, ArtifactStore
from shared_core.testing import Status

pytestmark = pytest.mark.usefixtures("jobs_at_once")

STORY = "Make a picture of a red bicycle, then edit it: make it blue, then animate it."
STEPS = ["text_to_image", "image_to_image", "image_to_video"]


def agent_of(url: Any, store: ArtifactStore, **more: Any) -> Any:
    toolkit = HFRouterToolkit(include=STEPS, models=MODELS, **here(url, store=store))
    chat = ChatHFRouter("offline/tools", base_url=str(url), api_key="hf_offline")
    return create_agent(chat, toolkit.get_tools(), **more)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_the_story_in_three_calls(way: str, offline_url: Any, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    agent = agent_of(offline_url, store)
    asked = {"messages": [("user", STORY)]}
    state = await agent.ainvoke(asked) if way == "ainvoke" else await asyncio.to_thread(agent.invoke, asked)
    calls = [call for message in state["messages"] for call in getattr(message, "tool_calls", ())]
    results = [message for message in state["messages"] if message.type == "tool"]
    picture, edited, film = (message.artifact for message in results)
    assert [call["name"] for call in calls] == STEPS
    assert [call["args"].get("image_id") for call in calls] == [None, picture.id, edited.id]
    assert list(store) == [picture, edited, film]
    assert [each.kind for each in store] == ["image", "image", "video"]
    assert film.id in state["messages"][-1].text
    chats = [str(seen.json) for seen in offline_url.requests if seen.path.endswith("/chat/completions")]
    assert len(chats) == 4
    assert all("base64" not in said and str(tmp_path) not in said for said in chats)


def test_an_agent_goes_on_with_a_picture_of_the_users_own(
    offline_url: Any, tmp_path: Path, small_files: dict[str, bytes]
) -> None:
    store = ArtifactStore(tmp_path)
    mine = store.add(small_files["png"])
    state = agent_of(offline_url, store).invoke({"messages": [("user", f"Edit {mine.id}: make it green")]})
    (call,) = [call for message in state["messages"] for call in getattr(message, "tool_calls", ())]
    assert (call["name"], call["args"]["image_id"]) == ("image_to_image", mine.id)


def test_an_agent_hears_of_an_error_and_goes_on(offline_url: Any, tmp_path: Path) -> None:
    offline_url.queue(Status(402), path="/fal-ai/*")
    state = agent_of(offline_url, ArtifactStore(tmp_path)).invoke(
        {"messages": [("user", "Make a picture of a fox")]}
    )
    (result,) = [message for message in state["messages"] if message.type == "tool"]
    assert result.status == "error"
    assert "no credits left" in state["messages"][-1].text


def test_a_checkpoint_keeps_what_an_artifact_held_and_the_store_knows_the_rest(
    offline_url: Any, tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path)
    agent = agent_of(offline_url, store, checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [("user", "Make a picture of a red bicycle")]}, thread)
    kept = agent.get_state(thread).values["messages"]
    (held,) = [message.artifact for message in kept if message.type == "tool"]
    # LangGraph writes messages as dictionaries, and their artifacts with them.
    assert [store.get(held["id"])] == list(store) == [Artifact(**held)]
