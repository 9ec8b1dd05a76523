"""`chat`: one answer, or a conversation, streamed to the terminal."""

from __future__ import annotations

import base64
import mimetypes
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from shared_core._text import clean
from shared_core.cli.clients import BaseUrl, Json, MaxTokens, Temperature, Timeout, client
from shared_core.cli.out import complain, complaining, console, say, show_json, tell
from shared_core.client import HFRouter
from shared_core.errors import ConfigError, RouterError
from shared_core.types import ChatReply

__all__ = ["chat"]

_COMMANDS = (
    "/exit or Ctrl-D leaves, /clear forgets the conversation, /model ID changes the model, Ctrl-C stops an answer. "
    "A line that ends in \\ goes on."
)


def chat(
    prompt: Annotated[
        str | None, typer.Argument(help="What to ask; left out, a conversation begins.", metavar="PROMPT")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="org/name[:provider], or a name of your settings.", metavar="MODEL"
        ),
    ] = "",
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", "-e", help="A dedicated endpoint.", metavar="NAME")
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", "-s", help="What the model is told first.", metavar="TEXT")
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option("--image", "-i", help="Pictures to show; repeatable.", metavar="FILE"),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", help="Text files to add; repeatable.", metavar="FILE"),
    ] = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    timeout: Timeout = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
) -> None:
    """Asks a model; the answer streams. What is piped in is added to the prompt.

    Examples:

      hfrouter chat -m openai/gpt-oss-120b "Why is the sky blue?"

      git diff | hfrouter chat -m openai/gpt-oss-120b "Write a commit message."

      hfrouter chat -m Qwen/Qwen3-VL-8B-Instruct -i cat.png "What is this?"

      hfrouter chat -m openai/gpt-oss-120b:cheapest -f notes.txt "Sum up." --json
    """
    with complaining():
        router = client(model or None, base_url, timeout=timeout, endpoint=endpoint)
        router._settle()  # the settings may name a model
        if not router.model and endpoint is None:
            raise ConfigError("No model was given.", hint="Name one with -m, such as -m openai/gpt-oss-120b.")
        options = {"temperature": temperature, "max_tokens": max_tokens}
        talk = [{"role": "system", "content": system}] if system else []
        piped = "" if sys.stdin.isatty() else sys.stdin.read()
        talks = prompt is None and sys.stdin.isatty()
        if not (talks or (prompt or "").strip() or piped.strip() or file or image):
            raise ConfigError(
                "There is nothing to ask.",
                hint="Give a prompt, or pipe a text in; a conversation begins on a terminal.",
            )
        if prompt is None and not piped:
            if as_json:
                raise ConfigError("--json is for one answer.", hint="Give a prompt, or pipe one in.")
            shown = (file or [], image or [])
            _content("", "", *shown)  # what cannot be read is told before anything is asked
            _converse(router, talk, options, endpoint or "", shown)
            return
        talk.append({"role": "user", "content": _content(prompt or "", piped, file or [], image or [])})
        if as_json:
            reply = router.chat(talk, **options)  # type: ignore[arg-type]
            show_json(_told(reply))
            return
        _answer(router, talk, options)


def _told(reply: ChatReply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "text": reply.text,
        "reasoning": reply.reasoning,
        "model": reply.meta.model,
        "provider": reply.meta.provider,
        "seconds": round(reply.meta.latency_s, 3),
        "usage": usage and {"input": usage.prompt_tokens, "output": usage.completion_tokens},
        "cost": reply.meta.cost.as_dict(),
    }


def _content(prompt: str, piped: str, files: list[Path], images: list[Path]) -> Any:
    parts = [prompt, piped, *(_text_of(path) for path in files)]
    text = "\n\n".join(part for part in parts if part)
    if not images:
        return text
    shown = [{"type": "image_url", "image_url": {"url": _data_url(path)}} for path in images]
    return [{"type": "text", "text": text}, *shown]


def _text_of(path: Path) -> str:
    try:
        return f"{path.name}:\n{path.read_text(encoding='utf-8')}"
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no text in UTF-8.", hint="Pictures go with --image.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", hint="Give its whole path.") from None


def _data_url(path: Path) -> str:
    kind = mimetypes.guess_type(path.name)[0] or ""
    if not kind.startswith("image/"):
        raise ConfigError(f"{path} has not the name of an image.", hint="Such as .png, .jpg or .webp.")
    try:
        data = base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", hint="Give its whole path.") from None
    return f"data:{kind};base64,{data}"


def _answer(router: HFRouter, talk: list[dict[str, Any]], options: dict[str, Any]) -> str:
    """Streams one answer, and says below who gave it at what price."""
    shows = sys.stdout.isatty()
    with router.stream(talk, **options) as stream:
        for delta in stream:
            sys.stdout.write(clean(delta.text) if shows else delta.text)
            sys.stdout.flush()
    say()
    reply = stream.reply
    if sys.stderr.isatty():
        about = [reply.meta.provider or "", f"{reply.meta.latency_s:.1f} s", str(reply.meta.cost)]
        if reply.usage is not None:
            about.insert(1, f"{reply.usage.total_tokens} tokens")
        told = clean(f"[{', '.join(part for part in about if part)}]")
        console(stderr=True).print(Text(told, style="dim"))
    return reply.text


def _converse(
    router: HFRouter,
    talk: list[dict[str, Any]],
    options: dict[str, Any],
    endpoint: str,
    shown: tuple[list[Path], list[Path]],
) -> None:
    """Asks and answers until the person leaves; the first question, after /clear as well, comes with the
    files and pictures."""
    with suppress(ImportError):  # Windows has its own
        import readline  # noqa: F401  (arrow keys and history for `input`)
    tell(_COMMANDS)
    opening, model = list(talk), router.model
    while True:
        try:
            asked = _asked(f"{model or endpoint}> ")
        except KeyboardInterrupt:  # what was typed so far is dropped, as in a shell
            say()
            continue
        except EOFError:
            say()
            return
        if asked in ("/exit", "/quit"):
            return
        if asked == "/clear":
            talk[:] = opening
            tell("Forgotten.", stderr=True)
        elif asked.startswith("/model "):
            model = asked.removeprefix("/model ").strip()
        elif asked.startswith("/") and " " not in asked:
            tell(f"There is no {asked}. {_COMMANDS}", stderr=True)
        elif asked:
            content = _content(asked, "", *(shown if talk == opening else ([], [])))
            _turn(router, talk, {**options, "model": model}, content)


def _asked(prompt: str) -> str:
    """What was typed: a line, and those that it goes on with. What is pasted stays one text, line ends and all."""
    lines = [input(prompt)]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1].removesuffix("\\")
        lines.append(input("... "))
    return "\n".join(lines).strip()


def _turn(router: HFRouter, talk: list[dict[str, Any]], options: dict[str, Any], content: Any) -> None:
    """One question; a failure or Ctrl-C leaves the conversation as it was."""
    talk.append({"role": "user", "content": content})
    try:
        talk.append({"role": "assistant", "content": _answer(router, talk, options)})
    except RouterError as error:
        talk.pop()
        say()
        complain(error)
    except KeyboardInterrupt:
        talk.pop()
        say()
