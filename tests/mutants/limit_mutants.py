"""Sabotages of limits and concurrency: one wrong line each, and the tests that should notice."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["LIMITS"]

_BUCKETS = ("tests/policy/test_policy_buckets.py",)
_RATE = ("tests/policy/rate_limit",)
_GATES = ("tests/policy/test_policy_concurrency.py",)
_FILES = ("tests/policy/test_policy_limit_files.py",)
_CLIENT = ("tests/client/test_client_limits.py",)

LIMITS = (
    Mutant(
        "A limit lets through its burst and one more",
        "shared_core/types/limits.py",
        "return extra if self.tokens else extra + 1",
        "return extra if self.tokens else extra + 2",
        _BUCKETS,
    ),
    Mutant(
        "What may be used at once comes on top of the limit",
        "shared_core/types/limits.py",
        "return PERIODS[self.per] / (self.amount - self._share)",
        "return PERIODS[self.per] / self.amount",
        _BUCKETS,
    ),
    Mutant(
        "A bucket that was idle saves up for more than it holds",
        "shared_core/policy/state/buckets.py",
        "free_at[key] = max(free_at.get(key, now), now) + cost",
        "free_at[key] = free_at.get(key, now) + cost",
        _BUCKETS,
    ),
    Mutant(
        "A call uses some of its limits although others have no room",
        "shared_core/policy/state/buckets.py",
        "                    return [self._wait(charge, now) for charge in charges]",
        "                    break",
        _BUCKETS,
    ),
    Mutant(
        "Without their place processes take the whole limit each",
        "shared_core/policy/stores/limits_shared.py",
        "share = 1 if self._sharers == 1 else self._sharers + 1",
        "share = 1",
        _BUCKETS,
    ),
    Mutant(
        "What was used alone is never told",
        "shared_core/policy/stores/limits_shared.py",
        "            self._news.update(charge.key for charge in charges)",
        "            pass",
        _BUCKETS,
    ),
    Mutant(
        "A waiter that gives up stays in the queue",
        "shared_core/policy/turnstile.py",
        "            line.leave(ticket, passed=through)",
        "            pass",
        _RATE,
    ),
    Mutant(
        "Whoever comes passes those who wait",
        "shared_core/policy/turnstile.py",
        "if not self.line.is_empty(charges):",
        "if False:",
        _RATE,
    ),
    Mutant(
        "A turn that comes too late is waited for",
        "shared_core/policy/turnstile.py",
        "if outlook.at > end or now >= end:",
        "if now >= end:",
        _RATE,
    ),
    Mutant(
        "A limit of one's own is a failure of the target",
        "shared_core/policy/watch.py",
        "if isinstance(error, LimitReached):  # nobody was asked",
        "if False:",
        _RATE,
    ),
    Mutant(
        "Waiting for a limit makes a target look slow",
        "shared_core/policy/rate_limit.py",
        "            call.progress.waited += waits.now() - started",
        "            call.progress.waited += 0.0",
        _RATE,
    ),
    Mutant(
        "What a provider asks for holds for one call alone",
        "shared_core/policy/rate_limit.py",
        "        if error.retry_after:",
        "        if False:",
        _RATE,
    ),
    Mutant(
        "A slot that is handed to a cancelled waiter is lost",
        "shared_core/policy/concurrency.py",
        "            gate.leave(slot, ending)",
        "            slot.latch is not None or gate.leave(slot, ending)",
        _GATES,
    ),
    Mutant(
        "Every refusal of one round takes slots away",
        "shared_core/policy/state/gates.py",
        'if ending == "too much" and slot.cuts == self._cuts:',
        'if ending == "too much":',
        _GATES,
    ),
    Mutant(
        "Looking things up is limited",
        "shared_core/policy/rate_limit.py",
        "        if isinstance(call.request, LookupRequest):",
        "        if call.request is None:",
        _RATE,
    ),
    Mutant(
        "A clock that begins anew keeps everybody waiting",
        "shared_core/policy/stores/limits_sqlite.py",
        "free_at = row[0] - max(0.0, row[1] - now)",
        "free_at = row[0]",
        _FILES,
    ),
    Mutant(
        "A job's downloads count as calls",
        "shared_core/client/base.py",
        "        return policies(max_retries=self.max_retries, patience=self._patience, locate=self._locate)",
        "        return self._policies",
        _CLIENT,
    ),
)
