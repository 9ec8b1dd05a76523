"""How much may be spent: what a user writes, and money as whole nano-dollars, which is how stores count it.

Not here: how a budget stands (`budget_state`), what a call may cost (`client.tariff`), who is refused
(`policy.budget`), where sums are kept (`policy.stores`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, Literal, get_args

from shared_core.errors import ConfigError
from shared_core.types.cost import EXACT, dollars, plain
from shared_core.types.limits import TAG

__all__ = [
    "MOST_UNITS",
    "Budget",
    "Window",
    "budget_from",
    "in_units",
    "nano_usd",
    "out_of_units",
    "shown",
]

Window = Literal["hour", "day", "month", "total"]
"""Of the calendar in UTC; "total" is for ever."""

Unit = Literal["usd", "tokens", "requests"]
Amount = str | int | Decimal

_NANO = 9  # digits of a dollar that are counted
MOST_UNITS = 9 * 10**15
"""Nano-dollars or tokens: what a Redis script still counts exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much may be spent in a window of time. Exactly one of `usd`, `tokens` and `requests` is given.

    A call is refused when what it may take is more than what is left, calls in flight included. So calls whose
    answer has a limit (`max_tokens`) never go beyond a hard budget; an answer without one may, by what it is longer
    than the 4,096 tokens that are set aside for it.

    Args:
        usd: US dollars: a text such as "5.00", a `Decimal` or a whole number; never a float.
        tokens: Tokens, read and written together.
        requests: Requests: one for each chat, picture and batch of texts, however often it is tried.
        per: "hour", "day" or "month", of the calendar in UTC; or "total", for ever.
        of: Whose budget it is: "all" is one for all calls together; "key" is one for each token that is sent;
            "tag:user" is one for each value of the usage tag "user". Calls without the tag share one.
        mode: "hard" refuses what would go beyond; "warn" only tells.
        alert_at: Shares of the amount at which is told, once in a window: a `BudgetAlert` and a line of the log.
        exceptions: Amounts of single values, in place of the usual one: {"ada": "20.00"}.
        name: What it is known by, here and in a shared store; None makes one of what is counted. Budgets of one
            name share what is spent, whichever client counts.
        unpriced: What becomes of a call whose price nobody knows, by a hard budget in USD: "refuse", or "allow" while
            anything is left, and count what its reply says that it cost.
        unreachable: What becomes of calls while a shared store cannot be reached: "local" goes by what this process
            knows, "refuse" lets nothing through.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> Budget(usd="5.00", per="day", of="tag:user").name
        'usd per day of each user'
        >>> Budget(tokens=1_000_000, per="month", mode="warn", alert_at=(0.5, 1.0)).name
        'tokens per month'
    """

    usd: Amount | None = None
    tokens: int | None = None
    requests: int | None = None
    per: Window
    of: str = "all"
    mode: Literal["hard", "warn"] = "hard"
    alert_at: tuple[float, ...] = (0.8, 1.0)
    exceptions: Mapping[str, Amount] = field(default_factory=dict, hash=False)
    name: str = ""
    unpriced: Literal["refuse", "allow"] = "refuse"
    unreachable: Literal["local", "refuse"] = "local"
    unit: Unit = field(init=False, repr=False, compare=False, default="usd")
    units: int = field(init=False, repr=False, compare=False, default=0)
    units_of: Mapping[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        given: list[Unit] = [unit for unit in get_args(Unit) if getattr(self, unit) is not None]
        if len(given) != 1:
            raise ConfigError(
                "A budget counts one thing.", hint="Give one of usd=, tokens= and requests=, and no other."
            )
        for name, words in (
            ("per", get_args(Window)),
            ("mode", ("hard", "warn")),
            ("unpriced", ("refuse", "allow")),
            ("unreachable", ("local", "refuse")),
        ):
            if getattr(self, name) not in words:
                raise ConfigError(f"{name}={getattr(self, name)!r} is none of {', '.join(words)}.")
        unit = given[0]
        self._set("unit", unit)
        self._set("units", in_units(getattr(self, unit), unit))
        if unit == "usd":
            self._set("usd", out_of_units(self.units, unit))
        self._check_words()
        self._set("units_of", {value: in_units(told, unit) for value, told in self.exceptions.items()})
        self._set("alert_at", _thresholds(self.alert_at))
        if not self.name:
            each = "" if self.of == "all" else f" of each {self.of.removeprefix(TAG)}"
            self._set(
                "name", f"{unit} in total{each}" if self.per == "total" else f"{unit} per {self.per}{each}"
            )

    def limit(self, value: str) -> int:
        """The amount of one value, in units of a store."""
        return self.units_of.get(value, self.units) if self.units_of else self.units

    def as_dict(self) -> dict[str, Any]:
        """What was given, as plain values for JSON and TOML.

        Example:
            >>> Budget(usd="5.00", per="day").as_dict()
            {'usd': '5', 'per': 'day', 'name': 'usd per day'}
        """
        told: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            default = {} if item.name == "exceptions" else item.default
            if item.init and value != default:
                told[item.name] = _plain(value)
        return told

    def __reduce__(self) -> tuple[Any, ...]:
        return budget_from, (self.as_dict(),)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_words(self) -> None:
        for name in ("of", "name"):
            word = getattr(self, name)
            if not isinstance(word, str) or not (word.isprintable() and len(word) <= 200):
                raise ConfigError(f"{name}={word!r} is no short printable text.")
        if self.of not in ("all", "key") and not (self.of.startswith(TAG) and len(self.of) > len(TAG)):
            raise ConfigError(
                f"of={self.of!r} says not whose budget it is.", hint='Write "all", "key" or "tag:user".'
            )
        if not isinstance(self.exceptions, Mapping) or not all(
            isinstance(value, str) for value in self.exceptions
        ):
            raise ConfigError(
                f"exceptions={self.exceptions!r} are no amounts by value.", hint='Write {"ada": "20.00"}.'
            )
        if self.exceptions and self.of == "all":
            raise ConfigError(
                "exceptions= of a budget that all share.", hint='Say whose it is: of="tag:user".'
            )


def budget_from(told: object) -> Budget:
    """A budget, from one or from its plain form: a dictionary with the arguments of `Budget`.

    Raises:
        ConfigError: It is none.

    Example:
        >>> budget_from({"requests": 100, "per": "hour"}).name
        'requests per hour'
    """
    if isinstance(told, Budget):
        return told
    known = {item.name for item in fields(Budget) if item.init}
    if not isinstance(told, Mapping) or not set(told) <= known:
        raise ConfigError(
            f"{told!r} is no budget.",
            hint='Write Budget(usd="5.00", per="day", of="tag:user"), or a dictionary of the same.',
        )
    if "per" not in told:
        raise ConfigError(
            f"{told!r} says not for how long.", hint=f"Give per=: {', '.join(get_args(Window))}."
        )
    return Budget(**told)


def nano_usd(usd: Decimal) -> int:
    """Whole nano-dollars, rounded up.

    Example:
        >>> nano_usd(Decimal("0.0000000011"))
        2
    """
    return int(EXACT.scaleb(usd, _NANO).to_integral_value(ROUND_CEILING))


def in_units(told: object, unit: str) -> int:
    """An amount as stores count it: nano-dollars, tokens or requests.

    Raises:
        ConfigError: It is none.
    """
    if unit == "usd":
        amount = _dollars(told)
    elif isinstance(told, bool) or not isinstance(told, int):
        raise ConfigError(f"{unit}={told!r} is not a whole number.")
    else:
        amount = told
    if not 0 <= amount <= MOST_UNITS:
        raise ConfigError(f"{unit}={told!r} is not between 0 and {out_of_units(MOST_UNITS, unit)}.")
    return amount


def out_of_units(amount: int, unit: str) -> Decimal | int:
    """An amount as users read it."""
    return Decimal(plain(EXACT.scaleb(Decimal(amount), -_NANO))) if unit == "usd" else amount


def shown(amount: Decimal | int, unit: str) -> str:
    """An amount in words.

    Example:
        >>> shown(1200, "requests"), shown(1, "requests")
        ('1,200 requests', '1 request')
    """
    if unit == "usd":
        return dollars(Decimal(amount))
    return f"{amount:,} {unit.removesuffix('s') if amount == 1 else unit}"


def _dollars(told: object) -> int:
    if isinstance(told, bool) or not isinstance(told, str | int | Decimal):
        raise ConfigError(
            f"{told!r} is not a sum of US dollars.",
            hint='Write it as a text, such as "5.00": a float is not exact.',
        )
    try:
        usd = Decimal(told)
        if not usd.is_finite() or abs(usd) > MOST_UNITS or len(usd.as_tuple().digits) > 40:
            raise ConfigError(f"{told!r} is not a sum of US dollars that can be counted.")
        return nano_usd(usd)
    except InvalidOperation:
        raise ConfigError(f"{told!r} is not a sum of US dollars.") from None


def _thresholds(told: object) -> tuple[float, ...]:
    shares = told if isinstance(told, tuple | list) else ()
    sound = [
        share
        for share in shares
        if isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 10
    ]
    if not isinstance(told, tuple | list) or len(sound) != len(shares):
        raise ConfigError(
            f"alert_at={told!r} are no shares.", hint="Write (0.8, 1.0) for 80 % and all of it."
        )
    return tuple(sorted({float(share) for share in sound}))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return list(value) if isinstance(value, tuple) else value
