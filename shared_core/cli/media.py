"""`image`, `video`, `speak` and `transcribe`: media from the command line, into files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from shared_core.cli.clients import BaseUrl, HubUrl, Json, Timeout, client
from shared_core.cli.out import complaining, say, show_json, tell
from shared_core.client import HFRouter
from shared_core.errors import ConfigError
from shared_core.media import MediaReply, TranscriptReply
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
From = Annotated[Path | None, typer.Option("--image", "-i", help="A picture to begin with.", metavar="FILE")]


def image(
    prompt: Annotated[str, typer.Argument(help="What to draw, or what to change.", metavar="PROMPT")],
    model: Model = None,
    output: To = None,
    picture: From = None,
    width: Annotated[
        int | None, typer.Option("--width", min=1, help="Of the picture.", metavar="PIXELS")
    ] = None,
    height: Annotated[
        int | None, typer.Option("--height", min=1, help="Of the picture.", metavar="PIXELS")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The same result again.", metavar="N")] = None,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Makes a picture, or edits one.

    Examples:

      hfrouter image "a red bicycle" -o bicycle.png

      hfrouter image "at night" -i bicycle.png -o night.png
    """
    with complaining():
        about: dict[str, Any] = {"to": _place(output), "timeout": timeout}
        router = _router(model, base_url, hub_url)
        if picture is None:
            reply = router.text_to_image(prompt, width=width, height=height, seed=seed, **about)
        else:
            size = _edited_size(width, height, seed)
            reply = router.image_to_image(_given(picture), prompt, target_size=size, **about)
        _show(reply, as_json)


def video(
    prompt: Annotated[str, typer.Argument(help="What to show.", metavar="PROMPT")],
    model: Model = None,
    output: To = None,
    picture: From = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The same result again.", metavar="N")] = None,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Makes a film, which takes minutes; shows how far it is.

    Example:

      hfrouter video "a cat on a skateboard" -m Wan-AI/Wan2.2-TI2V-5B -o cat.mp4
    """
    with complaining():
        router = _router(model, base_url, hub_url)
        about: dict[str, Any] = {"to": _place(output), "timeout": timeout, "on_progress": True, "seed": seed}
        reply = (
            router.text_to_video(prompt, **about)
            if picture is None
            else router.image_to_video(_given(picture), prompt, **about)
        )
        _show(reply, as_json)


def speak(
    text: Annotated[str, typer.Argument(help="What to say.", metavar="TEXT")],
    model: Model = None,
    output: To = None,
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
        router = _router(model, base_url, hub_url)
        _show(router.text_to_speech(text, to=_place(output), timeout=timeout), as_json)


def transcribe(
    sound: Annotated[Path, typer.Argument(help="A file with speech.", metavar="FILE")],
    model: Model = None,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Writes down what is said in a sound.

    Example:

      hfrouter transcribe meeting.mp3 > meeting.txt
    """
    with complaining():
        reply = _router(model, base_url, hub_url).transcribe(_given(sound), timeout=timeout)
        if as_json:
            show_json(_transcript(reply))
        else:
            say(reply.text)


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
        raise ConfigError("--seed is for new pictures, not for edits.", hint="Leave out --seed or --image.")
    if width is None and height is None:
        return None
    if width is None or height is None:
        raise ConfigError("An edit takes both sides or none.", hint="Give --width and --height.")
    return {"width": width, "height": height}


def _router(model: str | None, base_url: str | None, hub_url: str | None) -> HFRouter:
    # Whoever names a Hub of their own has a stand-in of the router with its providers' paths.
    stand_in = {"embedding_api": "router"} if base_url and hub_url else {}
    return client(model, base_url, hub_url, **stand_in)


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
