"""`HFRouterToolSpec`: pictures, videos, sounds, transcripts and answers about pictures as LlamaIndex tools.

Lives here: the functions, each blocking and not, and what agents are told of them. Not here: how a call is made
(`media_calls`), ids and limits (the core).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec

from llama_index_hfrouter.media_calls import Blocks, MediaCalls
from shared_core.media import TOOLS

__all__ = ["HFRouterToolSpec"]


class HFRouterToolSpec(MediaCalls, BaseToolSpec):
    """Media tools of every Hugging Face inference provider, for LlamaIndex agents.

    Results are kept in a store and named by an id, which is all that a model ever hands from one tool to the next. A
    function gives text and, for pictures, videos and sounds, a block with the file's path; never bytes.

    Args:
        models: The model of a function by the function's name, as `org/name[:<provider>]`. Others take one that the
            package knows, where it knows one (text_to_image, image_to_image, text_to_video, transcribe).
        store: A `shared_core.media.ArtifactStore`: the folder, and the limits of a run (files, bytes, money). None
            makes a private one.
        media_blocks: Whether results have blocks beside the text. `HFRouterLLM` shows them to the model, except to one
            that is known not to take them; False spares the tokens.
        api_key, base_url, provider, bill_to, timeout, max_retries: As in HFRouterLLM.
        default_headers, extra_body, wait_for_model, http_client, async_http_client, async_transport: As in HFRouterLLM.
        hub_url: The Hub that is asked who serves a model, where `base_url` is a stand-in of the router with its
            providers' paths, as the offline router is.
        client, async_client: `HFRouter` and `AsyncHFRouter` to share, in place of these.

    Raises:
        ConfigError: An argument does not exist or cannot work.

    For models that look at pictures there is no class of its own: LlamaIndex's programs and engines take `HFRouterLLM`
    with `ImageBlock`s, and its older `MultiModalLLM` has no users left in it (0.14.25).

    Functions raise `MediaToolFailed`, whose text is a sentence that a model can act on; agents hand it to the model.

    Example:
        >>> spec = HFRouterToolSpec(models={"text_to_image": "black-forest-labs/FLUX.1-schnell:fal-ai"})
        >>> tools = spec.to_tool_list(["text_to_image", "image_to_image"])
        >>> agent = FunctionAgent(llm=HFRouterLLM("openai/gpt-oss-120b"), tools=tools)  # doctest: +SKIP
        >>> await agent.run("Make a picture of a red bicycle, then edit it: at night.")  # doctest: +SKIP
    """

    spec_functions: ClassVar[list[SPEC_FUNCTION_TYPE]] = [(name, f"a{name}") for name in TOOLS]  # type: ignore[misc]

    def to_tool_list(
        self,
        spec_functions: Sequence[SPEC_FUNCTION_TYPE] | None = None,
        func_to_metadata_mapping: dict[str, ToolMetadata] | None = None,
    ) -> list[FunctionTool]:
        """The functions as tools.

        Args:
            spec_functions: Which, by name; None is all of them. A model chooses better among few.
            func_to_metadata_mapping: Other names and descriptions, by function.
        """
        both = [
            (each, f"a{each}") if isinstance(each, str) and each in TOOLS else each
            for each in spec_functions or self.spec_functions
        ]
        return super().to_tool_list(both, func_to_metadata_mapping)

    def get_metadata_from_fn_name(
        self,
        fn_name: str,
        spec_functions: list[SPEC_FUNCTION_TYPE] | None = None,  # noqa: ARG002  (part of LlamaIndex's signature)
    ) -> ToolMetadata:
        """What agents are told of a function: described and bounded arguments."""
        name = fn_name if fn_name in TOOLS else fn_name[1:]
        return ToolMetadata(name=fn_name, description=TOOLS[name].about, fn_schema=TOOLS[name].arguments)

    def text_to_image(
        self,
        prompt: str,
        negative_prompt: str | None = None,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """Makes a picture from a text.

        Args:
            prompt: What the picture shows.
            negative_prompt: What must not be in it.
            width, height: In pixels.
            seed: The same picture again, where the model can.
        """
        return self._call(
            "text_to_image",
            prompt=prompt,
            negative_prompt=negative_prompt,
            width=width,
            height=height,
            seed=seed,
        )

    async def atext_to_image(
        self,
        prompt: str,
        negative_prompt: str | None = None,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """As `text_to_image`, natively asynchronous."""
        return await self._acall(
            "text_to_image",
            prompt=prompt,
            negative_prompt=negative_prompt,
            width=width,
            height=height,
            seed=seed,
        )

    def image_to_image(self, image_id: str, prompt: str) -> Blocks:
        """Edits a picture as a text says.

        Args:
            image_id: Id of a picture.
            prompt: What to change.
        """
        return self._call("image_to_image", image_id=image_id, prompt=prompt)

    async def aimage_to_image(self, image_id: str, prompt: str) -> Blocks:
        """As `image_to_image`, natively asynchronous."""
        return await self._acall("image_to_image", image_id=image_id, prompt=prompt)

    def text_to_video(
        self,
        prompt: str,
        negative_prompt: str | None = None,
        num_frames: int | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """Makes a video from a text.

        Args:
            prompt: What the video shows.
            negative_prompt: What must not be in it.
            num_frames: Length in pictures.
            seed: The same video again, where the model can.
        """
        return self._call(
            "text_to_video", prompt=prompt, negative_prompt=negative_prompt, num_frames=num_frames, seed=seed
        )

    async def atext_to_video(
        self,
        prompt: str,
        negative_prompt: str | None = None,
        num_frames: int | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """As `text_to_video`, natively asynchronous."""
        return await self._acall(
            "text_to_video", prompt=prompt, negative_prompt=negative_prompt, num_frames=num_frames, seed=seed
        )

    def image_to_video(self, image_id: str, prompt: str | None = None, seed: int | None = None) -> Blocks:
        """Makes a video that begins with a picture.

        Args:
            image_id: Id of a picture.
            prompt: What happens in the video.
            seed: The same video again, where the model can.
        """
        return self._call("image_to_video", image_id=image_id, prompt=prompt, seed=seed)

    async def aimage_to_video(
        self, image_id: str, prompt: str | None = None, seed: int | None = None
    ) -> Blocks:
        """As `image_to_video`, natively asynchronous."""
        return await self._acall("image_to_video", image_id=image_id, prompt=prompt, seed=seed)

    def text_to_speech(self, text: str, voice: str | None = None) -> Blocks:
        """Speaks a text.

        Args:
            text: What to say.
            voice: By the model's name for it.
        """
        return self._call("text_to_speech", text=text, voice=voice)

    async def atext_to_speech(self, text: str, voice: str | None = None) -> Blocks:
        """As `text_to_speech`, natively asynchronous."""
        return await self._acall("text_to_speech", text=text, voice=voice)

    def text_to_audio(self, prompt: str, duration: float | None = None) -> Blocks:
        """Makes music or a noise.

        Args:
            prompt: What to play.
            duration: In seconds.
        """
        return self._call("text_to_audio", prompt=prompt, duration=duration)

    async def atext_to_audio(self, prompt: str, duration: float | None = None) -> Blocks:
        """As `text_to_audio`, natively asynchronous."""
        return await self._acall("text_to_audio", prompt=prompt, duration=duration)

    def transcribe(self, audio_id: str, language: str | None = None) -> Blocks:
        """Writes down what is said in a recording.

        Args:
            audio_id: Id of a recording.
            language: Of the recording.
        """
        return self._call("transcribe", audio_id=audio_id, language=language)

    async def atranscribe(self, audio_id: str, language: str | None = None) -> Blocks:
        """As `transcribe`, natively asynchronous."""
        return await self._acall("transcribe", audio_id=audio_id, language=language)

    def ask_image(self, image_id: str, question: str) -> Blocks:
        """Answers a question about a picture.

        Args:
            image_id: Id of a picture.
            question: What to find out.
        """
        return self._call("ask_image", image_id=image_id, question=question)

    async def aask_image(self, image_id: str, question: str) -> Blocks:
        """As `ask_image`, natively asynchronous."""
        return await self._acall("ask_image", image_id=image_id, question=question)

    def classify_image(self, image_id: str) -> Blocks:
        """Says what a picture shows, as labels with scores.

        Args:
            image_id: Id of a picture.
        """
        return self._call("classify_image", image_id=image_id)

    async def aclassify_image(self, image_id: str) -> Blocks:
        """As `classify_image`, natively asynchronous."""
        return await self._acall("classify_image", image_id=image_id)

    def classify_text(self, text: str) -> Blocks:
        """Judges a text, as labels with scores.

        Args:
            text: The text to judge.
        """
        return self._call("classify_text", text=text)

    async def aclassify_text(self, text: str) -> Blocks:
        """As `classify_text`, natively asynchronous."""
        return await self._acall("classify_text", text=text)
