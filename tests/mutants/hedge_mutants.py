"""Sabotages of races and hedged requests, each with the tests that should notice."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["HEDGE"]

_RACE = ("tests/flow/race",)
_POLICY = ("tests/policy/test_policy_hedge.py",)
_CLIENT = ("tests/client/test_client_hedge.py",)
_SOCKETS = ("tests/faults/test_hedge_faults.py",)

_CONTEST = "shared_core/flow/contest.py"
_ASYNC = "shared_core/flow/asynchronous.py"
_HEDGE = "shared_core/policy/hedge.py"
_FALLBACK = "shared_core/policy/fallback.py"

HEDGE = (
    Mutant(
        "Race in threads: the loser goes on",
        _CONTEST,
        "            each.run.interrupt()",
        "            each.run.interrupt",
        _RACE,
    ),
    Mutant(
        "Race in threads: who emits a moment later keeps its connection",
        _CONTEST,
        "            if over:\n                run.close()",
        "            if not over:\n                run.close()",
        _RACE,
    ),
    Mutant(
        "Race in threads: a failure ends it while the other can still win",
        _CONTEST,
        "            if failed == len(self._entrants):",
        "            if failed <= len(self._entrants):",
        _RACE,
    ),
    Mutant(
        "Race in threads: who was broken off has won",
        _CONTEST,
        "        if news is None or not news.has_told:  # it was broken off",
        "        if news is None:  # it was broken off",
        _RACE,
    ),
    Mutant(
        "Race in threads: a mistake of ours is taken for a failure",
        _CONTEST,
        "            if not isinstance(news.failure, RouterError):",
        "            if news.failure is None:",
        _RACE,
    ),
    Mutant(
        "Race in threads: children change the caller's context",
        _CONTEST,
        "contextvars.copy_context().run, self._compete, entrant",
        "contextvars.Context().run, self._compete, entrant",
        _RACE,
    ),
    Mutant(
        "Race in threads: a caller who was hung up on begins one",
        "shared_core/flow/blocking.py",
        "            if self._closed() or self._hung_up:\n                raise _ended_elsewhere()\n            winner",
        "            if self._closed():\n                raise _ended_elsewhere()\n            winner",
        _RACE,
    ),
    Mutant(
        "Race in threads: a hung-up caller waits for the decision",
        "shared_core/flow/blocking.py",
        "        if isinstance(crew := self._crew, Contest):",
        "        if not isinstance(crew := self._crew, Contest | None):",
        _RACE,
    ),
    Mutant(
        "Race in threads: the winner's response is nobody's",
        "shared_core/flow/blocking.py",
        "        self._waits, self._response = run._waits, run._response",
        "        self._waits = run._waits",
        _RACE,
    ),
    Mutant(
        "Race in tasks: the loser goes on",
        _ASYNC,
        "    running = [task for task in losers if task.cancel()]",
        "    running = [task for task in losers if not task.done()]",
        _RACE,
    ),
    Mutant(
        "Race in tasks: who emitted in the same turn keeps its connection",
        _ASYNC,
        "    await _close_all(losers)\n    if running:",
        "    if running:",
        _RACE,
    ),
    Mutant(
        "Race in tasks: the winner's response is nobody's",
        _ASYNC,
        "            self._response, run._response = run._response, None",
        "            run._response = None",
        _RACE,
    ),
    Mutant(
        "Race: a stream that is left at its first piece is not settled",
        "shared_core/flow/__init__.py",
        "        with closing(self.flow):",
        "        if self.flow:",
        _RACE,
    ),
    Mutant(
        "Hedge: a target is asked by both",
        _FALLBACK,
        "        return self._taken.setdefault(key, self) is self",
        "        return self._taken.setdefault(key, self) is not None",
        _POLICY,
    ),
    Mutant(
        "Hedge: a target that is closed stays taken",
        _FALLBACK,
        "                way.claims.leave(target.id)",
        "                way.claims.may_take(target.id)",
        _POLICY,
    ),
    Mutant(
        "Hedge: who waits for its turn here is called slow",
        _HEDGE,
        "        if self._first.call.progress.attempts == self._attempts:",
        "        if self._first.call.progress.attempts < self._attempts:",
        _POLICY,
    ),
    Mutant(
        "Hedge: every call may be made twice",
        _HEDGE,
        "        if not free or not policy.budget.take(_host(self._target)):",
        "        if not free:",
        _POLICY,
    ),
    Mutant(
        "Hedge: calls that went well pay for no other",
        _HEDGE,
        "                self._policy.budget.give_back(_host(self._target))",
        "                self._policy.budget.left(_host(self._target))",
        _POLICY,
    ),
    Mutant(
        "Hedge: the requests of one of the two are not counted",
        _HEDGE,
        "        progress.attempts = self._first.call.progress.attempts + other",
        "        progress.attempts = one.attempts",
        _POLICY,
    ),
    Mutant(
        "Hedge: a stream that was seen may be repeated",
        _HEDGE,
        "        progress.emitted, progress.first_token, progress.pieces = one.emitted, one.first_token, one.pieces",
        "        progress.first_token, progress.pieces = one.first_token, one.pieces",
        _POLICY,
    ),
    Mutant(
        "Hedge: what was given up as slow is forgotten",
        _HEDGE,
        "        if alone and self._policy.after is None:",
        "        if alone and self._policy.after is not None:",
        _POLICY,
    ),
    Mutant(
        "Hedge: of two answers one is paid",
        _HEDGE,
        "        cost = meta.cost if self._other_cost.usd is None else meta.cost.plus(self._other_cost)",
        "        cost = meta.cost",
        _POLICY,
    ),
    Mutant(
        "Hedge: the loser of a race may not continue what the winner began",
        _HEDGE,
        "        self._taken.clear()  # nobody is left to share the targets with",
        "        self._taken.copy()  # nobody is left to share the targets with",
        _SOCKETS,
    ),
    Mutant(
        "Hedge: both sides share one stopwatch, and hanging up on one ends the other",
        _HEDGE,
        "        self.call = replace(call, waits=call.waits.shared(), progress=progress)",
        "        self.call = replace(call, progress=progress)",
        _SOCKETS,
    ),
    Mutant(
        "Hedge: what is paid for each time is hedged",
        "shared_core/client/pipeline.py",
        "        *((_hedged(fallback, safeguards.hedge, costs) if whole else fallback,) if fallback else ()),",
        "        *((_hedged(fallback, safeguards.hedge, costs),) if fallback else ()),",
        _CLIENT,
    ),
    Mutant(
        "Hedge: a list of texts does not say what was broken off",
        "shared_core/client/embedding.py",
        "        if besides := call.progress.besides:",
        "        if besides := call.progress.provider:",
        _CLIENT,
    ),
)
