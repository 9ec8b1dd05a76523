"""All media tools at once, over one client and one store.

Lives here: which tools there are, and how they share. Not here: the tools (`media_tools`, `reading_tools`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseToolkit, ToolException
from pydantic import ConfigDict, Field, model_validator

from langchain_hfrouter import media_tools, reading_tools
from langchain_hfrouter.arguments import HostArguments
from langchain_hfrouter.errors import ConfigError
from langchain_hfrouter.media_tool import MediaConnection, MediaTool

if TYPE_CHECKING:
    from typing import Unpack

    from shared_core import AsyncHFRouter, HFRouter
    from shared_core.media import ArtifactStore

__all__ = ["HFRouterToolkit", "ToolkitArguments"]

_TOOLS: dict[str, type[MediaTool]] = {
    "text_to_image": media_tools.HFTextToImage,
    "image_to_image": media_tools.HFImageToImage,
    "text_to_video": media_tools.HFTextToVideo,
    "image_to_video": media_tools.HFImageToVideo,
    "text_to_speech": media_tools.HFTextToSpeech,
    "text_to_audio": media_tools.HFTextToAudio,
    "transcribe": reading_tools.HFTranscribe,
    "ask_image": reading_tools.HFAskImage,
    "classify_image": reading_tools.HFClassifyImage,
    "classify_text": reading_tools.HFClassifyText,
}


class ToolkitArguments(HostArguments, total=False):
    """What the toolkit takes, for type checkers and editors."""

    include: Sequence[str] | None
    models: Mapping[str, str]
    hub_url: str | None
    store: ArtifactStore | None
    client: HFRouter | None
    async_client: AsyncHFRouter | None
    include_media_in_content: bool
    handle_tool_error: bool | str | Callable[[ToolException], Any] | None


class HFRouterToolkit(MediaConnection, BaseToolkit):
    """Tools that make, hear and judge media at every Hugging Face inference provider.

    Setup:
        Install the package and set a token with the permission "Make calls to Inference Providers"
        (https://hf.co/settings/tokens):

        ```bash
        pip install -U "hfrouter[langchain]"
        export HF_TOKEN="hf_..."
        ```

    Key init args:
        include: list[str] | None
            Which tools: text_to_image, image_to_image, text_to_video, image_to_video, text_to_speech,
            text_to_audio, transcribe, ask_image, classify_image, classify_text. None is all of them; a model chooses
            better among few.
        models: dict[str, str]
            The model of a tool by the tool's name, as `org/name[:<provider>]`. Others take one that the package
            knows, where it knows one.
        store: ArtifactStore | None
            The folder that the tools share, and the limits of a run: how many files, how many bytes, how much money.
        api_key, timeout, client, async_client, include_media_in_content, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiate:
        ```python
        from langchain_hfrouter import HFRouterToolkit
        from shared_core.media import ArtifactStore

        toolkit = HFRouterToolkit(
            include=["text_to_image", "image_to_image"],
            models={"text_to_image": "black-forest-labs/FLUX.1-schnell:fal-ai"},
            store=ArtifactStore("media", most_files=10),
        )
        ```

    Tools:
        ```python
        [tool.name for tool in toolkit.get_tools()]
        ```

        ```text
        ['text_to_image', 'image_to_image']
        ```

    Use within an agent:
        ```python
        from langchain.agents import create_agent
        from langchain_hfrouter import ChatHFRouter

        agent = create_agent(ChatHFRouter(model="openai/gpt-oss-120b"), toolkit.get_tools())
        state = agent.invoke({"messages": [("user", "Make a picture of a red bicycle, then edit it: at night.")]})
        for artifact in toolkit.store:
            print(artifact.id, artifact.path)
        ```
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    include: tuple[str, ...] | None = None
    models: dict[str, str] = Field(default_factory=dict)
    handle_tool_error: Any = True

    if TYPE_CHECKING:

        def __init__(self, **arguments: Unpack[ToolkitArguments]) -> None: ...

    @model_validator(mode="after")
    def _check_tools(self) -> HFRouterToolkit:
        if self.model:
            raise ConfigError(
                "No model does everything.", hint='Write models={"text_to_image": "org/name:provider", ...}.'
            )
        for name in (*(self.include or ()), *self.models):
            if name not in _TOOLS:
                raise ConfigError(f"There is no tool {name!r}.", hint=f"There are {', '.join(_TOOLS)}.")
        return self

    def get_tools(self) -> list[MediaTool]:  # type: ignore[override]
        """The tools, in the order of `include`; they share this toolkit's clients and store."""
        shared: dict[str, Any] = {
            "store": self.store,
            "client": self.client if not self._is_remote() else self._sync(),
            "async_client": self.async_client if not self._is_remote() else self._async(),
            "include_media_in_content": self.include_media_in_content,
            "handle_tool_error": self.handle_tool_error,
        }
        chosen = _TOOLS if self.include is None else self.include
        return [_TOOLS[name](self.models.get(name), **shared) for name in chosen]
