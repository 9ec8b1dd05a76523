"""The log: logger `hfrouter`, never a prompt, an answer or a token.

    import logging
    logging.basicConfig()
    logging.getLogger("hfrouter").setLevel(logging.INFO)

WARNING    a call failed, retries were in vain too often, a file or server of ours cannot be used (said once)
INFO       retries, moves to another target, targets that are closed and well again, models that load, jobs
DEBUG      answers: who, and after how long

A line begins with the model. Where hooks listen (`hooks=`), the id follows that their events have, so that lines, spans
and rows of one call can be put side by side: "org/model (call 00f1…): RateLimited; trying again in 0.71 s". Hooks are
told of retries and moves, too. Silent unless the program sets up logging.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from shared_core.errors import RouterError
from shared_core.observe.events import BudgetAlert, Hedged, HedgeEnded, Hook, MovedOn, Retrying
from shared_core.observe.hooks import tell
from shared_core.types import Call, Cost, Job, LookupRequest, Target

__all__ = [
    "answered",
    "budget_spent",
    "closed",
    "continued",
    "failed",
    "hedge_ended",
    "hedged",
    "job_accepted",
    "moved",
    "out_of_retries",
    "retrying",
    "waiting_for_model",
    "well_again",
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


def hedged(call: Call, url: str, after: float, to: Target) -> None:
    """A second target is asked beside a slow one."""
    _logger.info(
        "%s at %s: no answer within %.2f s; %s at %s is asked, too",
        _about(call),
        url,
        after,
        to.model,
        to.base_url,
    )
    if call.hooks:
        tell(call.hooks, Hedged(call.id, url, after, to.base_url, to.model))


_HOW_IT_ENDED = {
    (False, "broken off"): "the %s answered; the other was broken off",
    (False, "failed"): "the %s answered; the other failed",
    (False, "answered"): "the %s answered, and the other at the same moment",
    (True, "failed"): "%s answered: both failed",
    (True, "broken off"): "%s answered: the call was left",
}


def hedge_ended(call: Call, won: str, url: str, lost: str, cost: Cost) -> None:
    """One of the two has answered, or neither."""
    _logger.info("%s: of two requests, %s", _about(call), _HOW_IT_ENDED[won == "neither", lost] % won)
    if call.hooks:
        tell(call.hooks, HedgeEnded(call.id, won, url, lost, cost))


def closed(call: Call, error: RouterError, seconds: float) -> None:
    """A target is passed over for a while."""
    _logger.info(
        "%s at %s: closed for %.0f s after %s",
        _about(call),
        call.target.base_url,
        seconds,
        type(error).__name__,
    )


def well_again(call: Call) -> None:
    """A target that was closed has answered."""
    _logger.info("%s at %s: well again", _about(call), call.target.base_url)


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
    name = request.path if isinstance(request, LookupRequest) else request.model
    return f"{name} (call {call.id})" if call.id else name
