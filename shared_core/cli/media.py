"""`image`, `video`, `speak` and `transcribe`: media from the command line, into files."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from shared_core.cli.clients import BaseUrl, HubUrl, Json, Timeout, client, stand_in
from shared_core.cli.out import complaining, say, show_json, tell
from shared_core.client import HFRouter
from shared_core.errors import ConfigError
from shared_core.media import MediaReply, TranscriptReply
from shared_core.media.late_jobs import keep_job, went_on
from shared_core.types.jobs import Job
from shared_core.types.media import Size

__all__ = ["image", "speak", "transcribe", "video"]

Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="org/name[:provider]; left out, one that is known.", metavar="MODEL"),
]
To = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="File or folder; nothing there is overwritten.", metavar="PATH"),
]
Resume = Annotated[
    Path | None,
    typer.Option("--resume", help="A job that was left: wait for its result.", metavar="FILE"),
]
From = Annotated[Path | None, typer.Option("--image", "-i", help="An image to begin with.", metavar="FILE")]


def image(
    prompt: Annotated[
        str | None, typer.Argument(help="What to draw, or what to change.", metavar="PROMPT")
    ] = None,
    model: Model = None,
    output: To = None,
    picture: From = None,
    width: Annotated[
        int | None, typer.Option("--width", min=1, help="Of the image.", metavar="PIXELS")
    ] = None,
    height: Annotated[
        int | None, typer.Option("--height", min=1, help="Of the image.", metavar="PIXELS")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The same result again.", metavar="N")] = None,
    resume: Resume = None,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Makes an image, or edits one.

    Examples:

      hfrouter image "a red bicycle" -o bicycle.png

      hfrouter image "at night" -i bicycle.png -o night.png
    """
    with complaining():
        about: dict[str, Any] = {"to": _place(output), "timeout": timeout}
        router = _router(model, base_url, hub_url)

        def make(prompt: str) -> MediaReply:
            if picture is None:
                return router.text_to_image(prompt, width=width, height=height, seed=seed, **about)
            size = _edited_size(width, height, seed)
            return router.image_to_image(_given(picture), prompt, target_size=size, **about)

        _show(_made("image", router, prompt, resume, make, about), as_json)


def video(
    prompt: Annotated[str | None, typer.Argument(help="What to show.", metavar="PROMPT")] = None,
    model: Model = None,
    output: To = None,
    picture: From = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The same result again.", metavar="N")] = None,
    resume: Resume = None,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Makes a video, which takes minutes; shows how far it is.

    After Ctrl-C or --timeout the provider goes on, and is paid for: a file is left, by which to fetch the video later.

    Examples:

      hfrouter video "a cat on a skateboard" -m Wan-AI/Wan2.2-TI2V-5B -o cat.mp4

      hfrouter video --resume job_8c1f60d2b7a94e35.json -o cat.mp4
    """
    with complaining():
        about: dict[str, Any] = {"to": _place(output), "timeout": timeout, "on_progress": True}
        router = _router(model, base_url, hub_url)

        def make(prompt: str) -> MediaReply:
            if picture is None:
                return router.text_to_video(prompt, **about, seed=seed)
            return router.image_to_video(_given(picture), prompt, **about, seed=seed)

        _show(_made("video", router, prompt, resume, make, about), as_json)


def speak(
    text: Annotated[str | None, typer.Argument(help="What to say.", metavar="TEXT")] = None,
    model: Model = None,
    output: To = None,
    resume: Resume = None,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Speaks a text into a file.

    Example:

      hfrouter speak "Good morning." -m hexgrad/Kokoro-82M:fal-ai -o morning.wav
    """
    with complaining():
        about: dict[str, Any] = {"to": _place(output), "timeout": timeout}
        router = _router(model, base_url, hub_url)

        def make(text: str) -> MediaReply:
            return router.text_to_speech(text, **about)

        _show(_made("speak", router, text, resume, make, about), as_json)


def transcribe(
    sound: Annotated[Path, typer.Argument(help="A file with speech.", metavar="FILE")],
    model: Model = None,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Writes down what is said in a recording.

    Example:

      hfrouter transcribe meeting.mp3 > meeting.txt
    """
    with complaining():
        reply = _router(model, base_url, hub_url).transcribe(_given(sound), timeout=timeout)
        if as_json:
            show_json(_transcript(reply))
        else:
            say(reply.text)


def _made(
    command: str,
    router: HFRouter,
    prompt: str | None,
    resume: Path | None,
    make: Callable[[str], MediaReply],
    about: dict[str, Any],
) -> MediaReply:
    """What a prompt or a job comes to. A job that goes on when nobody waits any longer is written down beside its
    result: it is paid for.

    Raises:
        ConfigError: There is neither a prompt nor a job, or both.
    """
    if prompt is not None and resume is not None:
        raise ConfigError("A job that was left has its prompt.", hint="Give either, not both.")
    try:
        if resume is not None:
            reply = router.resume(_job(resume), **about)
            if not isinstance(reply, MediaReply):
                raise ConfigError(
                    f"The job in {resume} makes no file.", hint="Fetch it with HFRouter.resume."
                )
            return reply
        if prompt is None:
            raise ConfigError(
                "There is nothing to make.", hint="Give a prompt, or --resume and a job's file."
            )
        return make(prompt)
    except BaseException as error:
        if (job := went_on(error)) is not None:
            place: Path = about["to"]
            kept = resume or keep_job(place if place.is_dir() else place.parent, job)
            how = f"hfrouter {command} --resume {shlex.quote(str(kept))}" if kept.is_file() else job.to_json()
            sys.stderr.write("\n")
            tell(f"The job goes on, and is paid for. For its result: {how}", stderr=True)
        raise


def _job(file: Path) -> Job:
    try:
        return Job.from_json(_given(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.") from None


def _given(file: Path) -> Path:
    """A file to send; the client, which may be handed anything, does not say which one it could not read.

    Raises:
        ConfigError: There is none.
    """
    if not file.is_file():
        raise ConfigError(f"There is no file {file}. Nothing was sent.", hint="Give its whole path.")
    return file


def _edited_size(width: int | None, height: int | None, seed: int | None) -> Size | None:
    """The size of an edited picture; no option is left out without a word.

    Raises:
        ConfigError: Only one side was given, or a seed, which edits do not have.
    """
    if seed is not None:
        raise ConfigError("--seed is for new images, not for edits.", hint="Leave out --seed or --image.")
    if width is None and height is None:
        return None
    if width is None or height is None:
        raise ConfigError("An edit takes both sides or none.", hint="Give --width and --height.")
    return {"width": width, "height": height}


def _router(model: str | None, base_url: str | None, hub_url: str | None) -> HFRouter:
    return client(model, base_url, hub_url, **stand_in(base_url, hub_url))


def _place(output: Path | None) -> Path:
    """Where results are streamed into: without a wish, the current folder, under a name of their own."""
    return Path() if output is None else output


def _show(reply: MediaReply, as_json: bool) -> None:
    if as_json:
        files = [
            {
                "path": str(file.path),
                "mime_type": file.mime_type,
                "bytes": file.path.stat().st_size if file.path else len(file.data),
                "width": file.width,
                "height": file.height,
                "seconds": file.duration,
            }
            for file in reply.files
        ]
        show_json({"files": files, "model": reply.model, "provider": reply.provider, "seed": reply.seed})
        return
    for file in reply.files:
        say(str(file.path))
    cost = reply.meta.cost
    if cost.usd is not None:
        tell(f"{reply.model} at {reply.provider}: {cost}", stderr=True)


def _transcript(reply: TranscriptReply) -> dict[str, Any]:
    return {
        "text": reply.text,
        "chunks": [{"text": chunk.text, "start": chunk.start, "end": chunk.end} for chunk in reply.chunks],
        "model": reply.meta.model,
        "provider": reply.meta.provider,
    }
