"""What an agent's tool does around one call: ids to bytes and limits before it, a kept file and a few words after it.

Adapters wrap this in their framework's tools, blocking and not. What a model is told holds neither an address nor
bytes, and a provider's own words only where they help, without the links in them. Not here: files (`artifacts`),
arguments' bounds (`tool_arguments`), calls (the client).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from shared_core import errors
from shared_core.errors import ConfigError, RouterError
from shared_core.media import tool_arguments
from shared_core.media.artifact_files import Artifact
from shared_core.media.artifacts import ArtifactStore, Place
from shared_core.media.reply import TranscriptReply
from shared_core.wire.redact import redact

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["TOOLS", "Errand", "Outcome", "Tool", "begin", "told", "told_error"]

_MOST_SAID = 20_000  # characters of a transcript or an answer that go to the model
_MOST_LABELS = 10
_LINK = re.compile(r"!?\[[^\]]*\]\([^)]*\)|\b[a-z][a-z0-9+.-]*://\S+|\bwww\.\S+|\bdata:\S+", re.IGNORECASE)


class Tool(NamedTuple):
    """What a tool is.

    Args:
        about: What the model is told of it.
        task: The Hub's name, which prices go by.
        method: Of `HFRouter`.
        says: The argument that is the prompt or the text.
        takes: "image" or "audio" where it takes an id of one, as `image_id` or `audio_id`.
        arguments: What the model may say.
    """

    about: str
    task: str
    method: str
    says: str
    takes: str
    arguments: type[BaseModel]


TOOLS: Mapping[str, Tool] = {
    "text_to_image": Tool(
        "Make a picture from a text. Returns its id.",
        "text-to-image",
        "text_to_image",
        "prompt",
        "",
        tool_arguments.TextToImage,
    ),
    "image_to_image": Tool(
        "Edit a picture as a text says. Takes the id of a picture, returns the id of the new one.",
        "image-to-image",
        "image_to_image",
        "prompt",
        "image",
        tool_arguments.ImageToImage,
    ),
    "text_to_video": Tool(
        "Make a video from a text. Takes minutes. Returns its id.",
        "text-to-video",
        "text_to_video",
        "prompt",
        "",
        tool_arguments.TextToVideo,
    ),
    "image_to_video": Tool(
        "Animate a picture: make a video that begins with it. Takes minutes. Takes the id of a picture, returns the "
        "id of the video.",
        "image-to-video",
        "image_to_video",
        "prompt",
        "image",
        tool_arguments.ImageToVideo,
    ),
    "text_to_speech": Tool(
        "Speak a text aloud. Returns the id of the recording.",
        "text-to-speech",
        "text_to_speech",
        "text",
        "",
        tool_arguments.TextToSpeech,
    ),
    "text_to_audio": Tool(
        "Make music or a noise from a description. Returns its id.",
        "text-to-audio",
        "text_to_audio",
        "prompt",
        "",
        tool_arguments.TextToAudio,
    ),
    "transcribe": Tool(
        "Write down what is said in a recording. Takes its id.",
        "automatic-speech-recognition",
        "transcribe",
        "",
        "audio",
        tool_arguments.Transcribe,
    ),
    "ask_image": Tool(
        "Answer a question about a picture by looking at it. Takes its id.",
        "image-text-to-text",
        "ask_image",
        "question",
        "image",
        tool_arguments.AskImage,
    ),
    "classify_image": Tool(
        "Say what a picture shows, as labels with scores. Takes its id.",
        "image-classification",
        "image_classification",
        "",
        "image",
        tool_arguments.ClassifyImage,
    ),
    "classify_text": Tool(
        "Judge a text, such as its sentiment or its topic, as labels with scores.",
        "text-classification",
        "text_classification",
        "text",
        "",
        tool_arguments.ClassifyText,
    ),
}
"""What agents may be given, by name."""


class Outcome(NamedTuple):
    """What a tool gives.

    Args:
        text: For the model.
        result: For the program: an `Artifact`, or the reply of a call that makes no file.
    """

    text: str
    result: Any


@dataclass(slots=True)
class Errand:
    """One call of a tool, ready to be made; used with `with`, which gives back what was set aside for it.

    Args:
        method: Of `HFRouter` or `AsyncHFRouter`.
        inputs: Its arguments without names.
        options: Its arguments with names.
        place: What the store has set aside.
        prompt: What the model asked for.
    """

    method: str
    inputs: tuple[Any, ...]
    options: dict[str, Any]
    place: Place
    prompt: str = field(repr=False, default="")

    def finish(self, reply: Any) -> Outcome:
        """Keeps the result, which writes a file, and says what it is.

        Raises:
            RouterError: It cannot be kept.
        """
        say = _SAYINGS.get(self.method)
        if say is not None:
            return Outcome(_shortened(say(reply)), reply)
        artifact = self.place.put(reply, prompt=self.prompt)
        return Outcome(told(artifact), artifact)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.place.__exit__(kind, error, trace)


def begin(
    store: ArtifactStore, name: str, arguments: Mapping[str, Any], *, model: str | None = None
) -> Errand:
    """Makes a tool's call ready: its picture or recording is read, its share of the run's limits set aside.

    Args:
        store: Where ids lead.
        name: The tool, a key of `TOOLS`.
        arguments: What the model said; None counts as left out.
        model: Who shall do it, as `org/name[:provider]`; None is the client's own choice.

    Raises:
        ConfigError: There is no such tool or argument, or an id leads nowhere. Nothing was sent.
        BudgetExceeded: The run may make or spend no more. Nothing was sent.

    Example:
        >>> with begin(store, "text_to_image", {"prompt": "a fox"}) as errand:  # doctest: +SKIP
        ...     reply = getattr(router, errand.method)(*errand.inputs, **errand.options)
        ...     text, artifact = errand.finish(reply)
    """
    tool = TOOLS.get(name)
    if tool is None:
        raise ConfigError(f"There is no media tool {name!r}.", hint=f"There are {', '.join(TOOLS)}.")
    said = {key: value for key, value in arguments.items() if value is not None}
    if unknown := said.keys() - tool.arguments.model_fields:
        raise ConfigError(f"{name} takes no {', '.join(sorted(unknown))}. Nothing was sent.")
    if missing := [
        key for key, each in tool.arguments.model_fields.items() if each.is_required() and key not in said
    ]:
        raise ConfigError(f"{name} needs {' and '.join(missing)}. Nothing was sent.")
    prompt = said.get(tool.says, "")
    inputs: tuple[Any, ...] = (said.pop(tool.says, None),) if tool.says and not tool.takes else ()
    if tool.takes:
        inputs = (store.read(said.pop(f"{tool.takes}_id"), tool.takes),)
    if tool.method == "ask_image":
        inputs = (*inputs, said.pop(tool.says))
    options = {**said, "model": model} if model else said
    place = store.reserve(tool.task)
    if place.most_bytes:
        options["most_bytes"] = place.most_bytes
    return Errand(tool.method, inputs, options, place, str(prompt))


# -- what the model is told -------------------------------------------------------------------------------


def told(artifact: Artifact) -> str:
    """An artifact in a few words: id, type, size, seconds, seed, model, provider.

    Example:
        >>> from pathlib import Path
        >>> told(Artifact("img_1", "image", Path("img_1.png"), "image/png", 2048, 512, 256, seed=7))
        'img_1: image/png, 512 x 256 pixels, 2 kB, seed 7'
    """
    facts = [artifact.mime_type]
    if artifact.width and artifact.height:
        facts.append(f"{artifact.width} x {artifact.height} pixels")
    if artifact.duration:
        facts.append(f"{artifact.duration:.1f} seconds")
    facts.append(f"{max(1, round(artifact.size / 1024)):,} kB")
    if artifact.seed is not None:
        facts.append(f"seed {artifact.seed}")
    if artifact.model:
        facts.append(f"made by {artifact.model}" + (f" at {artifact.provider}" if artifact.provider else ""))
    return f"{artifact.id}: {', '.join(facts)}"


def _transcript(reply: TranscriptReply) -> str:
    return reply.text or "Nothing is said in it."


def _answer(reply: Any) -> str:
    return reply.text or "The model gave no answer."


def _labels(reply: Any) -> str:
    best = sorted(reply, key=lambda each: each.score, reverse=True)[:_MOST_LABELS]
    return "\n".join(f"{each.label}: {each.score:.3f}" for each in best) or "No label fits."


_SAYINGS: dict[str, Callable[[Any], str]] = {
    "transcribe": _transcript,
    "ask_image": _answer,
    "image_classification": _labels,
    "text_classification": _labels,
}


def _shortened(text: str) -> str:
    if len(text) <= _MOST_SAID:
        return text
    return f"{text[:_MOST_SAID]}… ({len(text) - _MOST_SAID:,} characters more, which the program has)"


_TELL_THE_USER = "Do not try again: tell the user."
_SENTENCES: tuple[tuple[type[RouterError], str], ...] = (
    (errors.PaymentRequired, f"The account has no credits left (HTTP 402). {_TELL_THE_USER}"),
    (errors.Unauthorized, f"The token is missing, wrong or expired. {_TELL_THE_USER}"),
    (errors.PermissionDenied, f"The account may not use this model. {_TELL_THE_USER}"),
    (errors.ModelNotServed, f"Nobody serves the model of this tool at present. {_TELL_THE_USER}"),
    (errors.NoRoute, f"Nobody serves the model of this tool at present. {_TELL_THE_USER}"),
    (
        errors.RateLimited,
        "Too many calls at the moment (HTTP 429).{wait} Do something else first, or tell the user.",
    ),
    (
        errors.Overloaded,
        "The provider has no room at the moment.{wait} Do something else first, or tell the user.",
    ),
    (
        errors.ModelLoading,
        "The model is still being loaded.{wait} Do something else first, or tell the user.",
    ),
    (
        errors.Refused,
        "The provider declined, or withheld the result as not safe for work. Put it differently, without what may "
        "offend, or tell the user.",
    ),
    (errors.InputTooLong, "The text or the file is too large for the model. Make it shorter or smaller."),
    (
        errors.TimedOut,
        "It took too long, and nothing came back. Ask for something smaller, or tell the user.",
    ),
    (errors.ConnectionLost, "The connection broke, and nothing came back. Try once more, or tell the user."),
)


def told_error(error: RouterError) -> str:
    """An error as a sentence that a model can act on; without addresses, tokens and request ids.

    Example:
        >>> told_error(errors.RateLimited("429 at https://api.example.org", retry_after=7))
        'Too many calls at the moment (HTTP 429). It asks to wait 7 seconds. Do something else first, or tell the user.'
    """
    wait = "" if error.retry_after is None else f" It asks to wait {error.retry_after:.0f} seconds."
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return sentence.format(wait=wait)
    if isinstance(error, ConfigError | errors.BudgetExceeded):  # in words of our own
        return _without_links(f"{error.message} {error.hint}".strip())
    said = _without_links(error.message)
    if isinstance(error, errors.BadRequest):
        return f"The call was refused as wrong: {said} Correct it before trying again."
    return f"Nothing was made: {said} Try once more, or tell the user."


def _without_links(text: str) -> str:
    text = _LINK.sub("[link]", redact(text))
    text = text if len(text) <= 500 else f"{text[:499]}…"
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
