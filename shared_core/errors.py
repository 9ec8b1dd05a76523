"""Everything that can go wrong, one class per cause.

    RouterError ─┬─ ConfigError · NoRoute · BudgetExceeded                      nothing left the machine
                 ├─ RateLimited · Overloaded · ModelLoading · ConnectionLost · TimedOut     .retry_after
                 │    └─ LimitReached                                           nothing left the machine
                 ├─ ModelNotServed · ProviderFailed · JobFailed · MalformedResponse
                 ├─ Unauthorized · PaymentRequired · PermissionDenied · InputTooLong · BadRequest · Refused
                 ├─ StreamInterrupted(.partial)                                 half an answer was shown
                 └─ AllRoutesFailed(.failures)                                  keeps every cause

Lives here: the classes, what an error remembers, how it reads. Not here: which reply means which
error (`wire.errors`), and what is done about it (`policy`).

Each error says what failed and why, to whom it happened (model, provider, request id), and what to do
next. What may be done about it is data: `reactions`, so that policies never read a status number.
Errors survive pickling and never hold a token.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from decimal import Decimal

    from shared_core.types import ChatReply, Job

__all__ = [
    "AllRoutesFailed",
    "BadRequest",
    "BudgetExceeded",
    "ConfigError",
    "ConnectionLost",
    "InputTooLong",
    "JobFailed",
    "LimitReached",
    "MalformedResponse",
    "ModelLoading",
    "ModelNotServed",
    "NoRoute",
    "Overloaded",
    "PaymentRequired",
    "PermissionDenied",
    "ProviderFailed",
    "RateLimited",
    "Reaction",
    "Refused",
    "RouterError",
    "StreamInterrupted",
    "TimedOut",
    "Unauthorized",
]

Reaction = Literal["retry", "other_route", "other_account", "larger_context"]
"""What may be done about an error, besides telling the caller."""


class RouterError(Exception):
    """The root of every error this package raises.

    Args:
        message: What failed and why, in one sentence.
        hint: What to do next, in one sentence; "" when there is nothing to advise.
        model: The model that was asked, with its suffix.
        provider: The provider that answered, when it is known.
        request_id: The service's `x-request-id`, to quote in a report.
        status: The HTTP status; None when no reply came.
        code: The machine-readable code of the reply's body, such as "model_not_found".
        retry_after: Seconds the service asks to wait; None when it did not say.
        reactions: What may help; None takes the class's own default.
        attempts: How often the call was sent.

    Attributes:
        job: The job at a provider that this befell, and that may go on; None where there is none.
    """

    default_reactions: ClassVar[frozenset[Reaction]] = frozenset()
    default_hint: ClassVar[str] = ""
    job: Job | None = None

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        model: str | None = None,
        provider: str | None = None,
        request_id: str | None = None,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        reactions: Iterable[Reaction] | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint
        self.model = model
        self.provider = provider
        self.request_id = request_id
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.reactions: frozenset[Reaction] = (
            self.default_reactions if reactions is None else frozenset(reactions)
        )
        self.attempts = attempts

    def __str__(self) -> str:
        about = [
            f"{name} {value}"
            for name, value in (
                ("model", self.model),
                ("provider", self.provider),
                ("HTTP", self.status),
                ("code", self.code),
                ("request id", self.request_id),
                ("attempts", self.attempts if self.attempts > 1 else None),
            )
            if value
        ]
        where = f" [{', '.join(about)}]" if about else ""
        return f"{self.message}{where}" + (f"\nNext: {self.hint}" if self.hint else "")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[RouterError], args: tuple[Any, ...], state: dict[str, Any]) -> RouterError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(RouterError, ValueError):
    """Settings or arguments cannot work; nothing was sent."""


class NoRoute(RouterError):
    """No configured target can serve the request; nothing was sent."""

    default_reactions = frozenset({"other_route"})


class BudgetExceeded(RouterError):
    """The call would cost more than it may; nothing was sent.

    Attributes:
        budget: The name of the budget; "" where it is a tool's own limit.
        value: Whose budget it is, such as "ada"; "" where all share one.
        need: What the call may cost; None when unknown. US dollars in `Decimal`, else a count.
        left: What may still be spent; None when unknown.

    `retry_after` is the time until the budget begins anew; None where it never does.
    """

    def __init__(
        self,
        message: str,
        *,
        budget: str = "",
        value: str = "",
        need: Decimal | int | None = None,
        left: Decimal | int | None = None,
        **about: Any,
    ) -> None:
        super().__init__(message, **about)
        self.budget = budget
        self.value = value
        self.need = need
        self.left = left


class RateLimited(RouterError):
    """The provider or the router refuses more requests for now (429)."""

    default_reactions = frozenset({"retry", "other_route"})
    default_hint = "Wait, send less at once, or pick another provider with `provider=`."


class LimitReached(RateLimited):
    """A limit of your own (`limits`, `concurrency`) lets the call through only after its deadline; nothing was sent.

    `retry_after` holds the seconds until it would, where they are known. No failure of the target: it is not tried
    again, and other targets are asked where they have room.
    """

    default_reactions = frozenset({"other_route"})
    default_hint = "Send less at once, raise `timeout`, or widen the limit."


class Overloaded(RouterError):
    """The service has no capacity at the moment (503, 529)."""

    default_reactions = frozenset({"retry", "other_route"})
    default_hint = "Try again shortly, or pick another provider with `provider=`."


class ModelLoading(RouterError):
    """The model is being loaded; `retry_after` holds the service's own estimate in seconds.

    Not retried blindly: waiting for a model is the caller's decision (`wait_for_model`).
    """

    default_reactions = frozenset({"other_route"})
    default_hint = "Pass `wait_for_model=True` to wait for it, or call `warm(model)` beforehand."


class ConnectionLost(RouterError):
    """No connection, or it broke before the answer was complete."""

    default_reactions = frozenset({"retry", "other_route"})
    default_hint = "Check the network, the proxy and `base_url`."


class TimedOut(RouterError):
    """A time limit passed; the message says which."""

    default_reactions = frozenset({"retry", "other_route"})
    default_hint = (
        "Raise the limit with `timeout=` (a number of seconds, or `Timeouts(...)` for one part), stream the answer, "
        "or pick a faster provider."
    )


class ModelNotServed(RouterError):
    """The model does not exist, or nobody you may use serves it."""

    default_reactions = frozenset({"other_route"})
    default_hint = (
        "Check the id. What is served, and by whom, is in `router.models()`; your providers are chosen at "
        "https://hf.co/settings/inference-providers."
    )


class ProviderFailed(RouterError):
    """The provider broke while answering (500, 502, 504 and the like)."""

    default_reactions = frozenset({"retry", "other_route"})
    default_hint = "Try again, or pick another provider with `provider=`."


class JobFailed(RouterError):
    """A queued job ended without a result."""


class MalformedResponse(RouterError):
    """The reply cannot be read: not the JSON, the stream or the shape that was promised."""

    default_reactions = frozenset({"retry", "other_route"})
    default_hint = "Check that `base_url` is an OpenAI-compatible API and that no proxy answers in its place."


class Unauthorized(RouterError):
    """The token is missing, wrong or expired (401)."""

    default_reactions = frozenset({"other_account"})
    default_hint = (
        "Set HF_TOKEN to a token with the permission 'Make calls to Inference Providers' "
        "(https://hf.co/settings/tokens)."
    )


class PaymentRequired(RouterError):
    """The account has no credits left (402); other providers on the same account fail too."""

    default_reactions = frozenset({"other_account"})
    default_hint = "Add credits at https://hf.co/settings/billing, or bill an organisation with `bill_to=`."


class PermissionDenied(RouterError):
    """The token is valid but may not do this: a missing scope or a gated model (403)."""

    default_reactions = frozenset({"other_account", "other_route"})
    default_hint = (
        "Give the token the permission 'Make calls to Inference Providers', "
        "or accept the model's terms on its page."
    )


class InputTooLong(RouterError):
    """The request is larger than the model's context or the service's body limit."""

    default_reactions = frozenset({"larger_context"})
    default_hint = "Shorten the messages, lower `max_tokens`, or use a model with a larger context."


class BadRequest(RouterError, ValueError):
    """The request itself is wrong; sending it again cannot help."""

    default_hint = "Correct what the message names; the same request will be rejected again."


class Refused(RouterError):
    """The model or its content filter declined to answer."""

    default_hint = "Put the request differently, or ask another model."


class StreamInterrupted(RouterError):
    """The stream broke after part of the answer was already delivered.

    Attributes:
        partial: What arrived, as a reply whose `finish_reason` is None.
        cause: The error that broke it, such as `ConnectionLost`, `TimedOut` or `RateLimited`.
    """

    default_hint = "The part that arrived is in `.partial`; send the request again for a whole answer."

    def __init__(
        self, message: str, *, partial: ChatReply, cause: RouterError | None = None, **about: Any
    ) -> None:
        super().__init__(message, **about)
        self.partial = partial
        self.cause = cause


class AllRoutesFailed(RouterError):
    """Nobody answered. The message lists every target with its reason, also those that were not asked, and why;
    `failures` keeps the error of each one that was asked, in order."""

    def __init__(self, message: str, *, failures: Iterable[RouterError], **about: Any) -> None:
        super().__init__(message, **about)
        self.failures = tuple(failures)
