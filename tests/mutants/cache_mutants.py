"""Sabotages of what is remembered and shared: answers, their keys, their places, and identical calls."""

from __future__ import annotations

from mutant import Mutant

__all__ = ["CACHES"]

_CHATS = "shared_core/cache/chats.py"
_FORM = "shared_core/cache/chat_form.py"
_MEMORY = "shared_core/cache/memory.py"
_SQLITE = "shared_core/cache/sqlite.py"
_REDIS = "shared_core/cache/redis.py"
_POLICY = "shared_core/policy/cache.py"
_FLIGHT = "shared_core/policy/single_flight.py"

_KEYS = ("tests/cache/test_chat_cache.py",)
_CALLS = ("tests/client/test_chat_cache_calls.py",)
_STEPS = ("tests/policy/test_policy_single_flight.py",)
_AGES = ("tests/cache/test_cache_ages.py",)

CACHES = (
    Mutant(
        "Chat cache: two accounts share answers",
        _CHATS,
        "blake2b(token.reveal().encode(), digest_size=16)",
        'blake2b(b"", digest_size=16)',
        _KEYS,
    ),
    Mutant(
        "Chat cache: the account of the call before is taken for this one's",
        _CHATS,
        "known[0] is target and known[1] is token",
        "known[0].base_url == target.base_url",
        _KEYS,
    ),
    Mutant(
        "Chat cache: who pays does not matter",
        _CHATS,
        "target.base_url, target.bill_to, headers,",
        "target.base_url, headers,",
        _KEYS,
    ),
    Mutant(
        "Chat cache: headers do not matter",
        _CHATS,
        "target.bill_to, headers, reasoning_tags]",
        "target.bill_to, reasoning_tags]",
        _KEYS,
    ),
    Mutant(
        "Chat cache: what is added to the body does not matter",
        _CHATS,
        "            body |= request.extra_body",
        "            body.copy()",
        _KEYS,
    ),
    Mutant(
        "Chat cache: a call without a temperature is remembered",
        _CHATS,
        'request.params.get("temperature")',
        'request.params.get("temperature", 0)',
        _KEYS,
    ),
    Mutant(
        "Chat cache: the temperature in extra_body is overlooked",
        _CHATS,
        'extra["temperature"] if "temperature" in extra else ',
        "",
        _KEYS,
    ),
    Mutant(
        "Chat cache: an answer that a filter stopped is remembered",
        _CHATS,
        'frozenset({"stop", "length", "tool_calls"})',
        'frozenset({"stop", "length", "tool_calls", "content_filter"})',
        _KEYS,
    ),
    Mutant(
        "Chat cache: a refusal is remembered",
        _CHATS,
        " and not choice.refusal and ",
        " and ",
        _KEYS,
    ),
    Mutant(
        "Chat cache: an empty answer is remembered",
        _CHATS,
        " and (choice.text or choice.tool_calls)",
        "",
        _KEYS,
    ),
    Mutant(
        "Chat cache: a form of another version is read",
        _FORM,
        'if form["v"] != _VERSION:',
        'if not form["v"]:',
        _KEYS,
    ),
    Mutant(
        "Chat cache: what a text should be may be anything",
        _FORM,
        "    if not isinstance(value, kind):",
        "    if not isinstance(value, object):",
        ("tests/properties/test_chat_cache_properties.py",),
    ),
    Mutant(
        "Chat cache: a remembered answer costs what it cost",
        _FORM,
        "                cost=REMEMBERED,",
        "                cost=Cost(),",
        _KEYS,
    ),
    Mutant(
        "Chat cache: an answer of another target is remembered",
        _POLICY,
        "        if is_own(call):",
        "        if call:",
        _CALLS,
    ),
    Mutant(
        "Chat cache: a call that asks anew is answered from memory",
        _POLICY,
        "or not call.cache or",
        "or",
        _CALLS,
    ),
    Mutant(
        "Chat cache: with hooks, a call that asks anew is answered from memory",
        "shared_core/policy/record.py",
        "        call.cache,\n",
        "        True,\n",
        _CALLS,
    ),
    Mutant(
        "Chat cache: a remembered stream shows no reasoning",
        _POLICY,
        "        if choice.reasoning:",
        "        if not choice.reasoning:",
        _CALLS,
    ),
    Mutant(
        "Chat cache: a remembered stream ends without its usage",
        _POLICY,
        "    if reply.usage is not None:",
        "    if reply.usage is None:",
        _CALLS,
    ),
    Mutant(
        "Single flight: followers get the leader's own objects",
        _POLICY,
        "replace(copy.deepcopy(reply), meta=meta)",
        "replace(reply, meta=meta)",
        ("tests/client/test_single_flight_calls.py",),
    ),
    Mutant(
        "Single flight: followers pay again",
        _POLICY,
        "        cost=reply.meta.cost if reply.meta.cached else SHARED,",
        "        cost=reply.meta.cost,",
        ("tests/client/test_single_flight_calls.py",),
    ),
    Mutant(
        "Single flight: a stream is waited for",
        _POLICY,
        "        if request.stream:\n            return cast",
        "        if not request:\n            return cast",
        ("tests/client/test_single_flight_calls.py",),
    ),
    Mutant(
        "Single flight: a leader that goes is waited for",
        _FLIGHT,
        "                FLIGHTS.land(key, flight)",
        "                flight.latch",
        _STEPS,
    ),
    Mutant(
        "Single flight: any error is everybody's",
        _FLIGHT,
        "return isinstance(error, BadRequest | InputTooLong | Refused) and not error.reactions",
        "return True",
        _STEPS,
    ),
    Mutant(
        "Single flight: no error is everybody's",
        _FLIGHT,
        "return isinstance(error, BadRequest | InputTooLong | Refused) and not error.reactions",
        "return False",
        _STEPS,
    ),
    Mutant(
        "Single flight: one error object for all",
        _FLIGHT,
        "            raise copy.copy(flight.verdict)",
        "            raise flight.verdict",
        _STEPS,
    ),
    Mutant(
        "Single flight: another target's answer is handed on",
        _FLIGHT,
        "                if is_own(call):",
        "                if call:",
        _STEPS,
    ),
    Mutant(
        "Single flight: another target's verdict is handed on",
        _FLIGHT,
        "if _is_verdict(error) and is_own(call):",
        "if _is_verdict(error):",
        _STEPS,
    ),
    Mutant(
        "Single flight: a follower waits beyond its own time",
        _FLIGHT,
        "wait(flight.latch, call.waits.until_deadline())",
        "wait(flight.latch, 3600)",
        _STEPS,
    ),
    Mutant(
        "Single flight: waiting for leaders never ends",
        _FLIGHT,
        "_MOST_LEADERS = 2",
        "_MOST_LEADERS = 200",
        _STEPS,
    ),
    Mutant(
        "Single flight: a blocking call waits for the task that it holds up",
        "shared_core/flow/blocking.py",
        "        if latch.opener == threading.get_ident():",
        "        if latch.opener == -1:",
        ("tests/client/test_single_flight_calls.py",),
    ),
    Mutant(
        "Shared batches: one account waits for what another one pays for",
        "shared_core/client/embed_flight.py",
        "place = [token.reveal(), target.base_url,",
        "place = [target.base_url,",
        ("tests/client/test_single_flight_calls.py",),
    ),
    Mutant(
        "Shared batches: who shared a batch pays for it again",
        "shared_core/client/embedding.py",
        "        if embedded.shared:",
        "        if not embedded:",
        ("tests/client/test_single_flight_calls.py",),
    ),
    Mutant(
        "Memory: asking for an entry does not keep it",
        _MEMORY,
        "        self._entries.move_to_end(key)",
        "        self._entries.get(key)",
        ("tests/cache/test_memory_cache.py",),
    ),
    Mutant(
        "Memory: an entry lives for ever",
        _MEMORY,
        "now - since >= self.ttl:",
        "now - since >= 1e9:",
        ("tests/cache/test_memory_cache.py",),
    ),
    Mutant(
        "Memory: a value that is replaced is counted on",
        _MEMORY,
        "            for key, value in items:\n                self._drop(key)",
        "            for key, value in items:\n                self._entries.pop(key, None)",
        ("tests/cache/test_memory_cache.py",),
    ),
    Mutant(
        "File: an entry lives for ever",
        _SQLITE,
        'young = "" if self.ttl is None else " AND used > ? AND used < ?"',
        'young = "" if self.ttl is None else " AND used > ? - 9e15 AND used < ?"',
        _AGES,
    ),
    Mutant(
        "File: what a wrong clock wrote lives for ever",
        _SQLITE,
        'young = "" if self.ttl is None else " AND used > ? AND used < ?"',
        'young = "" if self.ttl is None else " AND used > ? AND used < ? + 9e15"',
        _AGES,
    ),
    Mutant(
        "File: what is too old stays in it",
        _SQLITE,
        '"DELETE FROM vectors WHERE used <= ? OR used >= ?"',
        '"DELETE FROM vectors WHERE used <= ? AND used >= ?"',
        _AGES,
    ),
    Mutant(
        "Redis: clearing takes stars for themselves",
        _REDIS,
        "pattern = re.sub(",
        "pattern = self._prefix + prefix + b'*' or re.sub(",
        ("tests/cache/test_cache_redis.py",),
    ),
    Mutant(
        "LangChain: namespaces share answers",
        "langchain_hfrouter/llm_cache.py",
        'blake2b(namespace.encode("utf-8", "surrogatepass"), digest_size=16)',
        'blake2b(b"", digest_size=16)',
        ("tests/langchain/test_lc_llm_cache.py",),
    ),
    Mutant(
        "LangChain: a remembered answer costs what it cost",
        "langchain_hfrouter/llm_cache.py",
        '        message.response_metadata["cost"] = REMEMBERED.as_dict()',
        "        REMEMBERED.as_dict()",
        ("tests/langchain/test_lc_llm_cache.py",),
    ),
    Mutant(
        "Redis store: a server that is away is an empty one",
        "shared_core/cache/redis_store.py",
        "return self._server.require(lambda client: list(client.hmget(self._hash(collection), names)))",
        "return self._server.ask(lambda client: list(client.hmget(self._hash(collection), names))) or [None]",
        ("tests/cache/test_redis_store.py",),
    ),
)
