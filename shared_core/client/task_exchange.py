"""One try of one task: the input out in the provider's words, JSON or a file in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from shared_core.client.downloads import Keep, take
from shared_core.client.exchange import USER_AGENT, Exchange, json_of
from shared_core.errors import InputTooLong
from shared_core.flow import Flow, Head, offload
from shared_core.media import MediaFile
from shared_core.providers import Served
from shared_core.types import Call, HttpRequest, TaskRequest, Waits
from shared_core.wire.post import LARGEST_BODY

if TYPE_CHECKING:
    from shared_core.client.jobs import JobRun

__all__ = ["Answer", "Begun", "TaskExchange"]

_FILES = ("image/", "audio/", "video/", "application/octet-stream")
_PATIENCE = 600.0  # seconds for the first reply: some providers hold the line until the video is made


class Answer(NamedTuple):
    """The first reply.

    Args:
        value: Its JSON; None where it is a file.
        file: The file.
        headers: Names in lower case.
    """

    value: Any
    file: MediaFile | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TaskExchange:
    """A task on its way to one provider.

    Args:
        exchange: Sends, with the token for the router.
        served: The provider, and its name for the model.
        request: The task.
        keep: What becomes of a file; None where the result is JSON.
        url: In place of the provider's address at the router: a server of the user's own.
        paid: Whether doing it twice costs twice.
        at_once: Whether a provider that can hold the line until the result is there should.
    """

    exchange: Exchange
    served: Served
    request: TaskRequest
    keep: Keep | None
    url: str | None = None
    paid: bool = True
    at_once: bool = True

    def __call__(self, call: Call) -> Flow[Answer]:
        """Sends it once."""
        part = call.waits.part(_PATIENCE)
        try:
            response = yield from self.opened(call, part)
        finally:
            call.waits.opening = part.opening
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.keep is not None and kind.startswith(_FILES):
            return Answer(None, (yield from take(response, self.keep)), response.headers)
        value = yield from json_of(response)
        return Answer(value, None, response.headers)

    def opened(self, call: Call, waits: Waits) -> Flow[Head]:
        """Sends it, and gives the head of a successful reply.

        Args:
            call: Whose progress this is.
            waits: The stopwatch for this request.
        """
        key = yield from self.exchange.key(call, needed=True)
        # Off the event loop: huggingface_hub's adapters are loaded with the first task, and media become base64.
        payload = yield from offload(self._payload)
        headers = {"user-agent": USER_AGENT, "accept": "*/*", **payload.headers, **call.target.headers}
        if not self.at_once:
            headers.pop("prefer", None)
        if call.target.bill_to:
            headers["x-hf-bill-to"] = call.target.bill_to
        url = self.url or call.target.base_url + payload.path
        try:
            return (
                yield from self.exchange.send(
                    call, HttpRequest("POST", url, headers, payload.body, key), waits=waits
                )
            )
        finally:
            if self.url is None:  # a server of the user's own is no provider
                call.progress.provider = call.progress.provider or self.served.provider

    def _payload(self) -> Any:
        from shared_core.providers.payloads import payload

        made = payload(self.served, self.request)
        if len(made.body) > LARGEST_BODY:
            raise InputTooLong(
                f"The request has {len(made.body) / 2**20:.0f} MiB, more than the {LARGEST_BODY // 2**20} MiB that are "
                "sent at most. Nothing was sent.",
                hint="Send a smaller file, or its address with url= where the provider fetches it.",
            )
        return made


class Begun(NamedTuple):
    """A task that was sent and answered.

    Args:
        call: As it was sent to the target that answered.
        run: Waits for what comes of it there.
        task: How it was sent.
        answer: What came back.
    """

    call: Call
    run: JobRun
    task: TaskExchange
    answer: Answer
