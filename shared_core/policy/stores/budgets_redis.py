"""Budgets on a Redis server, for many machines. One script for each step, so that nothing comes between.

Holds lapse by the server's own clock. What was told twice, because the answer to the first time was lost, counts
once: each settlement leaves a mark for a while. All keys are in one slot, so that a cluster will do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from shared_core.policy.state.holds import Account, Hold, Posting, Verdict
from shared_core.policy.stores.budgets_shared import Busy, Known, Unreachable
from shared_core.policy.stores.opening import PREFIX
from shared_core.policy.stores.settlements import Settlement
from shared_core.storage.redis import RedisServer

__all__ = ["BudgetServer"]

T = TypeVar("T")

_ROOM = PREFIX + "{budgets}:"
_MARK_MS = 3_600_000  # for how long a settlement is remembered
_LONGEST_MS = 400 * 86_400_000  # an account that is kept for longer is kept for ever

_RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, lapses = ARGV[1], string.format('%.0f', now + ARGV[2])
local sums, short, held = {}, -1, 0
for i = 1, #KEYS / 2 do
  local account, holds, at = KEYS[2 * i - 1], KEYS[2 * i], 6 * i - 3
  local spent = tonumber(redis.call('HGET', account, 'spent') or '0')
  local granted = tonumber(redis.call('HGET', account, 'granted') or '0')
  if spent < tonumber(ARGV[at + 3]) or spent == 0 then
    redis.call('HSET', account, 'spent', ARGV[at + 3]) spent = tonumber(ARGV[at + 3])
  end
  if granted < tonumber(ARGV[at + 4]) then
    redis.call('HSET', account, 'granted', ARGV[at + 4]) granted = tonumber(ARGV[at + 4])
  end
  if ARGV[at + 5] ~= '0' then redis.call('PEXPIRE', account, ARGV[at + 5]) end
  sums[2 * i - 1], sums[2 * i] = spent, granted
  if short < 0 and ARGV[at + 2] == '1' then
    local reserved, all = 0, redis.call('HGETALL', holds)
    for j = 1, #all, 2 do
      local amount, until_ = string.match(all[j + 1], '^(%d+):(%d+)$')
      if tonumber(until_) < now - 86400000 then redis.call('HDEL', holds, all[j])
      elseif tonumber(until_) > now and all[j] ~= id then reserved = reserved + amount end
    end
    if tonumber(ARGV[at]) > ARGV[at + 1] + granted - spent - reserved then short, held = i - 1, reserved end
  end
end
if short < 0 then
  for i = 1, #KEYS / 2 do
    redis.call('HSET', KEYS[2 * i], id, ARGV[6 * i - 3] .. ':' .. lapses)
    if ARGV[6 * i + 2] ~= '0' then redis.call('PEXPIRE', KEYS[2 * i], ARGV[6 * i + 2]) end
  end
end
return {short, held, sums}
"""

_SETTLE = """
local key, at, results = 1, 1, {}
while key <= #KEYS do
  local mark, id, lines, charged = KEYS[key], ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2] == '1'
  local fresh = redis.call('SET', mark, 1, 'NX', 'PX', ARGV[at + 3])
  local postings = {}
  key, at = key + 1, at + 4
  for i = 1, lines do
    local account, holds = KEYS[key], KEYS[key + 1]
    if fresh then
      redis.call('HDEL', holds, id)
      if charged then
        local spent = redis.call('HINCRBY', account, 'spent', ARGV[at])
        redis.call('HINCRBY', account, 'unconfirmed', ARGV[at + 1])
        if ARGV[at + 2] ~= '0' then redis.call('PEXPIRE', account, ARGV[at + 2]) end
        local granted = tonumber(redis.call('HGET', account, 'granted') or '0')
        postings[i] = {spent - ARGV[at], spent, granted}
      end
    end
    key, at = key + 2, at + 3
  end
  results[#results + 1] = postings
end
return results
"""

_GRANT = """
local spent = tonumber(redis.call('HGET', KEYS[2], 'spent') or '0')
local granted = tonumber(redis.call('HGET', KEYS[2], 'granted') or '0')
if spent < tonumber(ARGV[2]) then redis.call('HSET', KEYS[2], 'spent', ARGV[2]) end
if granted < tonumber(ARGV[3]) then redis.call('HSET', KEYS[2], 'granted', ARGV[3]) end
if redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[5]) then redis.call('HINCRBY', KEYS[2], 'granted', ARGV[1]) end
redis.call('HINCRBY', KEYS[2], 'spent', 0)
if ARGV[4] ~= '0' then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
return {tonumber(redis.call('HGET', KEYS[2], 'spent')), tonumber(redis.call('HGET', KEYS[2], 'granted'))}
"""


class BudgetServer:
    """A `Place` on a server. It takes a round trip, for which an event loop does not wait.

    Args:
        server: The connection.
    """

    at_once = False

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        register = server.client.register_script
        self._reserving, self._settling, self._granting = map(register, (_RESERVE, _SETTLE, _GRANT))

    @property
    def is_away(self) -> bool:
        """Whether the last failure was a moment ago, so that nothing is asked."""
        return self._server.is_away

    def reserve(
        self, hold: Hold, known: Sequence[Known], first: Sequence[Settlement], *, wait: bool
    ) -> tuple[Verdict, list[Known], list[list[Posting]]]:
        """Settles what is to be settled first, and sets all lines aside, or none."""
        results = self.settle(first, wait=wait) if first else []
        keys, words = [], [hold.id, int(hold.seconds * 1000)]
        for line, (spent, granted) in zip(hold.lines, known, strict=True):
            keys += [_account(line.account), _holds(line.account)]
            words += [
                line.amount,
                line.limit,
                int(line.hard),
                spent,
                granted,
                _ms(line.keep_until - hold.since),
            ]
        short, reserved, sums = self._ask(lambda _: self._reserving(keys, words), wait=wait)
        found = [Known(*pair) for pair in zip(sums[::2], sums[1::2], strict=True)]
        if short < 0:
            return Verdict(), found, results
        return Verdict(short, found[short].spent, reserved, found[short].granted), found, results

    def settle(self, settlements: Sequence[Settlement], *, wait: bool) -> list[list[Posting]]:
        """Posts them all, each once."""
        keys: list[str] = []
        words: list[Any] = []
        for hold, charges in settlements:
            keys.append(f"{_ROOM}m:{hold.id}")
            words += [hold.id, len(hold.lines), int(bool(charges)), _MARK_MS]
            for place, line in enumerate(hold.lines):
                amount, unconfirmed = charges[place] if charges else (0, 0)
                keys += [_account(line.account), _holds(line.account)]
                words += [amount, unconfirmed, _ms(line.keep_until - hold.since)]
        results = self._ask(lambda _: self._settling(keys, words), wait=wait)
        return [[Posting(place, *sums) for place, sums in enumerate(each)] for each in results]

    def grant(self, account: str, amount: int, known: Known, keep_until: float, now: float) -> Known:
        """Adds to what may be spent."""
        keys = [f"{_ROOM}m:{random.getrandbits(96):024x}", _account(account)]
        words = [amount, *known, _ms(keep_until - now), _MARK_MS]
        return Known(*self._ask(lambda _: self._granting(keys, words), wait=True))

    def accounts(self, start: str, end: str, now: float) -> list[Account]:  # noqa: ARG002  # its own clock
        """Those whose keys begin and end so."""

        def work(client: Any) -> list[Account]:
            seconds, micros = client.time()
            at = seconds * 1000 + micros // 1000
            found = []
            for key in client.scan_iter(match=f"{_account(start)}*{end}", count=1000):
                account = key.decode().removeprefix(_account(""))
                spent, unconfirmed, granted = (
                    int(word or 0) for word in client.hmget(key, "spent", "unconfirmed", "granted")
                )
                holds = [word.decode().split(":") for word in client.hvals(_holds(account))]
                reserved = sum(int(amount) for amount, lapses in holds if int(lapses) > at)
                found.append(Account(account, spent, reserved, unconfirmed, granted))
            return found

        return self._ask(work, wait=True)

    def tidy(self, now: float) -> None:
        """The server does that itself."""

    def _ask(self, work: Callable[[Any], T], *, wait: bool) -> T:
        if not wait:
            raise Busy
        answer = self._server.ask(work)
        if answer is None:
            raise Unreachable
        return answer


def _account(key: str) -> str:
    return f"{_ROOM}a:{key}"


def _holds(key: str) -> str:
    return f"{_ROOM}h:{key}"


def _ms(seconds: float) -> int:
    """Milliseconds to keep something; 0 for ever."""
    ms = int(seconds * 1000)
    return ms if 0 < ms < _LONGEST_MS else 0
