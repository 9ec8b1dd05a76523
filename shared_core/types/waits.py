"""How long a call may wait: the limits a user sets, and the watch that keeps them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from shared_core.errors import ConfigError

__all__ = ["Timeouts", "Waits"]

Limit = Literal["connect", "first_token", "gap", "total"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits of one call, all in seconds; none is ever infinite.

    Args:
        total: From the call to the complete answer, retries and waits included.
        connect: To look up the host, connect and finish the TLS handshake, each try.
        first_token: With streams, from sending to the first content, each try.
        gap: With streams, between two pieces of content. Comments and keep-alives do not count.

    Raises:
        ConfigError: A limit is not a positive, finite number.
    """

    total: float = 120.0
    connect: float = 5.0
    first_token: float = 30.0
    gap: float = 30.0

    def __post_init__(self) -> None:
        for name in ("total", "connect", "first_token", "gap"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ConfigError(
                    f"The time limit {name}={value!r} is not a positive number of seconds.",
                    hint="Give a finite number above 0; a very large one stands for 'almost no limit'.",
                )

    @classmethod
    def of(cls, value: Timeouts | float | None) -> Timeouts:
        """A number of seconds is the limit of the whole call, and of each wait inside it but connecting.

        None takes the defaults.
        """
        if value is None:
            return _DEFAULTS
        if isinstance(value, Timeouts):
            return value
        whole = cls(total=value, first_token=value, gap=value)  # which checks it
        return cls(value, min(whole.connect, value), value, value)


_DEFAULTS = Timeouts()


class Waits:
    """The stopwatch of one call: how long the next wait on the socket may last.

    One object travels with the call down to the socket, because a limit must hold however the bytes are
    spread: a server that sends one byte a second never trips a limit that starts anew with each read.
    Not thread-safe; a call runs in one thread or task at a time.

    Args:
        limits: The user's limits.
        clock: Monotonic seconds.
        streamed: Whether the answer comes in pieces, so that `first_token` and `gap` apply.
        total: Seconds in place of the limits' own.
        streamed: Whether the answer comes in pieces, so that `first_token` and `gap` apply.

    Attributes:
        renewed: Set to True when content arrived and the caller took it: the next piece is due within the gap.
            A flag and no method, because it is set for every token; the clock is read when the next wait begins.
        phase: The limit that ends the wait: where the deadline comes before a limit of its own, "total".
        opening: Whether a connection is being opened, and nothing has been sent on it.
        public: Whether only a public address may be connected to: what a stranger's address leads to must not be
            this machine or its network.
        line: Set by the transport while a request is on its way: ends every wait on that connection, from any
            thread.
    """

    __slots__ = (
        "_clock",
        "_phase_end",
        "_streamed",
        "_total",
        "deadline",
        "limits",
        "line",
        "opening",
        "phase",
        "public",
        "renewed",
    )

    def __init__(
        self, limits: Timeouts, clock: Callable[[], float], *, streamed: bool, total: float | None = None
    ) -> None:
        self._clock = clock
        self._streamed = streamed
        self.renewed = False
        self.opening = False
        self.public = False
        self.line: Callable[[], None] | None = None
        self.limits = limits
        self._total = limits.total if total is None else total
        self.deadline = clock() + self._total
        self.phase: Limit = "total"
        self._phase_end = self.deadline

    @property
    def streamed(self) -> bool:
        """Whether the answer comes in pieces."""
        return self._streamed

    def now(self) -> float:
        return self._clock()

    def shared(self) -> Waits:
        """A stopwatch for one of several requests at once, all due at the same deadline."""
        twin = Waits(self.limits, self._clock, streamed=self._streamed)
        twin.deadline = twin._phase_end = self.deadline
        return twin

    def connecting(self) -> None:
        """A connection is being opened."""
        self.opening = True
        self._begin("connect", self.limits.connect)

    def sending(self) -> None:
        """The request leaves: a stream owes its first content, a plain reply only the whole."""
        self.opening = False
        if self._streamed:
            self._begin("first_token", self.limits.first_token)
        else:
            self.phase, self._phase_end = "total", self.deadline

    def part(self, seconds: float) -> Waits:
        """A stopwatch for one step: due after so many seconds, and never later than the whole."""
        twin = Waits(self.limits, self._clock, streamed=False, total=seconds)
        twin.deadline = twin._phase_end = min(twin.deadline, self.deadline)
        twin.public = self.public
        return twin

    def lingering(self, seconds: float) -> None:
        """The answer is complete; what is left of the body is worth only a moment."""
        self._begin("gap", seconds)

    def left(self) -> float:
        """Seconds that a wait beginning now may last, never below zero."""
        if self.renewed:
            self._begin("gap", self.limits.gap)
        return max(0.0, self._phase_end - self._clock())

    def hang_up(self) -> None:
        """From another thread: the wait that goes on ends now, and so does each later one."""
        self.deadline = self._phase_end = -math.inf
        if (line := self.line) is not None:
            line()

    def until_deadline(self) -> float:
        """Seconds until the total limit, never below zero."""
        return max(0.0, self.deadline - self._clock())

    def _begin(self, phase: Limit, seconds: float) -> None:
        self.renewed = False
        end = self._clock() + seconds
        if end < self.deadline:
            self.phase, self._phase_end = phase, end
        else:
            self.phase, self._phase_end = "total", self.deadline

    def verdict(self) -> str:
        """Which limit passed, as the start of an error message."""
        limits = self.limits
        return {
            "connect": f"No connection within {limits.connect:g} s",
            "first_token": f"No first token within {limits.first_token:g} s",
            "gap": f"The stream stood still for {limits.gap:g} s",
            "total": f"No complete answer within {self._total:g} s",
        }[self.phase]
