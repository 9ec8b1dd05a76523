"""Tools that make media: pictures, films, sounds. What they give is kept in a store and named by an id.

Lives here: the classes, as LangChain's agents see them. Not here: how a call is made (`media_tool`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.tools import ArgsSchema

from langchain_hfrouter.media_tool import MediaTool, MediaToolArguments
from shared_core.media import TOOLS

if TYPE_CHECKING:
    from typing import Unpack

__all__ = [
    "HFImageToImage",
    "HFImageToVideo",
    "HFTextToAudio",
    "HFTextToImage",
    "HFTextToSpeech",
    "HFTextToVideo",
]


class HFTextToImage(MediaTool):
    """Makes pictures from texts.

    Setup:
        Install the package and set a token with the permission "Make calls to Inference Providers"
        (https://hf.co/settings/tokens):

        ```bash
        pip install -U "hfrouter[langchain]"
        export HF_TOKEN="hf_..."
        ```

    Key init args:
        model: str
            `org/name[:<provider>]`; also accepted as `model_name`. Left out, a model that the package knows.
        store: ArtifactStore | None
            Where media lie, with the limits of a run. Tools that hand media on need one store between them; None makes
            a private one.
        api_key: SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None
            Token, or a function that gives it before each request. Left out, `HF_TOKEN`, `HUGGINGFACEHUB_API_TOKEN`,
            `HUGGINGFACE_API_KEY`, `HUG_API_KEY` or the login of `hf auth login` is used, and goes to hosts of Hugging
            Face only.
        timeout: float | Timeouts | None
            Seconds for the whole call; None is an hour, since jobs queue.
        client: HFRouter | None; async_client: AsyncHFRouter | None
            Clients to share, for `invoke` and `ainvoke`, in place of a connection of its own.
        include_media_in_content: bool = False
            Whether a picture is shown to the model too, which costs tokens and takes a model that sees.
        handle_tool_error: bool | str | Callable = True
            Errors are told to the model in a sentence that it can act on; False raises `HFToolError`.
        base_url, hub_url, provider, bill_to, max_retries, default_headers, extra_body, wait_for_model, http_client,
        async_http_client, async_transport:
            As of `HFRouterEmbeddings`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFTextToImage

        tool = HFTextToImage("black-forest-labs/FLUX.1-schnell:fal-ai")
        ```

    Invocation with args:
        ```python
        tool.invoke({"prompt": "a red bicycle", "width": 512, "height": 512, "seed": 7})
        ```

        ```text
        img_3f9a2c0d4e1: image/png, 512 x 512 pixels, 310 kB, seed 7, made by black-forest-labs/FLUX.1-schnell at fal-ai
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"prompt": "a red bicycle", "width": 512, "height": 512, "seed": 7}
        message = tool.invoke({"name": "text_to_image", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact.path, message.artifact.seed  # a `shared_core.media.Artifact`
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "text_to_image"
    description: str = TOOLS["text_to_image"].about
    args_schema: ArgsSchema | None = TOOLS["text_to_image"].arguments

    _TOOL = "text_to_image"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...


class HFImageToImage(MediaTool):
    """Edits pictures, which the model names by their ids.

    Setup:
        As of `HFTextToImage`.

    Key init args:
        model: str
            `org/name[:<provider>]`. Left out, a model that the package knows.
        store, api_key, timeout, client, async_client, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFImageToImage
        from shared_core.media import ArtifactStore

        store = ArtifactStore("media")
        tool = HFImageToImage("black-forest-labs/FLUX.2-klein-9B", store=store)
        ```

    Invocation with args:
        ```python
        tool.invoke({"image_id": "img_3f9a2c0d4e1", "prompt": "make it blue"})
        ```

        ```text
        img_81c0de5a2b7: image/png, 512 x 512 pixels, 295 kB, made by black-forest-labs/FLUX.2-klein-9B at fal-ai
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"image_id": "img_3f9a2c0d4e1", "prompt": "make it blue"}
        message = tool.invoke({"name": "image_to_image", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact.path
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "image_to_image"
    description: str = TOOLS["image_to_image"].about
    args_schema: ArgsSchema | None = TOOLS["image_to_image"].arguments

    _TOOL = "image_to_image"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...


class HFTextToVideo(MediaTool):
    """Makes films from texts.

    Setup:
        As of `HFTextToImage`.

    Key init args:
        model: str
            `org/name[:<provider>]`. Left out, a model that the package knows.
        store, api_key, timeout, client, async_client, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFTextToVideo

        tool = HFTextToVideo("Wan-AI/Wan2.2-TI2V-5B", timeout=900)
        ```

    Invocation with args:
        ```python
        tool.invoke({"prompt": "a paper boat on a pond"})
        ```

        ```text
        vid_5b0c77e1f30: video/mp4, 1280 x 704 pixels, 5.0 seconds, 2,100 kB, made by Wan-AI/Wan2.2-TI2V-5B at fal-ai
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"prompt": "a paper boat on a pond"}
        message = tool.invoke({"name": "text_to_video", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact.path, message.artifact.duration
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "text_to_video"
    description: str = TOOLS["text_to_video"].about
    args_schema: ArgsSchema | None = TOOLS["text_to_video"].arguments

    _TOOL = "text_to_video"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...


class HFImageToVideo(MediaTool):
    """Makes films that begin with a picture, which the model names by its id.

    Setup:
        As of `HFTextToImage`.

    Key init args:
        model: str
            `org/name[:<provider>]`. Required: none is known that all may use.
        store, api_key, timeout, client, async_client, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFImageToVideo
        from shared_core.media import ArtifactStore

        store = ArtifactStore("media")
        tool = HFImageToVideo("Wan-AI/Wan2.2-I2V-A14B:fal-ai", store=store)
        ```

    Invocation with args:
        ```python
        tool.invoke({"image_id": "img_3f9a2c0d4e1", "prompt": "it rolls away"})
        ```

        ```text
        vid_0e44d1f9a6c: video/mp4, 832 x 480 pixels, 5.0 seconds, 1,800 kB, made by Wan-AI/Wan2.2-I2V-A14B at fal-ai
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"image_id": "img_3f9a2c0d4e1", "prompt": "it rolls away"}
        message = tool.invoke({"name": "image_to_video", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact.path
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "image_to_video"
    description: str = TOOLS["image_to_video"].about
    args_schema: ArgsSchema | None = TOOLS["image_to_video"].arguments

    _TOOL = "image_to_video"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...


class HFTextToSpeech(MediaTool):
    """Speaks texts.

    Setup:
        As of `HFTextToImage`.

    Key init args:
        model: str
            `org/name[:<provider>]`. Required: none is known that all may use.
        store, api_key, timeout, client, async_client, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFTextToSpeech

        tool = HFTextToSpeech("hexgrad/Kokoro-82M:fal-ai")
        ```

    Invocation with args:
        ```python
        tool.invoke({"text": "Good morning."})
        ```

        ```text
        aud_7d20b1c4e95: audio/wav, 1.4 seconds, 66 kB, made by hexgrad/Kokoro-82M at fal-ai
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"text": "Good morning."}
        message = tool.invoke({"name": "text_to_speech", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact.path, message.artifact.duration
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "text_to_speech"
    description: str = TOOLS["text_to_speech"].about
    args_schema: ArgsSchema | None = TOOLS["text_to_speech"].arguments

    _TOOL = "text_to_speech"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...


class HFTextToAudio(MediaTool):
    """Makes music and noises from descriptions.

    Setup:
        As of `HFTextToImage`.

    Key init args:
        model: str
            `org/name[:<provider>]`. Required: none is known that all may use.
        store, api_key, timeout, client, async_client, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFTextToAudio

        tool = HFTextToAudio("org/name:fal-ai")
        ```

    Invocation with args:
        ```python
        tool.invoke({"prompt": "slow piano", "duration": 10})
        ```

        ```text
        aud_2c9f00d7b13: audio/wav, 10.0 seconds, 1,722 kB, made by org/name at fal-ai
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"prompt": "slow piano", "duration": 10}
        message = tool.invoke({"name": "text_to_audio", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact.path
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "text_to_audio"
    description: str = TOOLS["text_to_audio"].about
    args_schema: ArgsSchema | None = TOOLS["text_to_audio"].arguments

    _TOOL = "text_to_audio"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...
