"""What tasks other than chat and embeddings take: the task's name, its input, its parameters.

Tasks go by the Hub's names ("text-to-image"). A string is always a text for the model: no string is ever
opened as a path or an address. Media are a `Blob`, or a `Link` where the caller said that it is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from pathlib import Path

    from shared_core.types.jobs import JobReport
    from shared_core.types.waits import Timeouts

__all__ = ["Blob", "Link", "MediaOptions", "TaskOptions", "TaskRequest"]


@dataclass(frozen=True, slots=True)
class Blob:
    """A picture, a sound or a video.

    Args:
        data: Its bytes.
        mime_type: What they are, such as "image/png"; told by the first bytes, not by a name.
    """

    data: bytes = field(repr=False)
    mime_type: str

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Link:
    """An address that the provider is to fetch: given by the caller as `url=`, never guessed from a text."""

    url: str


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """One call of one task.

    Args:
        task: The Hub's name for it.
        inputs: A text, a `Blob`, a `Link`, or what the task takes beside them as JSON.
        model: The model's id on the Hub.
        parameters: By huggingface_hub's names; None is never sent.
        extra_body: Further keys of the JSON body, for what only one provider knows.
    """

    task: str
    inputs: Any
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)


class TaskOptions(TypedDict, total=False):
    """What may be special to one call of any task.

    Keys:
        model: In place of the client's own; `org/name[:provider]`.
        timeout: Seconds for the whole call, or `Timeouts`.
        extra_headers: Further headers of the request.
        extra_body: Further keys of the JSON body.
        usage_tags: Whose usage it is, on top of the client's own.
    """

    model: str | None
    timeout: float | Timeouts | None
    extra_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    usage_tags: Mapping[str, str] | None


class MediaOptions(TaskOptions, total=False):
    """What may be special to one call that makes pictures, videos or sounds.

    Keys:
        timeout: Seconds until the job must be done, or `Timeouts`; by default an hour. A job that is late goes on
            at the provider: the error's `.job` can be resumed.
        to: Folder, or name of the file, that results are streamed into; None keeps small ones in memory and large
            ones in a temporary file that goes with the reply.
        most_bytes: Size of a result at most; default 512 MiB.
        on_progress: Told each time the provider says how far a queued job is; True draws a line on the terminal,
            or in the notebook.
    """

    to: Path | str | None
    most_bytes: int
    on_progress: Callable[[JobReport], object] | bool | None
