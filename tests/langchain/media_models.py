"""The media tools, the offline models that they are tried with, and what a model says to them."""

from __future__ import annotations

from typing import Any

from langchain_hfrouter import (
    HFAskImage,
    HFImageToImage,
    HFImageToVideo,
    HFTextToAudio,
    HFTextToImage,
    HFTextToSpeech,
    HFTextToVideo,
    HFTranscribe,
)

MAKERS: dict[type[Any], tuple[str, dict[str, Any]]] = {
    HFTextToImage: ("offline/painter:fal-ai", {"prompt": "a red fox", "width": 64, "height": 64, "seed": 7}),
    HFImageToImage: ("offline/editor:hf-inference", {"image_id": "", "prompt": "make it blue"}),
    HFTextToVideo: ("offline/animator:replicate", {"prompt": "a paper boat"}),
    HFImageToVideo: ("offline/filmer:fal-ai", {"image_id": "", "prompt": "it sails"}),
    HFTextToSpeech: ("offline/speaker:fal-ai", {"text": "hello there"}),
    HFTextToAudio: ("offline/musician:fal-ai", {"prompt": "slow piano", "duration": 1.0}),
}
READERS: dict[type[Any], tuple[str, dict[str, Any]]] = {
    HFTranscribe: ("offline/listener:fal-ai", {"audio_id": ""}),
    HFAskImage: ("offline/tools", {"image_id": "", "question": "What is it?"}),
}
MODELS = {
    "text_to_image": "offline/painter:fal-ai",
    "image_to_image": "offline/editor:hf-inference",
    "image_to_video": "offline/filmer:fal-ai",
    "text_to_speech": "offline/speaker:fal-ai",
    "transcribe": "offline/listener:fal-ai",
}


def here(url: Any, **settings: Any) -> dict[str, Any]:
    """The arguments that lead to the offline router."""
    return {"base_url": str(url), "hub_url": url.root, "api_key": "hf_offline", **settings}


def called(tool: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """A tool call, as an agent's model makes it."""
    return {"name": tool.name, "args": arguments, "id": "call_1", "type": "tool_call"}
