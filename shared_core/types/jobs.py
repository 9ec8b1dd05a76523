"""Long jobs at a provider: the handle that can be kept, and what the provider says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from shared_core.errors import ConfigError
from shared_core.types.tasks import Blob

__all__ = ["Job", "JobReport", "Output", "Phase", "Places", "Remote", "is_path_of"]

# Segments that cannot be read as another place: neither empty nor dots, and nothing that some server decodes to a
# dot, a slash or the end of the path (%, ;, \\).
_SEGMENT = r"/(?!\.+(?:/|\?|$))[\w.:~=+,!$-]+"
_PATH = re.compile(rf"(?:{_SEGMENT}){{2,}}(?:\?[\w.~=&-]*)?", re.ASCII)

Phase = Literal["queued", "running", "done", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class Remote:
    """A result that lies on a provider's file host.

    Args:
        url: Its address, which is never given the token.
        mime_type: What the provider says it is; "" when it does not say.
    """

    url: str
    mime_type: str = ""


Output = Blob | Remote
"""What a job made: the bytes, or where they lie."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a job is asked after: paths under the router's address, each beginning with the provider's name.

    Args:
        id: The provider's own name for the job.
        status: Asked again and again.
        result: Asked once when the job is done; "" where the status holds the result.
        cancel: Told when nobody wants the result any more; "" where the provider has no such thing.
    """

    id: str
    status: str
    result: str = ""
    cancel: str = ""


@dataclass(frozen=True, slots=True)
class JobReport:
    """How far a job is.

    Args:
        phase: In one of five words, however the provider spells it.
        outputs: The results, once it is done and they are known.
        position: Place in the queue, from 0; None when the provider does not say.
        fraction: Share of the work that is done, 0 to 1; None when the provider does not say.
        message: Why it failed, or the latest line of its log.
        unsafe: Whether the provider withheld the result as not safe for work.
        seed: Of the result, where the provider says it.
        job: The job itself, for who is told of its progress.
        raw: The provider's own words.
    """

    phase: Phase
    outputs: tuple[Output, ...] = ()
    position: int | None = None
    fraction: float | None = None
    message: str = ""
    unsafe: bool = False
    seed: int | None = None
    job: Job | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.phase in ("done", "failed", "canceled")


@dataclass(frozen=True, slots=True)
class Job:
    """A job that a provider has accepted, and will be paid for: keep it to fetch the result later.

    It holds no token and no address of a host: another process resumes it with a client of its own.

    Args:
        provider: Who works on it.
        task: The Hub's name of the task.
        model: The model's id on the Hub.
        id: The provider's own name for the job.
        status, result, cancel: See `Places`.
        submitted_at: Unix time in seconds; nothing is reckoned with it.

    Raises:
        ConfigError: A path leads away from the provider.

    Example:
        >>> job = Job("fal-ai", "text-to-video", "org/name", "7", "/fal-ai/m/requests/7/status", submitted_at=0.0)
        >>> Job.from_json(job.to_json()) == job
        True
    """

    provider: str
    task: str
    model: str
    id: str
    status: str
    result: str = ""
    cancel: str = ""
    submitted_at: float = 0.0

    def __post_init__(self) -> None:
        for path in (self.status, *filter(None, (self.result, self.cancel))):
            if not is_path_of(path, self.provider):
                raise ConfigError(
                    f"The job's path {path!r} leads away from its provider {self.provider!r}. Nothing was sent."
                )

    def to_json(self) -> str:
        """A text that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The job that `to_json` wrote.

        Raises:
            ConfigError: The text is none, or names a place outside of its provider.
        """
        try:
            said = json.loads(text)
            said = {each.name: said[each.name] for each in fields(cls)}
        except (ValueError, TypeError, KeyError, RecursionError):
            said = {}
        *texts, when = said.values() if said else (None, None)
        if not all(isinstance(each, str) for each in texts) or not isinstance(when, int | float):
            raise ConfigError("This is not a job that `Job.to_json` wrote.")
        return cls(**said)


def is_path_of(path: str, provider: str) -> bool:
    """Whether a path stays below the provider's own, however it is read: a token goes there.

    Example:
        >>> is_path_of("/fal-ai/m/requests/7", "fal-ai"), is_path_of("/fal-ai/../api/whoami-v2", "fal-ai")
        (True, False)
    """
    return path.startswith(f"/{provider}/") and _PATH.fullmatch(path) is not None
