"""What the media tools share: a connection, a store, and one call, blocking or not.

Lives here: fields, and the way from a model's arguments to content and artifact. Not here: the tools themselves
(`media_tools`, `reading_tools`), what is done around a call (the core's `begin`), errors (`tool_errors`).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from langchain_core.tools import BaseTool, ToolException
from pydantic import ConfigDict, Field, model_validator

from langchain_hfrouter.arguments import HostArguments
from langchain_hfrouter.connection import Connection
from langchain_hfrouter.errors import ConfigError
from langchain_hfrouter.tool_errors import as_tool_error, bad_arguments
from shared_core.errors import RouterError
from shared_core.media import Artifact, ArtifactStore, Outcome, begin
from shared_core.types import SAFEGUARDS

if TYPE_CHECKING:
    from typing import Unpack

    from shared_core import AsyncHFRouter, HFRouter

__all__ = ["MediaConnection", "MediaTool", "MediaToolArguments"]

_OF_CLIENT = frozenset(
    {
        "api_key",
        "base_url",
        "provider",
        "bill_to",
        "timeout",
        "max_retries",
        "default_headers",
        "extra_body",
        "wait_for_model",
        "hub_url",
        "http_client",
        "async_http_client",
        "async_transport",
        *SAFEGUARDS,
    }
)
Content = str | list[str | dict[str, Any]]


class MediaToolArguments(HostArguments, total=False):
    """What every media tool takes, for type checkers and editors."""

    hub_url: str | None
    store: ArtifactStore | None
    client: HFRouter | None
    async_client: AsyncHFRouter | None
    include_media_in_content: bool
    name: str
    description: str
    return_direct: bool
    verbose: bool
    callbacks: Any
    tags: list[str] | None
    metadata: dict[str, Any] | None
    extras: dict[str, Any] | None
    handle_tool_error: bool | str | Callable[[ToolException], Any] | None
    handle_validation_error: bool | str | Callable[[Any], str] | None


class MediaConnection(Connection):
    """A connection, a store, and clients that others may share.

    Args:
        hub_url: The Hub that is asked who serves a model, where `base_url` is a stand-in of the router with its
            providers' paths, as the offline router is.
        store: Where media lie; None makes a private one.
        client, async_client: Clients to use in place of own ones, for `invoke` and for `ainvoke`.
        include_media_in_content: Whether a picture that was made is shown to the model too.
    """

    hub_url: str | None = None
    store: ArtifactStore = Field(default_factory=ArtifactStore, exclude=True, repr=False)
    client: Any = Field(default=None, exclude=True, repr=False)
    async_client: Any = Field(default=None, exclude=True, repr=False)
    include_media_in_content: bool = False

    _INSTEAD: ClassVar[dict[str, str]] = {
        "huggingfacehub_api_token": "Write api_key=.",
        "hf_token": "Write api_key=.",
        "token": "Write api_key=.",
        "endpoint_url": "Write base_url=.",
        "repo_id": "Write model=.",
        "model_id": "Write model=.",
        "output_dir": "Write store=ArtifactStore(folder).",
    }

    @model_validator(mode="before")
    @classmethod
    def _make_store(cls, values: Any) -> Any:
        if isinstance(values, dict) and "store" in values:
            values = dict(values)
            store = values["store"]
            if store is None:
                del values["store"]
            elif not isinstance(store, ArtifactStore):
                raise ConfigError(
                    f"store is of type {type(store).__name__}.", hint="Pass ArtifactStore(folder), or None."
                )
        return values

    @model_validator(mode="after")
    def _check_clients(self) -> MediaConnection:
        """A client has its own settings: others beside it would be without effect."""
        given = self.client is not None or self.async_client is not None
        fields = type(self).model_fields
        idle = [name for name in sorted(_OF_CLIENT) if getattr(self, name) != fields[name].default]
        if given and idle:
            raise ConfigError(
                f"{', '.join(idle)} would have no effect: client= and async_client= have their own.",
                hint="Set them where the clients are made.",
            )
        return self

    def _is_remote(self) -> bool:
        return self.client is None and self.async_client is None

    def _sync(self) -> HFRouter:
        if self._is_remote():
            return super()._sync()
        return self._client_of("client", "async_client", "invoke")  # type: ignore[no-any-return]

    def _async(self) -> AsyncHFRouter:
        if self._is_remote():
            return super()._async()
        return self._client_of("async_client", "client", "ainvoke")  # type: ignore[no-any-return]

    def _client_of(self, name: str, other: str, call: str) -> Any:
        client = getattr(self, name)
        if client is None:
            raise ConfigError(f"{call} needs {name}=, and only {other}= was given.", hint="Pass both.")
        return client

    def _router_settings(self) -> dict[str, Any]:
        settings = super()._router_settings()
        behind = {} if self.hub_url is None else {"hub_url": self.hub_url, "embedding_api": "router"}
        return {**settings, "model": self.model or None, **behind}


class MediaTool(MediaConnection, BaseTool):
    """The base of the media tools."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = ""
    description: str = ""
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    # An agent goes on after an error that the model is told; False raises HFToolError.
    handle_tool_error: Any = True
    handle_validation_error: Any = bad_arguments

    _TOOL: ClassVar[str] = ""

    if TYPE_CHECKING:

        def __init__(self, model: str | None = None, /, **arguments: Unpack[MediaToolArguments]) -> None: ...

    def _run(
        self,
        *said: str,
        run_manager: CallbackManagerForToolRun | None = None,  # noqa: ARG002  (part of LangChain's signature)
        **arguments: Any,
    ) -> tuple[Content, Any]:
        """One call: content for the model, artifact for the program."""
        try:
            with begin(self.store, self._TOOL, self._named(said, arguments), model=self.model) as errand:
                reply = getattr(self._sync(), errand.method)(*errand.inputs, **errand.options)
                return self._shown(errand.finish(reply))
        except RouterError as error:
            failure = as_tool_error(error)
            raise failure from failure.error

    async def _arun(
        self,
        *said: str,
        run_manager: AsyncCallbackManagerForToolRun | None = None,  # noqa: ARG002  (part of LangChain's signature)
        **arguments: Any,
    ) -> tuple[Content, Any]:
        """As `_run`, natively asynchronous; files are read and written in threads."""
        try:
            named = self._named(said, arguments)
            errand = await asyncio.to_thread(begin, self.store, self._TOOL, named, model=self.model)
            with errand:
                reply = await getattr(self._async(), errand.method)(*errand.inputs, **errand.options)
                return await asyncio.to_thread(lambda: self._shown(errand.finish(reply)))
        except RouterError as error:
            failure = as_tool_error(error)
            raise failure from failure.error

    def _named(self, said: tuple[str, ...], arguments: Mapping[str, Any]) -> dict[str, Any]:
        """LangChain hands a plain string on without its name: it is the first argument."""
        schema: Any = self.args_schema
        return {**dict(zip(schema.model_fields, said, strict=False)), **arguments}

    def _shown(self, outcome: Outcome) -> tuple[Content, Any]:
        """A picture as a block of its own where that is wanted. Never sounds and videos: langchain-core takes no such
        blocks from tools, and would write the whole content, bytes included, into one string."""
        made = outcome.result
        if not (self.include_media_in_content and isinstance(made, Artifact) and made.kind == "image"):
            return outcome.text, made
        picture = {
            "type": "image",
            "base64": base64.b64encode(made.data).decode("ascii"),
            "mime_type": made.mime_type,
        }
        return [{"type": "text", "text": outcome.text}, picture], made
