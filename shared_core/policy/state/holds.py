"""What a call sets aside of its budgets before it is sent, and how a place that keeps budgets is spoken to.

Lives here: the values that pass between the policy (`policy.budgets`) and the stores (`policy.stores`). Amounts are
whole units: nano-dollars, tokens or requests. An account is one budget of one value in one window; a new window is
another account, so that nothing is ever reset.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

__all__ = ["Account", "BudgetStore", "Charge", "Hold", "Line", "Posting", "Spending", "Verdict"]


class Spending(NamedTuple):
    """What one request takes, or may take.

    Args:
        prompt: Tokens read.
        completion: Tokens written.
        nano_usd: What they cost; None when nobody knows.
        guessed: What of it nobody has confirmed: "usd", "tokens", "requests".
        bounded: Whether the answer has a limit that somebody set.
    """

    prompt: int = 0
    completion: int = 0
    nano_usd: int | None = None
    guessed: Collection[str] = ()
    bounded: bool = True


class Line(NamedTuple):
    """What one call sets aside in one account.

    Args:
        account: Its key.
        amount: What the call may cost at most.
        limit: What may be spent in all, before grants.
        hard: Whether the call is refused where that is not left.
        strict: Whether it is refused where a shared store cannot be reached.
        keep_until: Unix time in seconds from which on nobody needs the account.
    """

    account: str
    amount: int
    limit: int
    hard: bool
    strict: bool
    keep_until: float


class Verdict(NamedTuple):
    """Whether all lines were set aside, or none.

    Args:
        short: Which line there is not enough for; -1 where all were set aside.
        spent, reserved, granted: Of that line's account.
        unreachable: Whether it could not be found out, and the budget wants to know.
    """

    short: int = -1
    spent: int = 0
    reserved: int = 0
    granted: int = 0
    unreachable: bool = False


class Charge(NamedTuple):
    """What a line is charged in the end.

    Args:
        amount: In place of what was set aside.
        unconfirmed: The part of it that nobody has confirmed.
    """

    amount: int
    unconfirmed: int = 0


class Posting(NamedTuple):
    """What a charge did to an account.

    Args:
        place: Of the line among those of its hold.
        before, after: What was spent.
        granted: What is granted on top of the limit.
    """

    place: int
    before: int
    after: int
    granted: int


class Account(NamedTuple):
    """An account as it stands."""

    account: str
    spent: int
    reserved: int
    unconfirmed: int
    granted: int


class Hold:
    """What one call has set aside until it is settled.

    Args:
        lines: In each account.
        since: Unix time in seconds.
        seconds: For how long: then it lapses, should the process have died meanwhile.
        tell: Told once, of what the charges did; from any thread.

    Attributes:
        owner: The process's mark of the store that has set it aside; None while nothing is.
        over: Whether it was settled.
    """

    __slots__ = ("_id", "lines", "over", "owner", "seconds", "since", "tell")

    def __init__(
        self,
        lines: Sequence[Line],
        since: float,
        seconds: float,
        tell: Callable[[Sequence[Posting]], object],
    ) -> None:
        self._id = ""
        self.lines = lines
        self.since = since
        self.seconds = seconds
        self.tell = tell
        self.owner: object = None
        self.over = False

    @property
    def id(self) -> str:
        """Unlike any other, in all processes; made when a store first needs one."""
        if not self._id:
            self._id = f"{random.getrandbits(96):024x}"
        return self._id


class BudgetStore(Protocol):
    """Where accounts are kept. Safe from threads."""

    @property
    def is_away(self) -> bool:
        """Whether it could not be reached a moment ago, so that its answers are what this process knows."""
        ...

    def reserve_now(self, hold: Hold) -> Verdict | None:
        """Sets all lines aside, or none; None where that would take a wait."""
        ...

    def reserve(self, hold: Hold) -> Verdict:
        """The same, and waits. A hold that was settled meanwhile is given back."""
        ...

    def settle(self, hold: Hold, charges: Sequence[Charge]) -> None:
        """Puts what it cost in place of what was set aside; without charges, it cost nothing. Neither waits nor
        raises, so that it can stand in a `finally`; does nothing a second time."""
        ...

    def grant(self, account: str, amount: int, keep_until: float, now: float) -> None:
        """Adds to what may be spent; may wait.

        Args:
            account: Its key.
            amount: In whole units.
            keep_until: As of `Line`.
            now: Unix time in seconds.

        Raises:
            RouterError: It is not known whether that was done.
        """
        ...

    def accounts(self, start: str, end: str, now: float) -> list[Account]:
        """Those whose keys begin and end so; may wait."""
        ...

    def flush(self) -> None:
        """Writes what was settled and is still to be told, where it can be; may wait."""
        ...
