"""Tools that look, listen and judge: transcripts, answers about pictures, labels.

Lives here: the classes, as LangChain's agents see them. Not here: how a call is made (`media_tool`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.tools import ArgsSchema

from langchain_hfrouter.media_tool import MediaTool, MediaToolArguments
from shared_core.media import TOOLS

if TYPE_CHECKING:
    from typing import Unpack

__all__ = ["HFAskImage", "HFClassifyImage", "HFClassifyText", "HFTranscribe"]


class HFTranscribe(MediaTool):
    """Writes down what is said in a recording, which the model names by its id.

    Setup:
        As of `HFTextToImage`.

    Key init args:
        model: str
            `org/name[:<provider>]`. Left out, a model that the package knows.
        store, api_key, timeout, client, async_client, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFTranscribe
        from shared_core.media import ArtifactStore

        store = ArtifactStore("media")
        tool = HFTranscribe("openai/whisper-large-v3", store=store)
        ```

    Invocation with args:
        ```python
        tool.invoke({"audio_id": "aud_7d20b1c4e95"})
        ```

        ```text
        Good morning.
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"audio_id": "aud_7d20b1c4e95"}
        message = tool.invoke({"name": "transcribe", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact.chunks  # a `shared_core.media.TranscriptReply`
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "transcribe"
    description: str = TOOLS["transcribe"].about
    args_schema: ArgsSchema | None = TOOLS["transcribe"].arguments

    _TOOL = "transcribe"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...


class HFAskImage(MediaTool):
    """Answers questions about pictures, which the model names by their ids.

    Setup:
        As of `HFTextToImage`.

    Key init args:
        model: str
            `org/name[:<provider>]`. A chat model that sees; left out, one that the package knows.
        store, api_key, timeout, client, async_client, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFAskImage
        from shared_core.media import ArtifactStore

        store = ArtifactStore("media")
        tool = HFAskImage("Qwen/Qwen3-VL-235B-A22B-Instruct", store=store)
        ```

    Invocation with args:
        ```python
        tool.invoke({"image_id": "img_3f9a2c0d4e1", "question": "What is in it?"})
        ```

        ```text
        A red bicycle in front of a wall.
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"image_id": "img_3f9a2c0d4e1", "question": "What is in it?"}
        message = tool.invoke({"name": "ask_image", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact.usage  # a `shared_core.ChatReply`
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "ask_image"
    description: str = TOOLS["ask_image"].about
    args_schema: ArgsSchema | None = TOOLS["ask_image"].arguments

    _TOOL = "ask_image"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...


class HFClassifyImage(MediaTool):
    """Says what pictures show, as labels with scores; the model names them by their ids.

    Setup:
        As of `HFTextToImage`.

    Key init args:
        model: str
            `org/name[:<provider>]`. Left out, a model that the package knows.
        store, api_key, timeout, client, async_client, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFClassifyImage
        from shared_core.media import ArtifactStore

        store = ArtifactStore("media")
        tool = HFClassifyImage("google/vit-base-patch16-224", store=store)
        ```

    Invocation with args:
        ```python
        tool.invoke({"image_id": "img_3f9a2c0d4e1"})
        ```

        ```text
        mountain bike: 0.913
        unicycle: 0.021
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"image_id": "img_3f9a2c0d4e1"}
        message = tool.invoke({"name": "classify_image", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact[0].label, message.artifact[0].score
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "classify_image"
    description: str = TOOLS["classify_image"].about
    args_schema: ArgsSchema | None = TOOLS["classify_image"].arguments

    _TOOL = "classify_image"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...


class HFClassifyText(MediaTool):
    """Judges texts, as labels with scores.

    Setup:
        As of `HFTextToImage`.

    Key init args:
        model: str
            `org/name[:<provider>]`. Required: none is known that fits every text.
        store, api_key, timeout, client, async_client, handle_tool_error and the rest:
            As of `HFTextToImage`.

    Instantiation:
        ```python
        from langchain_hfrouter import HFClassifyText

        tool = HFClassifyText("distilbert/distilbert-base-uncased-finetuned-sst-2-english")
        ```

    Invocation with args:
        ```python
        tool.invoke({"text": "I like this."})
        ```

        ```text
        POSITIVE: 1.000
        NEGATIVE: 0.000
        ```

    Invocation with ToolCall:
        ```python
        arguments = {"text": "I like this."}
        message = tool.invoke({"name": "classify_text", "args": arguments, "id": "1", "type": "tool_call"})
        message.artifact[0].label, message.artifact[0].score
        ```

    Async: `await tool.ainvoke(...)`, natively asynchronous.
    """

    name: str = "classify_text"
    description: str = TOOLS["classify_text"].about
    args_schema: ArgsSchema | None = TOOLS["classify_text"].arguments

    _TOOL = "classify_text"

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...
