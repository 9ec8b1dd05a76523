"""The log: logger `hfrouter`, never a prompt, an answer or a token.

Retries, waits and moves are INFO, failures WARNING, answers DEBUG. Silent unless the program sets up logging.
Hooks are told of retries and moves, too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from shared_core.errors import RouterError
from shared_core.observe.events import BudgetAlert, Hook, MovedOn, Retrying
from shared_core.observe.hooks import tell
from shared_core.types import Call, Job, LookupRequest, Target

__all__ = [
    "answered",
    "budget_spent",
    "continued",
    "failed",
    "job_accepted",
    "moved",
    "out_of_retries",
    "retrying",
    "waiting_for_model",
]

_logger = logging.getLogger("hfrouter")
_logger.addHandler(logging.NullHandler())


def retrying(call: Call, error: RouterError, wait: float) -> None:
    """The same target is asked again."""
    _logger.info("%s: %s; trying again in %.2f s", _about(call), type(error).__name__, wait)
    if call.hooks:
        tell(call.hooks, Retrying(call.id, call.target.base_url, type(error).__name__, wait))


def out_of_retries(call: Call, error: RouterError) -> None:
    _logger.warning(
        "%s: %s; not tried again, since too many retries at %s were in vain",
        _about(call),
        type(error).__name__,
        call.target.base_url,
    )


def moved(call: Call, error: RouterError, to: Target) -> None:
    """Another target is asked."""
    _logger.info(
        "%s at %s: %s; going on with %s at %s",
        _about(call),
        call.target.base_url,
        type(error).__name__,
        to.model,
        to.base_url,
    )
    _tell_moved(call, error, to)


def continued(call: Call, error: RouterError, to: Target) -> None:
    """Another target continues a cut answer."""
    _logger.info(
        "%s at %s: cut off by %s; %s at %s continues the answer",
        _about(call),
        call.target.base_url,
        type(error).__name__,
        to.model,
        to.base_url,
    )
    _tell_moved(call, error, to)


def _tell_moved(call: Call, error: RouterError, to: Target) -> None:
    if call.hooks:
        event = MovedOn(call.id, call.target.base_url, type(error).__name__, to.base_url, to.model)
        tell(call.hooks, event)


def budget_spent(hooks: Iterable[Hook], alert: BudgetAlert, told: str) -> None:
    """A threshold of a budget was crossed.

    Args:
        hooks: Told of it, too.
        alert: Which.
        told: The budget in words.
    """
    _logger.warning("%.0f %% of a budget is spent; %s", alert.share * 100, told)
    tell(hooks, alert)


def waiting_for_model(call: Call, error: RouterError, wait: float) -> None:
    _logger.info(
        "%s: still loading (estimate %s s); asking again in %.1f s", _about(call), error.retry_after, wait
    )


def failed(call: Call, error: RouterError) -> None:
    _logger.warning("%s: %s after %d attempts", _about(call), type(error).__name__, call.progress.attempts)


def job_accepted(job: Job) -> None:
    _logger.info("%s: %s accepted the job %s", job.model, job.provider, job.to_json())


def answered(call: Call) -> None:
    if _logger.isEnabledFor(logging.DEBUG):
        seconds = call.waits.now() - call.progress.started
        _logger.debug("%s: answered by %s in %.3f s", _about(call), call.progress.provider, seconds)


def _about(call: Call) -> str:
    request = call.request
    return request.path if isinstance(request, LookupRequest) else request.model
