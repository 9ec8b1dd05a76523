"""What Hugging Face says that an account has used: read back, to be compared with what was counted here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shared_core.types.cost import EXACT

__all__ = ["AccountUsage"]


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """The usage of inference providers in a period, by the account's own page.

    Never tried against the live service: nothing documents the reply, whose names are those that a program of Hugging
    Face's reads (ml-intern, August 2026).

    Args:
        used_nano_usd: What was used, in billionths of a US dollar.
        requests: How many requests that was; None where the reply does not say.
        limit_nano_usd: What may be used; None likewise.
        included_nano_usd: What of it is included in the plan; None likewise.
        period_start, period_end: As the reply writes them; "" where it does not.
        raw: The reply.
    """

    used_nano_usd: int
    requests: int | None = None
    limit_nano_usd: int | None = None
    included_nano_usd: int | None = None
    period_start: str = ""
    period_end: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def used(self) -> Decimal:
        """US dollars."""
        return EXACT.scaleb(Decimal(self.used_nano_usd), -9)

    @classmethod
    def from_reply(cls, reply: Any) -> AccountUsage:
        """What the reply says.

        Raises:
            ValueError: It is another kind of reply.

        Example:
            >>> AccountUsage.from_reply({"usage": {"inferenceProviders": {"usedNanoUsd": 1500, "numRequests": 2}}}).used
            Decimal('0.000001500')
        """
        usage = reply.get("usage") if isinstance(reply, Mapping) else None
        told = usage.get("inferenceProviders") if isinstance(usage, Mapping) else None
        used = _whole(told.get("usedNanoUsd")) if isinstance(told, Mapping) else None
        if not isinstance(told, Mapping) or used is None:
            raise ValueError("it holds no `usage.inferenceProviders.usedNanoUsd`")
        return cls(
            used,
            _whole(told.get("numRequests")),
            _whole(told.get("limitNanoUsd")),
            _whole(told.get("includedNanoUsd")),
            _text(told.get("periodStart")),
            _text(told.get("periodEnd")),
            reply,
        )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str:
    return "" if value is None else str(value)
