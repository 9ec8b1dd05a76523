"""Tokens that a function gives (`api_key=` a function): asked anew for each request.

Lives here: when it is asked, what its failure means, and another token in place of one that was refused. Not here:
the key itself (`types.secret`), in which thread it is asked (`flow`).

A service that rotates its tokens decides by itself how long one is good, so nothing is kept here but until the
request has left: what needs the account before that (a cache's key, say) and the request go by one token.
"""

from __future__ import annotations

import traceback

from shared_core.errors import RouterError, TimedOut, Unauthorized
from shared_core.flow import Flow, ask
from shared_core.types import ApiKey, Call, Given, Progress
from shared_core.wire.redact import redact

__all__ = ["given_by", "mark_sent", "renewed"]


def given_by(call: Call) -> Flow[ApiKey]:
    """The token for the next request to this target.

    Raises:
        Unauthorized: The function failed.
        ConfigError: It gave no token, or is a coroutine function in a blocking call.
        TimedOut: It did not answer before the call's deadline.
    """
    source, given = call.target.key, call.progress.given
    if given is not None and given.unsent and given.source == source:
        return given.key
    key = yield from _asked(call, source)
    call.progress.given = Given(source, key)
    return key


def mark_sent(progress: Progress) -> None:
    """From now on the function is asked again."""
    if progress.given is not None and progress.given.unsent:
        progress.given = progress.given._replace(unsent=False)


def renewed(call: Call, refused: ApiKey) -> Flow[ApiKey | None]:
    """Another token than the one that was refused: None where the function gives none, or was asked that before.

    What keeps it from giving one is not raised: that the token was refused says more.
    """
    source, given = call.target.key, call.progress.given
    if source.function is None or given is None or given.renewed or call.waits.until_deadline() <= 0:
        return None
    try:
        key = yield from _asked(call, source)
    except RouterError:
        return None
    if key == refused:
        return None
    call.progress.given = Given(source, key, unsent=False, renewed=True)
    return key


def _asked(call: Call, source: ApiKey) -> Flow[ApiKey]:
    assert source.function is not None
    failure: Exception | None = None
    try:
        key = yield from ask(source.function, source.taken, call.waits.until_deadline())
    except RouterError:
        raise
    except Exception as error:  # noqa: BLE001  # the user's own function may raise anything
        failure = error
    if failure is not None:  # outside of `except`: what it said would be this error's context
        raise Unauthorized(
            f"{source.name}() was asked for the token, and failed with {type(failure).__name__}.",
            hint="What it said is this error's __cause__. Mend the function, or pass another api_key.",
        ) from _harmless(failure, call.secret())
    if key is None:
        raise TimedOut(
            f"No complete answer within {call.waits.limits.total:g} s: {source.name}() gave no token in time.",
            hint="Raise `timeout`, or have the function keep its token until it has to be renewed.",
        )
    return key


def _harmless(error: Exception, secret: str) -> Exception:
    """What a function failed with, as the cause of our error: in words of our own where it quotes a token."""
    told = "".join(traceback.format_exception(error, limit=0))  # with its own causes, groups and notes
    if redact(told, secret) == told:
        return error
    return RuntimeError(redact(traceback.format_exception_only(error)[0].strip(), secret))
