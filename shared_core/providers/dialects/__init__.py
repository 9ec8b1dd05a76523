"""How each provider speaks of its jobs and results: one small file each, pure functions over JSON.

Lives here: what a reply means (`read`), and where a job is asked after (`places`). Not here: what is sent
(`payloads`, from huggingface_hub), sending, waiting and downloading (the client's one flow).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from shared_core.providers.dialects.fal import FAL
from shared_core.providers.dialects.plain import PLAIN
from shared_core.providers.dialects.replicate import REPLICATE
from shared_core.providers.dialects.together import TOGETHER
from shared_core.providers.dialects.wavespeed import WAVESPEED
from shared_core.providers.dialects.zai import ZAI
from shared_core.types.jobs import JobReport, Places

__all__ = ["DIALECTS", "PLAIN", "Dialect"]


class Dialect(Protocol):
    """One provider's words.

    Attributes:
        jobs: The tasks that are jobs there; others are answered at once.
        first_wait: Seconds before a job is first asked after; the waits grow from there.
        cancel_method: What the provider wants a job to be cancelled with.
    """

    @property
    def jobs(self) -> frozenset[str]: ...

    @property
    def first_wait(self) -> float: ...

    @property
    def cancel_method(self) -> Literal["POST", "PUT"]: ...

    def places(self, reply: Any) -> Places | None:
        """Where the job is asked after that this first reply tells of; None when it tells of none.

        Raises:
            MalformedResponse: It tells of a job, and not where it is.
        """

    def read(self, reply: Any) -> JobReport:
        """What a reply says: the first one, a status, or a result.

        Raises:
            MalformedResponse: It is nothing of the kind.
        """


DIALECTS: Mapping[str, Dialect] = {
    "fal-ai": FAL,
    "replicate": REPLICATE,
    "together": TOGETHER,
    "wavespeed": WAVESPEED,
    "zai-org": ZAI,
}
"""By provider; every other answers at once, and is read by `PLAIN`."""
