"""The calls that make and hear media, for threads and for event loops: arguments in, flow run, reply out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from shared_core.client.task_router import TaskRouter
from shared_core.client.waiters import Nap, Stoppable, Waiter, carry
from shared_core.errors import RouterError
from shared_core.flow import Flow
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.types import Job, MediaOptions
from shared_core.types.media import (
    AudioOptions,
    ImageEditOptions,
    ImageOptions,
    ImageVideoOptions,
    SpeechOptions,
    TranscribeOptions,
    VideoOptions,
)

if TYPE_CHECKING:
    from shared_core.media import MediaInput, MediaReply, Segment, TranscriptReply
    from shared_core.transport import AsyncTransport, Transport
    from shared_core.types.answers import Answers

    AnyReply = MediaReply | TranscriptReply | Answers[Segment]

__all__ = ["AsyncMediaCalls", "MediaCalls"]

T = TypeVar("T")

_FAREWELL = 5.0  # seconds that a cancelled task takes to tell the provider


class MediaCalls(TaskRouter):
    """Pictures, videos, sounds and transcripts, blocking."""

    def text_to_image(self, prompt: str, **options: Unpack[ImageOptions]) -> MediaReply:
        """A picture of what a text says.

        Args:
            prompt: What to draw. It goes to the model unaltered, and is never opened as a path or an address.
            options: See `ImageOptions`.

        Raises:
            RouterError: See `shared_core.errors`. From the moment a provider has accepted a job, the error has it as
                `.job`, to be resumed. What may have run is never sent again by itself.

        Example:
            >>> router.text_to_image("a red bicycle", width=512, height=512, seed=7).save("bicycle")  # doctest: +SKIP
        """
        return self._make("text-to-image", prompt, options)

    def image_to_image(
        self,
        image: MediaInput | None = None,
        prompt: str | None = None,
        *,
        url: str | None = None,
        **options: Unpack[ImageEditOptions],
    ) -> MediaReply:
        """A picture, edited.

        Args:
            image: bytes, a `pathlib.Path`, an open file or a Pillow picture; a string is refused.
            prompt: What to change.
            url: In place of `image`: an https address that the provider is to fetch.
            options: See `ImageEditOptions`.
        """
        return self._make("image-to-image", image, {"prompt": prompt, **options}, url)

    def text_to_video(self, prompt: str, **options: Unpack[VideoOptions]) -> MediaReply:
        """A video of what a text says. Takes minutes: `on_progress=` tells how far it is, `submit` does not wait.

        Args:
            prompt: What to show.
            options: See `VideoOptions`.
        """
        return self._make("text-to-video", prompt, options)

    def image_to_video(
        self,
        image: MediaInput | None = None,
        prompt: str | None = None,
        *,
        url: str | None = None,
        **options: Unpack[ImageVideoOptions],
    ) -> MediaReply:
        """A video that begins with a picture.

        Args:
            image, url: As of `image_to_image`.
            prompt: What happens in it.
            options: See `ImageVideoOptions`.
        """
        return self._make("image-to-video", image, {"prompt": prompt, **options}, url)

    def text_to_speech(self, text: str, **options: Unpack[SpeechOptions]) -> MediaReply:
        """A text, spoken.

        Args:
            text: What to say.
            options: See `SpeechOptions`.
        """
        return self._make("text-to-speech", text, options)

    def text_to_audio(self, prompt: str, **options: Unpack[AudioOptions]) -> MediaReply:
        """Music or a sound.

        Args:
            prompt: What to play.
            options: See `AudioOptions`.
        """
        return self._make("text-to-audio", prompt, options)

    def transcribe(
        self, audio: MediaInput | None = None, *, url: str | None = None, **options: Unpack[TranscribeOptions]
    ) -> TranscriptReply:
        """What is said in a recording.

        Args:
            audio: bytes, a `pathlib.Path` or an open file; a string is refused.
            url: In place of `audio`: an https address that the provider is to fetch.
            options: See `TranscribeOptions`.
        """
        from shared_core.client.media_asking import ask
        from shared_core.client.transcripts import transcript_reply

        task, waiter = "automatic-speech-recognition", Waiter()
        asked = ask(task, audio, options, url)
        return self._wait(self._json(task, *asked, waiter, transcript_reply, paid=True), waiter)

    def submit(
        self, task: str, given: MediaInput | str | None = None, *, url: str | None = None, **options: Any
    ) -> Job:
        """Has a provider begin, and returns at once: the job can be kept as JSON, and resumed in another process.

        Args:
            task: Such as "text_to_video".
            given: The prompt, or the picture of a task that takes one.
            url: The picture's address, in place of itself.
            options: As of the task's own method, `prompt` included where it takes a picture.

        Raises:
            ConfigError: The provider answers this task at once and has no jobs.

        Example:
            >>> job = router.submit("text_to_video", "a paper boat", model="org/name:fal-ai")  # doctest: +SKIP
            >>> Path("job.json").write_text(job.to_json())  # doctest: +SKIP
            >>> router.resume(Job.from_json(Path("job.json").read_text())).save("boat")  # doctest: +SKIP
        """
        from shared_core.client.media_asking import ask, task_named

        name, waiter = task_named(task), Waiter()
        return self._wait(self._submit(name, *ask(name, given, options, url), waiter), waiter)

    def resume(self, job: Job, **options: Unpack[MediaOptions]) -> AnyReply:
        """Waits for a job, and fetches its result.

        Args:
            job: From `submit`, from an error's `.job`, or from `Job.from_json`.
            options: See `MediaOptions`.

        Raises:
            JobFailed: It failed, was cancelled, or the provider has forgotten it.
            Refused: The provider withheld the result.
            TimedOut: It is not done yet; it goes on.
        """
        waiter = Waiter()
        return self._wait(self._resume(job, options, waiter), waiter)

    def cancel(self, job: Job) -> bool:
        """Ends a job: whoever waits for it in this client, in any thread, gets `JobFailed` at once; with a blocking
        `http_client` of the user's own, when the question that goes on is answered.

        Returns:
            Whether the provider took it. False where it knows no such thing, or the job was over already: then it
            may be billed.
        """
        return BlockingRun(self._cancel(job), self._sender()).finish()

    def _make(
        self, task: str, given: object, options: Mapping[str, Any], url: str | None = None
    ) -> MediaReply:
        from shared_core.client.media_asking import ask

        waiter = Waiter()
        return self._wait(self._media(task, *ask(task, given, options, url), waiter), waiter)

    def _wait(self, flow: Flow[T], waiter: Waiter) -> T:
        """Runs a flow whose waiting another thread may end."""
        nap = Nap()
        run = BlockingRun(flow, self._sender(), nap)

        def wake() -> None:
            nap.wake()
            run.hang_up()

        waiter.wake = wake
        try:
            return run.finish()
        except KeyboardInterrupt as error:
            # Python may raise it between two steps of the flow, past all that would say which job goes on.
            if waiter.job is not None and not hasattr(error, "job"):
                carry(error, waiter.job)
            raise

    if TYPE_CHECKING:

        def _sender(self) -> Transport: ...


class AsyncMediaCalls(TaskRouter):
    """The same for event loops. A task that is cancelled tells the provider, where it can be told."""

    async def text_to_image(self, prompt: str, **options: Unpack[ImageOptions]) -> MediaReply:
        """See `HFRouter.text_to_image`."""
        return await self._make("text-to-image", prompt, options)

    async def image_to_image(
        self,
        image: MediaInput | None = None,
        prompt: str | None = None,
        *,
        url: str | None = None,
        **options: Unpack[ImageEditOptions],
    ) -> MediaReply:
        """See `HFRouter.image_to_image`."""
        return await self._make("image-to-image", image, {"prompt": prompt, **options}, url)

    async def text_to_video(self, prompt: str, **options: Unpack[VideoOptions]) -> MediaReply:
        """See `HFRouter.text_to_video`."""
        return await self._make("text-to-video", prompt, options)

    async def image_to_video(
        self,
        image: MediaInput | None = None,
        prompt: str | None = None,
        *,
        url: str | None = None,
        **options: Unpack[ImageVideoOptions],
    ) -> MediaReply:
        """See `HFRouter.image_to_video`."""
        return await self._make("image-to-video", image, {"prompt": prompt, **options}, url)

    async def text_to_speech(self, text: str, **options: Unpack[SpeechOptions]) -> MediaReply:
        """See `HFRouter.text_to_speech`."""
        return await self._make("text-to-speech", text, options)

    async def text_to_audio(self, prompt: str, **options: Unpack[AudioOptions]) -> MediaReply:
        """See `HFRouter.text_to_audio`."""
        return await self._make("text-to-audio", prompt, options)

    async def transcribe(
        self, audio: MediaInput | None = None, *, url: str | None = None, **options: Unpack[TranscribeOptions]
    ) -> TranscriptReply:
        """See `HFRouter.transcribe`."""
        from shared_core.client.media_asking import ask
        from shared_core.client.transcripts import transcript_reply

        task = "automatic-speech-recognition"
        asked = await asyncio.to_thread(ask, task, audio, options, url)
        waiter = Waiter()
        return await self._wait(self._json(task, *asked, waiter, transcript_reply, paid=True), waiter)

    async def submit(
        self, task: str, given: MediaInput | str | None = None, *, url: str | None = None, **options: Any
    ) -> Job:
        """See `HFRouter.submit`."""
        from shared_core.client.media_asking import ask, task_named

        name, waiter = task_named(task), Waiter()
        asked = await asyncio.to_thread(ask, name, given, options, url)
        return await self._wait(self._submit(name, *asked, waiter), waiter)

    async def resume(self, job: Job, **options: Unpack[MediaOptions]) -> AnyReply:
        """See `HFRouter.resume`. Cancelling this leaves the job alone: it can be resumed again."""
        waiter = Waiter()
        return await self._wait(self._resume(job, options, waiter), waiter, farewell=False)

    async def cancel(self, job: Job) -> bool:
        """See `HFRouter.cancel`."""
        return await AsyncRun(self._cancel(job), self._sender()).finish()

    async def _make(
        self, task: str, given: object, options: Mapping[str, Any], url: str | None = None
    ) -> MediaReply:
        from shared_core.client.media_asking import ask

        # Files are read there.
        asked = await asyncio.to_thread(ask, task, given, options, url)
        waiter = Waiter()
        return await self._wait(self._media(task, *asked, waiter), waiter)

    async def _wait(self, flow: Flow[T], waiter: Waiter, *, farewell: bool = True) -> T:
        """Runs a flow whose waiting another task or thread may end.

        Args:
            farewell: Whether nobody else has the job, so that it would be paid for and never fetched.
        """
        async with Stoppable(waiter):
            try:
                return await AsyncRun(flow, self._sender()).finish()
            except asyncio.CancelledError:
                if farewell and waiter.job is not None and not waiter.stopped:
                    with contextlib.suppress(RouterError, TimeoutError):
                        async with asyncio.timeout(_FAREWELL):
                            await self.cancel(waiter.job)
                raise

    if TYPE_CHECKING:

        def _sender(self) -> AsyncTransport: ...
