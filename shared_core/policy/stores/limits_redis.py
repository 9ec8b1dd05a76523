"""Limits on a Redis server, for processes on many machines: one script, which the server runs as one step.

The clock is the server's, so that those of the machines need not agree.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from typing import Any

from shared_core.policy.stores.limits_shared import SEEN_LATELY, Busy, Entry, Mode, Told
from shared_core.policy.stores.opening import PREFIX
from shared_core.storage.redis import RedisServer

__all__ = ["RedisPlace"]

_SCRIPT = """
-- KEYS: who shares, then one for each limit. ARGV: mode, who, seconds that one is seen for, then for each limit
-- cost, depth, known, is_news.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local mode, kept_at, free_at, waits, blocked = ARGV[1], {}, {}, {}, false
redis.call('ZADD', KEYS[1], string.format('%.6f', now), ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', now - ARGV[3]))
redis.call('EXPIRE', KEYS[1], ARGV[3])

for i = 2, #KEYS do
  local cost, depth = tonumber(ARGV[4 * i - 4]), tonumber(ARGV[4 * i - 3])
  local known, is_news = tonumber(ARGV[4 * i - 2]), ARGV[4 * i - 1] == '1'
  local kept = redis.call('HMGET', KEYS[i], 'free_at', 'seen')
  local at = now + known
  if kept[1] then
    kept_at[i] = tonumber(kept[1])
    local told = tonumber(kept[1]) - math.max(0, tonumber(kept[2]) - now)  -- the clock has gone back
    at = is_news and math.max(at, told) or told
  end
  free_at[i] = at
  waits[i] = at + math.min(cost, depth) - depth - now
  blocked = blocked or (mode == 'take' and waits[i] > 1e-6)
end

local told = {blocked and 1 or 0, redis.call('ZCARD', KEYS[1])}
for i = 2, #KEYS do
  local cost, at = tonumber(ARGV[4 * i - 4]), free_at[i]
  if not blocked then
    if mode == 'close' then
      at = math.max(at, now + cost)
    else
      at = (cost > 0 and math.max(at, now) or at) + cost
    end
  end
  if at <= now then
    redis.call('DEL', KEYS[i])
  elseif at ~= kept_at[i] then
    redis.call('HSET', KEYS[i], 'free_at', string.format('%.6f', at), 'seen', string.format('%.6f', now))
    redis.call('PEXPIRE', KEYS[i], math.ceil((at - now) * 1000) + 1000)
  end
  told[#told + 1] = string.format('%.6f', math.max(0, waits[i]))
  told[#told + 1] = string.format('%.6f', at - now)
end
return told
"""


class RedisPlace:
    """A server.

    Args:
        server: Left alone for a while when it fails; never waited for long.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._who = uuid.uuid4().hex
        self._script: Any = None

    def ask(self, mode: Mode, entries: Sequence[Entry], *, wait: bool = True) -> Told | None:
        """See `Place`."""
        if not wait:
            raise Busy
        keys = [f"{PREFIX}limit-users", *(f"{PREFIX}limit:{entry.key}" for entry in entries)]
        arguments: list[str | float] = [mode, f"{self._who} {os.getpid()}", int(SEEN_LATELY)]
        for entry in entries:
            arguments += [entry.cost, entry.depth, entry.known, int(entry.is_news)]

        def run(client: Any) -> Any:
            if self._script is None:
                self._script = client.register_script(_SCRIPT)
            return self._script(keys=keys, args=arguments, client=client)

        told = self._server.ask(run)
        if told is None:
            return None
        blocked, sharers, *numbers = told
        waits, used = list(map(float, numbers[::2])), list(map(float, numbers[1::2]))
        return Told(waits if blocked else (), used, sharers)
