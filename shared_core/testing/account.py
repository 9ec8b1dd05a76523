"""What the account has used: the read-back of the Hub's billing page, from this server's own bill.

Its names are those that ml-intern reads (August 2026); the real reply is documented nowhere, and was never seen here.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from .endpoint import Endpoint, Exchange, json_reply
from .faults import Reply
from .refusals import Refusal, unauthorised

__all__ = ["USAGE_PATH", "AccountUsage"]

USAGE_PATH = "/api/settings/billing/usage-v2"


class AccountUsage(Endpoint):
    """`GET /api/settings/billing/usage-v2?startDate=&endDate=`, in Unix seconds; needs a token."""

    async def answer(self, exchange: Exchange) -> Reply:
        if "authorization" not in exchange.received.headers:
            raise unauthorised()
        self.check_token(exchange)
        start, end = (_seconds(exchange, name) for name in ("startDate", "endDate"))
        lines = [line for line in self._state.bill.entries.values() if start <= line.at < end]
        told = {
            "usedNanoUsd": sum(line.nano_usd for line in lines),
            "limitNanoUsd": None,
            "includedNanoUsd": 0,
            "numRequests": len(lines),
            "periodStart": start,
            "periodEnd": end,
        }
        return json_reply({"usage": {"inferenceProviders": told}}, exchange.headers)


def _seconds(exchange: Exchange, name: str) -> int:
    given = parse_qs(exchange.received.query).get(name, [""])[0]
    if not given.isdigit():
        raise Refusal(400, {"error": f"{name} must be a number of seconds"})
    return int(given)
