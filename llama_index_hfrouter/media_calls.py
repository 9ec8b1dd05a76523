"""How a media tool's call is made: a connection, a store, blocks out.

Lives here: settings, clients, and the one call, blocking or not. Not here: the functions (`tool_spec`), what is done
around a call (the core's `begin`).
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import AudioBlock, ImageBlock, TextBlock, VideoBlock
from llama_index.core.tools import FunctionTool

from llama_index_hfrouter.connection import Connection
from llama_index_hfrouter.errors import MediaToolFailed
from shared_core.errors import ConfigError, RouterError
from shared_core.media import TOOLS, Artifact, ArtifactStore, Outcome, begin, told_error

if TYPE_CHECKING:
    from shared_core import AsyncHFRouter, HFRouter

__all__ = ["Blocks", "MediaCalls", "keeps_films"]

Blocks = list[TextBlock | ImageBlock | AudioBlock | VideoBlock]


class _Provider(Connection):
    """Where the calls go, and on whose account."""

    hub_url: str | None = None

    @classmethod
    def class_name(cls) -> str:
        return "HFRouterToolSpecConnection"

    def _router_model(self) -> str:
        return ""

    def _router_settings(self) -> dict[str, Any]:
        behind = {} if self.hub_url is None else {"hub_url": self.hub_url, "embedding_api": "router"}
        return {**super()._router_settings(), **behind}


class MediaCalls:
    """Makes the calls of `HFRouterToolSpec`, whose docstring explains the arguments."""

    def __init__(
        self,
        *,
        models: Mapping[str, str] | None = None,
        store: ArtifactStore | None = None,
        media_blocks: bool = True,
        client: HFRouter | None = None,
        async_client: AsyncHFRouter | None = None,
        **connection: Any,
    ) -> None:
        if store is not None and not isinstance(store, ArtifactStore):
            raise ConfigError(
                f"store is of type {type(store).__name__}.", hint="Pass ArtifactStore(folder), or None."
            )
        if unknown := set(models or {}) - set(TOOLS):
            raise ConfigError(
                f"There is no function {', '.join(sorted(unknown))}.", hint=f"There are {', '.join(TOOLS)}."
            )
        if connection and (client is not None or async_client is not None):
            raise ConfigError(
                f"{', '.join(sorted(connection))} would have no effect: client= and async_client= have their own.",
                hint="Set them where the clients are made.",
            )
        self.models = dict(models or {})
        self.store = ArtifactStore() if store is None else store
        self.media_blocks = media_blocks
        self._client = client
        self._async_client = async_client
        self._provider = _Provider(**connection)

    def _call(self, name: str, **arguments: Any) -> Blocks:
        try:
            with begin(self.store, name, arguments, model=self.models.get(name)) as errand:
                reply = getattr(self._router(), errand.method)(*errand.inputs, **errand.options)
                return self._blocks(errand.finish(reply))
        except RouterError as error:
            raise _failed(error) from error

    async def _acall(self, name: str, **arguments: Any) -> Blocks:
        try:
            model = self.models.get(name)
            errand = await asyncio.to_thread(begin, self.store, name, arguments, model=model)
            with errand:
                reply = await getattr(self._async_router(), errand.method)(*errand.inputs, **errand.options)
                return self._blocks(await asyncio.to_thread(errand.finish, reply))
        except RouterError as error:
            raise _failed(error) from error

    def _router(self) -> HFRouter:
        if self._client is not None:
            return self._client
        if self._async_client is not None:
            raise ConfigError("A blocking call needs client=, and only async_client= was given.")
        return self._provider._clients.router(self._provider)

    def _async_router(self) -> AsyncHFRouter:
        if self._async_client is not None:
            return self._async_client
        if self._client is not None:
            raise ConfigError("An asynchronous call needs async_client=, and only client= was given.")
        return self._provider._clients.async_router(self._provider)

    def _blocks(self, outcome: Outcome) -> Blocks:
        blocks: Blocks = [TextBlock(text=outcome.text)]
        made = outcome.result
        if self.media_blocks and isinstance(made, Artifact) and (made.kind != "video" or keeps_films()):
            blocks.append(_block(made))
        return blocks


@functools.cache
def keeps_films() -> bool:
    """Whether LlamaIndex's tools pass a video on: older ones (0.14.5) write a list with one down as a text, in which
    the model would read the file's path. Asked of the tool itself, since no release note says when that changed."""
    parse = getattr(FunctionTool, "_parse_tool_output", None)
    if parse is None:
        return True
    tool = FunctionTool.from_defaults(lambda: "", name="nothing", description="nothing")
    return len(parse(tool, [TextBlock(text="a video"), VideoBlock.model_construct()])) == 2


def _block(made: Artifact) -> ImageBlock | AudioBlock | VideoBlock:
    """By path: bytes in a block would go into the chat history and its token counts."""
    if made.kind == "image":
        return ImageBlock(path=made.path, image_mimetype=made.mime_type)
    if made.kind == "audio":
        return AudioBlock(path=made.path, format=made.path.suffix.removeprefix("."))
    return VideoBlock(path=made.path, video_mimetype=made.mime_type)


def _failed(error: RouterError) -> MediaToolFailed:
    failure = MediaToolFailed(told_error(error))
    failure.error = error
    failure.job = error.job
    return failure
