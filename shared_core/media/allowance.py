"""What one run may make and spend: counted before a call is made, so that a refusal costs nothing.

A place is reserved, the call is made, and what it really took stands in the place's stead. Threads share one
allowance: what is set aside for calls under way is gone for all others. Not here: files (`artifacts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from shared_core._locks import new_lock
from shared_core.errors import (
    BadRequest,
    BudgetExceeded,
    ConfigError,
    InputTooLong,
    ModelLoading,
    ModelNotServed,
    NoRoute,
    Overloaded,
    PaymentRequired,
    PermissionDenied,
    RateLimited,
    Unauthorized,
)

__all__ = ["KINDS", "Allowance", "Taken", "Used", "task_of"]

KINDS = {
    "text-to-image": "image",
    "image-to-image": "image",
    "text-to-video": "video",
    "image-to-video": "video",
    "text-to-speech": "audio",
    "text-to-audio": "audio",
}
"""What a task makes; the others make no file."""

_SHARES = {"image": 16 * 2**20, "audio": 32 * 2**20, "video": 128 * 2**20, "": 0}
"""Bytes that are set aside for a result that is not there yet: a generous one of its kind."""

_FREE = (
    ConfigError,
    NoRoute,
    BudgetExceeded,
    Unauthorized,
    PaymentRequired,
    PermissionDenied,
    ModelNotServed,
    ModelLoading,
    RateLimited,
    Overloaded,
    BadRequest,
    InputTooLong,
)
"""After these nothing was made, so nothing is billed; of any other error that is not known."""


class Used(NamedTuple):
    """What a run has taken so far, calls under way included.

    Args:
        files: How many were made.
        bytes: How large they are together.
        usd: What they cost, as far as prices are known.
    """

    files: int
    bytes: int
    usd: Decimal


class Taken(NamedTuple):
    """What is set aside for one call.

    Args:
        files: 1 for a call that makes one, else 0.
        bytes: What its result may have at most.
        usd: What it is reckoned to cost.
    """

    files: int
    bytes: int
    usd: Decimal | None


class Allowance:
    """Limits of one run.

    Args:
        most_files: How many files may be made.
        most_bytes: How large they may be together.
        most_usd: What they may cost in US dollars; None for no limit.
        prices: US dollars that one call is reckoned to cost, by task ("text-to-image" or "text_to_image").

    Raises:
        ConfigError: A limit or a price is no number from 0 on.
    """

    def __init__(
        self,
        most_files: int,
        most_bytes: int,
        most_usd: float | Decimal | None,
        prices: Mapping[str, float | Decimal] | None,
    ) -> None:
        for name, value in (("most_files", most_files), ("most_bytes", most_bytes)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ConfigError(f"{name}={value!r} is not a whole number from 0 on.")
        self.most_files = most_files
        self.most_bytes = most_bytes
        self.most_usd = None if most_usd is None else _usd(most_usd, "most_usd")
        self.prices = {
            task_of(task): _usd(price, f"prices[{task!r}]") for task, price in (prices or {}).items()
        }
        self._files = 0
        self._bytes = 0
        self._usd = Decimal(0)
        self._lock = new_lock()

    @property
    def used(self) -> Used:
        """What was taken so far."""
        with self._lock:
            return Used(self._files, self._bytes, self._usd)

    def take(self, task: str, kind: str | None = None) -> Taken:
        """Sets aside what a call may take.

        Args:
            task: Names its price.
            kind: What it makes: "image", "audio", "video" or "" for no file; None is what the task makes.

        Raises:
            BudgetExceeded: It is not there any more.
            ConfigError: There is a limit of money, and nobody has said what such a call costs.
        """
        task = task_of(task)
        kind = KINDS.get(task, "") if kind is None else kind
        with self._lock:
            taken = self._affordable(task, kind)
            self._add(taken, 1)
        return taken

    def check(self, task: str) -> None:
        """Whether `take` would do; see there for what it raises."""
        task = task_of(task)
        with self._lock:
            self._affordable(task, KINDS.get(task, ""))

    def settle(self, taken: Taken, size: int, usd: float | Decimal | None) -> Taken:
        """Puts what a call really took in the place of what was set aside.

        Args:
            taken: What was.
            size: Of its result, in bytes.
            usd: What it cost, where that is known; None keeps the reckoned price.

        Raises:
            BudgetExceeded: The result is larger than what was set aside and than what is left.
        """
        cost = taken.usd if usd is None else _usd(usd, "cost")
        with self._lock:
            if self._bytes - taken.bytes + size > self.most_bytes:
                raise BudgetExceeded(
                    f"A result of {size:,} bytes is more than what is left of the {self.most_bytes:,} that a run may "
                    "make (most_bytes). It was not kept.",
                )
            settled = Taken(taken.files, size, cost)
            self._add(taken, -1)
            self._add(settled, 1)
        return settled

    def give_back(self, taken: Taken, error: BaseException | None) -> None:
        """Nothing was kept of a call: its place is free again, and its money where it surely cost none."""
        free = isinstance(error, _FREE) and error.job is None
        with self._lock:
            self._add(taken if free else taken._replace(usd=None), -1)

    def _affordable(self, task: str, kind: str) -> Taken:
        price = self.prices.get(task)
        share = min(_SHARES[kind], self.most_bytes)
        if kind and self._files >= self.most_files:
            raise BudgetExceeded(
                f"A run may make {self.most_files:,} files (most_files), and it has. Nothing was sent.",
                hint="Use what is there.",
            )
        if kind and (not self.most_bytes or self._bytes + share > self.most_bytes):
            raise BudgetExceeded(
                f"A run may make {self.most_bytes:,} bytes (most_bytes); {self._bytes:,} are made or set aside, and "
                f"a result may need {share:,}. Nothing was sent.",
                hint="Use what is there.",
            )
        if self.most_usd is not None:
            if price is None:
                raise ConfigError(
                    f"There is a limit of {self.most_usd} USD (most_usd), and nobody has said what {task} costs. "
                    "Nothing was sent.",
                    hint=f"Give the store prices={{{task!r}: ...}}, US dollars a call.",
                )
            if self._usd + price > self.most_usd:
                raise BudgetExceeded(
                    f"A run may spend {self.most_usd} USD (most_usd); {self._usd} are spent or set aside, and this "
                    f"call is reckoned at {price}. Nothing was sent.",
                    hint="Use what is there.",
                )
        return Taken(int(bool(kind)), share, price)

    def _add(self, taken: Taken, sign: int) -> None:
        self._files += sign * taken.files
        self._bytes += sign * taken.bytes
        self._usd += sign * (taken.usd or Decimal(0))

    def __getstate__(self) -> dict[str, object]:
        with self._lock:
            return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._lock = new_lock()


def task_of(name: str) -> str:
    """The Hub's name of a task.

    Example:
        >>> task_of("text_to_image")
        'text-to-image'
    """
    return name.replace("_", "-")


def _usd(value: float | Decimal, name: str) -> Decimal:
    try:
        usd = Decimal(str(value))
        sound = not isinstance(value, bool) and usd.is_finite() and usd >= 0
    except InvalidOperation:
        sound = False
    if not sound:
        raise ConfigError(f"{name}={value!r} is not a number of US dollars from 0 on.")
    return usd
