"""Texts that models write beside chat: going on with a prompt, and answering about a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared_core.client.classic_calls import AsyncClassicCalls, ClassicCalls
from shared_core.client.streams import AsyncTextStream, TextStream
from shared_core.client.task_router import TaskRouter
from shared_core.errors import ConfigError
from shared_core.flow import Flow
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.types import ChatReply

if TYPE_CHECKING:
    from typing import Unpack

    from shared_core.media import MediaInput
    from shared_core.types import ChatOptions
    from shared_core.types.answers import CompletionReply
    from shared_core.types.classic import GenerationOptions

__all__ = ["AsyncWritingCalls", "WritingCalls", "about_image", "asked_to_write"]

_VISION = "image-text-to-text"
_TEXT = "text-generation"


class WritingCalls(ClassicCalls):
    """Continuations of a prompt, and questions about pictures, blocking."""

    def text_generation(self, prompt: str, **options: Unpack[GenerationOptions]) -> CompletionReply:
        """How a model goes on with a text. For conversations there is `chat`.

        With the router: hf-inference, deepinfra, featherless-ai, novita and together, by what the Hub lists for
        "text-generation". With a `base_url` that has /v1 in its path: OpenAI's `/completions` (vLLM, TGI, llama.cpp);
        with another: TGI's own interface.

        Args:
            prompt: It goes to the model unaltered.
            options: See `GenerationOptions`.

        Raises:
            RouterError: See `shared_core.errors`. `ConfigError` before anything is sent.

        Example:
            >>> router.text_generation("Paris is", max_new_tokens=10, stop=["."]).text  # doctest: +SKIP
            ' a city of love'
        """
        return BlockingRun(
            self._generate(*asked_to_write(prompt, options), stream=False), self._sender()
        ).finish()

    def stream_text(self, prompt: str, **options: Unpack[GenerationOptions]) -> TextStream:
        """The same, in pieces as they are written.

        Example:
            >>> with router.stream_text("Once upon a time") as stream:  # doctest: +SKIP
            ...     for piece in stream:
            ...         print(piece.text, end="", flush=True)
            >>> stream.reply.finish_reason  # doctest: +SKIP
            'length'
        """
        return TextStream(
            BlockingRun(self._generate(*asked_to_write(prompt, options), stream=True), self._sender())
        )

    def ask_image(
        self,
        image: MediaInput | None,
        question: str,
        *,
        url: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatReply:
        """A chat model's answer to a question about a picture.

        Args:
            image: bytes, a `pathlib.Path`, an open file or a Pillow picture; a string is refused. None with `url`.
            question: What to ask, or to do.
            url: In place of `image`: an https address that the provider is to fetch.
            options: As of `chat`; by default the model of `task_models["image-text-to-text"]`, else the client's.

        Example:
            >>> router.ask_image(Path("bill.png"), "What is the total?", max_tokens=50).text  # doctest: +SKIP
            '12.50 EUR'
        """
        return BlockingRun(about_image(self, image, question, url, options), self._sender()).finish()


class AsyncWritingCalls(AsyncClassicCalls):
    """The same for event loops."""

    async def text_generation(self, prompt: str, **options: Unpack[GenerationOptions]) -> CompletionReply:
        """See `HFRouter.text_generation`."""
        return await AsyncRun(
            self._generate(*asked_to_write(prompt, options), stream=False), self._sender()
        ).finish()

    def stream_text(self, prompt: str, **options: Unpack[GenerationOptions]) -> AsyncTextStream:
        """See `HFRouter.stream_text`: `async with router.stream_text(...) as stream: async for piece in stream`."""
        return AsyncTextStream(
            AsyncRun(self._generate(*asked_to_write(prompt, options), stream=True), self._sender())
        )

    async def ask_image(
        self,
        image: MediaInput | None,
        question: str,
        *,
        url: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatReply:
        """See `HFRouter.ask_image`."""
        flow = await asyncio.to_thread(about_image, self, image, question, url, options)
        return await AsyncRun(flow, self._sender()).finish()


def asked_to_write(prompt: str, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    """The arguments of a continuation, checked."""
    from shared_core.client.classic_asking import ask_classic

    return ask_classic(_TEXT, {"prompt": prompt}, options)


def about_image(
    router: TaskRouter, image: object, question: str, url: str | None, options: ChatOptions
) -> Flow[ChatReply]:
    """The chat about a picture, which is read here."""
    import base64

    from shared_core.catalog import default_model
    from shared_core.client.classic_asking import checked_image
    from shared_core.client.media_asking import checked_prompt
    from shared_core.types import Link

    text, picture = checked_prompt(question, "question"), checked_image(image, url)
    if isinstance(picture, Link):
        address = picture.url
    else:
        address = f"data:{picture.mime_type};base64,{base64.b64encode(picture.data).decode()}"
    router._settle()
    model = options.get("model") or router.task_models.get(_VISION)
    if not model and not router.model:
        known = default_model(_VISION)
        if known is None:
            raise ConfigError(
                "No model was chosen for questions about pictures. Nothing was sent.",
                hint="Pass model=; https://huggingface.co/models?inference_provider=all&pipeline_tag="
                f"{_VISION} lists those that are served.",
            )
        model = known.model
    content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": address}}]
    return router._chat([{"role": "user", "content": content}], {**options, "model": model}, stream=False)
