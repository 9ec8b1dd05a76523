"""What goes otherwise with a job or its result file, as switches.

Lives here: what a provider says and does about one job. Not here: statuses, slowness and broken connections,
which are the same on every route (`faults`), and can be queued for the paths of jobs and files too.

    router.queue(MediaQuirks(polls=3), path="/fal-ai/*")
    router.queue(MediaQuirks(fails="out of memory"), path="/replicate/*", times=-1)
    router.queue(MediaQuirks(result="missing"), path="/hf-inference/*")
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MediaQuirks"]

_RESULTS = ("", "missing", "html", "empty", "cut")


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaQuirks:
    """How one job goes; queue one on the path that jobs are handed in at. Every default is the usual way.

    Attributes:
        polls: Status requests that are answered with "not yet" before the one that finds it done.
        never: It is never done.
        fails: It fails, with this message.
        nsfw: A safety checker steps in, as the provider's own does: a black picture, a flag, a refusal.
        lost: Status requests are answered with 404: the job is gone.
        starting: Replicate did not finish within `Prefer: wait`: 202, no output yet.
        progress: Says how far it is: queue position, logs, percentages, where the provider has them.
        odd_status: Status requests are answered with this status, which the provider does not document.
        result: The result file is `missing` (404), an `html` page (200), `empty`, or `cut` short; replies
            that hold the result themselves are spoilt likewise.
        result_bytes: Size of the result file: it is followed by zeros, or ends early.
        result_type: Another `content-type` of the result file, `""` for none at all.
        redirect: The result's URL answers with a redirect to here.
        as_data_url: The result's URL is a `data:` URL.
        outputs: How many result files the reply lists; 0 for none although it is done.
        older: Replies have the shapes that hf-inference was recorded with in 2025, where it changed them since.
    """

    polls: int = 1
    never: bool = False
    fails: str = ""
    nsfw: bool = False
    lost: bool = False
    starting: bool = False
    progress: bool = False
    odd_status: str = ""
    result: str = ""
    result_bytes: int | None = None
    result_type: str | None = None
    redirect: str = ""
    as_data_url: bool = False
    outputs: int = 1
    older: bool = False

    def __post_init__(self) -> None:
        if self.result not in _RESULTS:
            raise ValueError(f"result must be one of {_RESULTS}; got {self.result!r}")
        for name in ("polls", "outputs", "result_bytes"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative; got {value!r}")
