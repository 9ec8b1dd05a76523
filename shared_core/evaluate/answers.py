"""What came of asking once: the answer, what it took, or why there is none; and its form in a file.

Not here: who was asked (`subjects`), what is thought of it (`cases.checks`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Self

from shared_core.errors import BudgetExceeded, ConfigError, RouterError
from shared_core.types import ChatReply, Cost, ToolCall, Usage

__all__ = ["Answer"]

_DIGITS = 30  # before or after the point of a sum: sums of answers are exact, and exact sums have an end


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, or one failure.

    Args:
        text: What was answered.
        reasoning: What the model thought before, where it says so.
        tool_calls: Which tools it wants called.
        finish_reason: Why it ended: "stop", "length", "tool_calls", ...
        usage: Tokens; None where nobody says.
        cost: US dollars, and how they are known.
        seconds: From the question to the complete answer.
        first_token_s: From the question to the first content; None where the answer did not come in pieces.
        provider: Who served.
        model: Which model, in the provider's words.
        error: The kind of failure, such as "RateLimited"; "" for an answer.
        why: What befell, in one line.
        hint: What to do about it, in one line.

    Raises:
        ConfigError: A part is not of its kind, such as a time that is no number.
    """

    text: str = ""
    reasoning: str = field(default="", repr=False)
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    cost: Cost = field(default_factory=Cost)
    seconds: float = 0.0
    first_token_s: float | None = None
    provider: str | None = None
    model: str = ""
    error: str = ""
    why: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        if (wrong := _unsound(self)) is not None:
            raise ConfigError(
                f"An answer's {wrong} cannot be a {type(getattr(self, wrong)).__name__} like this one.",
                hint="See Answer: texts, seconds from 0 on, a Cost, a Usage of whole numbers.",
            )

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return not self.error

    @property
    def asked(self) -> bool:
        """Whether anybody was asked: no where that might have cost more than the budget had left."""
        return self.error != BudgetExceeded.__name__

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens written a second, from the first on; None where tokens or times are unknown."""
        if self.usage is None or self.first_token_s is None or self.usage.completion_tokens < 2:
            return None
        writing = self.seconds - self.first_token_s
        return (self.usage.completion_tokens - 1) / writing if writing > 0 else None

    @classmethod
    def from_reply(cls, reply: ChatReply) -> Self:
        """The answer in a reply of the router."""
        return cls(
            text=reply.text or reply.refusal,
            reasoning=reply.reasoning,
            tool_calls=reply.tool_calls,
            finish_reason=reply.finish_reason,
            usage=reply.usage if reply.usage is None or _is_counted(reply.usage) else None,
            cost=reply.meta.cost,
            seconds=reply.meta.latency_s,
            first_token_s=reply.meta.first_token_s,
            provider=reply.meta.provider,
            model=reply.meta.model,
        )

    @classmethod
    def from_framework(cls, about: Mapping[str, Any], framework: str, **parts: Any) -> Self:
        """The answer of a model that another framework called.

        Args:
            about: What it says of the call. Of that counts what is like our own models' "finish_reason", "provider"
                and "cost": others mean something else by these words.
            framework: Its name, which is noted where it does not say what the call cost.
            parts: All other arguments of `Answer`.

        Example:
            >>> Answer.from_framework({"finish_reason": "stop", "cost": 3}, "LangChain", text="Yes.").cost.note
            'LangChain does not say'
        """
        reason, provider = about.get("finish_reason"), about.get("provider")
        try:
            cost = Cost.from_dict(about.get("cost"))  # type: ignore[arg-type]
        except (AttributeError, TypeError, ValueError):
            cost = Cost(note=f"{framework} does not say")
        return cls(
            finish_reason=reason if isinstance(reason, str) else None,
            provider=provider if isinstance(provider, str) else None,
            cost=cost,
            **parts,
        )

    @classmethod
    def from_error(cls, error: RouterError, seconds: float = 0.0) -> Self:
        """What is left of a failure."""
        why = " ".join(str(error).partition("\nNext: ")[0].split())
        hint = " ".join(error.hint.split())
        return cls(error=type(error).__name__, why=why, hint=hint, seconds=seconds, provider=error.provider)

    def to_dict(self) -> dict[str, Any]:
        """The answer by the names of its parts; `from_dict` makes it again."""
        usage = None if self.usage is None else self.usage._asdict()
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "tool_calls": [call._asdict() for call in self.tool_calls],
            "usage": usage,
            "cost": asdict(self.cost),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """An answer from its parts.

        Raises:
            ConfigError: They are not those of an answer.
        """
        try:
            usage = kept["usage"]
            parts = {
                **kept,
                "tool_calls": tuple(ToolCall(**call) for call in kept["tool_calls"]),
                "usage": None if usage is None else Usage(**usage),
                "cost": Cost(**kept["cost"]),
            }
            return cls(**parts)
        except (TypeError, KeyError, ValueError) as error:
            raise ConfigError(f"This is no answer: {error}.") from None


def _unsound(answer: Answer) -> str | None:
    """The part that is not of its kind, and would break sums and reports of all answers; None for none."""
    texts = ("text", "reasoning", "model", "error", "why", "hint")
    for name in (*texts, "finish_reason", "provider"):
        value = getattr(answer, name)
        if not isinstance(value, str) and (value is not None or name in texts):
            return name
    for name in ("seconds", "first_token_s"):
        value = getattr(answer, name)
        if not _is_time(value) and (value is not None or name == "seconds"):
            return name
    if not isinstance(answer.cost, Cost) or not _is_sum(answer.cost.usd):
        return "cost"
    if answer.usage is not None and not _is_counted(answer.usage):
        return "usage"
    named = all(isinstance(part, str) for call in answer.tool_calls for part in call)
    return None if named and isinstance(answer.tool_calls, tuple) else "tool_calls"


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _is_sum(value: Any) -> bool:
    return value is None or (
        isinstance(value, Decimal) and value.is_finite() and value >= 0 and abs(value.adjusted()) < _DIGITS
    )


def _is_counted(usage: Usage) -> bool:
    """Whether these are numbers of tokens: a provider may say anything."""
    return all(isinstance(count, int) and 0 <= count < 2**53 for count in usage[:3])
