"""What an account has used, as Hugging Face says: read back by both clients."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from shared_core.client.pipeline import run_through
from shared_core.client.vector_router import VectorRouter
from shared_core.errors import ConfigError, MalformedResponse
from shared_core.flow import Flow
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.observe.moments import Moment, unix
from shared_core.types import AccountUsage, Call, LookupRequest, Progress, Target, Timeouts, Waits

if TYPE_CHECKING:
    from shared_core.transport import AsyncTransport, Transport

__all__ = ["AccountCalls", "AsyncAccountCalls"]

_USAGE = "/api/settings/billing/usage-v2"
"""Source: ml-intern, a program of Hugging Face's (August 2026); documented nowhere."""


class _Account(VectorRouter):
    """The flow of the question."""

    def _account_usage(self, since: Moment, until: Moment | None) -> Flow[AccountUsage]:
        start, end = math.floor(unix(since)), math.ceil(time.time() if until is None else unix(until))
        if start >= end:
            raise ConfigError(f"The period from {since} until {until} holds nothing. Nothing was sent.")
        hub = self.hub_url
        waits = Waits(Timeouts(), time.monotonic, streamed=False)
        request = LookupRequest(f"{_USAGE}?startDate={start}&endDate={end}", token_needed=True)
        call = Call(request, Target(hub, self._hub_key(hub)), waits, Progress(waits.now()))
        reply = yield from run_through(self._policies, call, self._exchange.look_up)
        try:
            return AccountUsage.from_reply(reply)
        except ValueError as error:
            raise MalformedResponse(
                f"{hub}{_USAGE} is not understood: {error}.",
                hint="Nothing documents this reply; it may have changed. The bill is at "
                "https://huggingface.co/settings/billing.",
                reactions=(),
            ) from None


class AccountCalls(_Account):
    """Usage of the account, blocking."""

    def account_usage(self, since: Moment, until: Moment | None = None) -> AccountUsage:
        """What the token's account has used of inference providers, by Hugging Face's own count.

        Never tried against the live service, which documents neither the question nor the reply. Providers tell
        Hugging Face of a request a minute or more after it.

        Args:
            since, until: The period: a datetime, a date (it begins in UTC) or Unix seconds; None ends it now.

        Raises:
            RouterError: See `shared_core.errors`; `MalformedResponse` for a reply of another shape.

        Example:
            >>> router = HFRouter(ledger="usage.sqlite")  # doctest: +SKIP
            >>> today = date.today()  # doctest: +SKIP
            >>> print(router.ledger.compare(router.account_usage(today), since=today))  # doctest: +SKIP
        """
        return BlockingRun(self._account_usage(since, until), self._sender()).finish()

    if TYPE_CHECKING:

        def _sender(self) -> Transport: ...


class AsyncAccountCalls(_Account):
    """The same for event loops."""

    async def account_usage(self, since: Moment, until: Moment | None = None) -> AccountUsage:
        """See `HFRouter.account_usage`."""
        return await AsyncRun(self._account_usage(since, until), self._sender()).finish()

    if TYPE_CHECKING:

        def _sender(self) -> AsyncTransport: ...
