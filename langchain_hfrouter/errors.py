"""The core's errors as LangChain's errors, translated in one place.

Each class here is both: `RateLimited` is caught by `except shared_core.RateLimited` and by
`except langchain_core.exceptions.ModelRateLimitError`. Fields, message and notes are the core's own.

Lives here: the classes and `as_langchain`. Not here: which reply means which error (the core decides).

LangChain's kinds came in steps: `ContextOverflowError` in langchain-core 1.3, the `ModelError` family in 1.6,
`ModelRefusalError` in 1.7.5. Where one is missing, the nearest kind that exists stands in for it.

`is_retryable`, which LangChain's retry middleware asks, follows the core's verdict on this very error
(`"retry" in error.reactions`): a 429 that means "quota used up" is a rate limit, but not worth a retry.
"""

from __future__ import annotations

from typing import Any

from langchain_core import exceptions as _langchain

from shared_core import errors as _core

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
    "Refused",
    "RouterError",
    "StreamInterrupted",
    "TimedOut",
    "Unauthorized",
    "as_langchain",
]


def _kind(*names: str) -> Any:
    """The first of these classes that this langchain-core has."""
    for name in names:
        found = getattr(_langchain, name, None)
        if found is not None:
            return found
    return _langchain.LangChainException


_Model: Any = _kind("ModelError")
_API: Any = _kind("ModelAPIError")
_Authentication: Any = _kind("ModelAuthenticationError")
_Connection: Any = _kind("ModelConnectionError")
_ContextOverflow: Any = _kind("ContextOverflowError", "ModelInvalidRequestError")
_InvalidRequest: Any = _kind("ModelInvalidRequestError")
_NotFound: Any = _kind("ModelNotFoundError")
_PermissionDenied: Any = _kind("ModelPermissionDeniedError")
_RateLimit: Any = _kind("ModelRateLimitError")
_Refusal: Any = _kind("ModelRefusalError", "ModelError")
_Timeout: Any = _kind("ModelTimeoutError")


class RouterError(_core.RouterError, _Model):  # type: ignore[misc]
    """An error of the core that has no closer class here."""


class ConfigError(_core.ConfigError, _InvalidRequest):  # type: ignore[misc]
    """Settings or arguments cannot work; nothing was sent."""


class NoRoute(_core.NoRoute, _NotFound):  # type: ignore[misc]
    """No configured target can serve the request; nothing was sent."""


class BudgetExceeded(_core.BudgetExceeded, _Model):  # type: ignore[misc]
    """The call would cost more than it may; nothing was sent."""


class RateLimited(_core.RateLimited, _RateLimit):  # type: ignore[misc]
    """The provider or the router refuses more requests for now (429)."""


class LimitReached(_core.LimitReached, _RateLimit):  # type: ignore[misc]
    """A limit of your own lets the call through only after its deadline; nothing was sent."""

    is_retryable = False  # a try a second later would be refused like the first


class Overloaded(_core.Overloaded, _API):  # type: ignore[misc]
    """The service has no capacity at the moment (503, 529)."""


class ModelLoading(_core.ModelLoading, _API):  # type: ignore[misc]
    """The model is being loaded; `retry_after` holds the service's own estimate in seconds."""


class ConnectionLost(_core.ConnectionLost, _Connection):  # type: ignore[misc]
    """No connection, or it broke before the answer was complete."""


class TimedOut(_core.TimedOut, _Timeout):  # type: ignore[misc]
    """A time limit passed; the message says which."""


class ModelNotServed(_core.ModelNotServed, _NotFound):  # type: ignore[misc]
    """The model does not exist, or nobody you may use serves it."""


class ProviderFailed(_core.ProviderFailed, _API):  # type: ignore[misc]
    """The provider broke while answering (500, 502, 504 and the like)."""


class JobFailed(_core.JobFailed, _API):  # type: ignore[misc]
    """A queued job ended without a result."""


class MalformedResponse(_core.MalformedResponse, _API):  # type: ignore[misc]
    """The reply cannot be read: not the JSON, the stream or the shape that was promised."""


class Unauthorized(_core.Unauthorized, _Authentication):  # type: ignore[misc]
    """The token is missing, wrong or expired (401)."""


class PaymentRequired(_core.PaymentRequired, _PermissionDenied):  # type: ignore[misc]
    """The account has no credits left (402). LangChain has no kind of its own for it: the account may not."""


class PermissionDenied(_core.PermissionDenied, _PermissionDenied):  # type: ignore[misc]
    """The token is valid but may not do this: a missing scope or a gated model (403)."""


class InputTooLong(_core.InputTooLong, _ContextOverflow):  # type: ignore[misc]
    """The request is larger than the model's context or the service's body limit."""


class BadRequest(_core.BadRequest, _InvalidRequest):  # type: ignore[misc]
    """The request itself is wrong; sending it again cannot help."""


class Refused(_core.Refused, _Refusal):  # type: ignore[misc]
    """The model or its content filter declined to answer.

    Attributes:
        raw_message: The answer that holds the refusal, when structured output was asked for.
    """

    raw_message: Any = None


class StreamInterrupted(_core.StreamInterrupted, _API):  # type: ignore[misc]
    """The stream broke after part of the answer was delivered: `.partial` keeps it, `.cause` says why."""


class AllRoutesFailed(_core.AllRoutesFailed, _API):  # type: ignore[misc]
    """Every target was tried; `failures` keeps each one's error, in order."""


_CLASSES: dict[type[_core.RouterError], type[_core.RouterError]] = {
    kind.__bases__[0]: kind
    for kind in (
        RouterError,
        ConfigError,
        NoRoute,
        BudgetExceeded,
        RateLimited,
        LimitReached,
        Overloaded,
        ModelLoading,
        ConnectionLost,
        TimedOut,
        ModelNotServed,
        ProviderFailed,
        JobFailed,
        MalformedResponse,
        Unauthorized,
        PaymentRequired,
        PermissionDenied,
        InputTooLong,
        BadRequest,
        Refused,
        StreamInterrupted,
        AllRoutesFailed,
    )
}


def as_langchain(error: _core.RouterError) -> _core.RouterError:
    """The same error, as LangChain's kind too; an error that is one already comes back as it is.

    Args:
        error: What the core raised.

    Returns:
        An error with the same fields, notes and traceback, to be raised `from error.__cause__`.

    Example:
        >>> from shared_core import RateLimited as CoreRateLimited
        >>> type(as_langchain(CoreRateLimited("slow down"))).__module__
        'langchain_hfrouter.errors'
    """
    if type(error) in _TRANSLATED:
        return error
    kind = next((_CLASSES[base] for base in type(error).__mro__ if base in _CLASSES), RouterError)
    twin = kind.__new__(kind, *error.args)
    twin.args = error.args
    twin.__dict__.update(error.__dict__)
    if "retry" in type(error).default_reactions:
        twin.is_retryable = "retry" in error.reactions  # type: ignore[attr-defined]
    return twin.with_traceback(error.__traceback__)


_TRANSLATED = frozenset(_CLASSES.values())
