"""The table of sabotages: one wrong line each, and the tests that should notice.

Lives here: the sabotages of the core, and the whole table. Not here: those of the adapters, of embedding, caches,
cases, races, limits, budgets, the ledger, media, settings, endpoints and what is observed (files named `*_mutants`),
how it is run (`run`), and that the table keeps up with the code (`test_mutants_table`).

A row names a mistake that somebody could make: a check left out, a branch too few, a value told twice. `tests` are
chosen as narrowly as keeps the whole run to a few minutes; more tests than these would notice.
"""

from __future__ import annotations

from adapter_mutants import LANGCHAIN, LLAMA_INDEX
from cache_mutants import CACHES
from case_mutants import CASES
from classic_mutants import CLASSIC
from compare_mutants import COMPARISONS
from embedding_comparison_mutants import EMBEDDINGS_COMPARED
from endpoint_mutants import ENDPOINTS
from hedge_mutants import HEDGE
from ledger_mutants import LEDGER
from limit_mutants import LIMITS
from media_mutants import MEDIA
from mutant import Mutant
from observing_mutants import OBSERVING
from settings_mutants import BATCHES, SETTINGS
from vector_mutants import VECTORS

__all__ = ["MUTANTS"]

_SECRETS = (
    Mutant(
        "A key shows its token in repr",
        "shared_core/types/secret.py",
        'return f"ApiKey({self.source})"',
        'return f"ApiKey({self._value})"',
        ("tests/types/test_types_values.py",),
    ),
    Mutant(
        "An explicit token travels in a pickle",
        "shared_core/types/secret.py",
        "return _travelled, (self.source,)",
        "return ApiKey, (self._value,)",
        ("tests/types/test_types_values.py",),
    ),
    Mutant(
        "The ambient token goes to any host",
        "shared_core/client/exchange.py",
        "if not is_hugging_face(call.target.base_url):",
        "if not call.target.base_url:",
        ("tests/client/test_client_tokens.py",),
    ),
    Mutant(
        "The ambient token goes over plain http",
        "shared_core/routing/plan.py",
        'return parts.scheme == "https" and any(',
        'return parts.scheme != "" and any(',
        ("tests/client/test_client_tokens.py",),
    ),
    Mutant(
        "What looks like a token is left in a provider's message",
        "shared_core/wire/redact.py",
        'return _TOKEN.sub("***", text)',
        "return text",
        ("tests/wire/test_wire_redact.py",),
    ),
    Mutant(
        "A provider that quotes the call's own key is quoted in full",
        "shared_core/policy/report.py",
        'redact_error(error, key.reveal() if key.source == "argument" else "")',
        "redact_error(error)",
        (
            "tests/canary/test_canary_core.py::test_a_provider_that_quotes_the_key_it_was_sent_is_not_quoted_in_turn",
        ),
    ),
    Mutant(
        "Headers that are secrets travel in a pickle of the client",
        "shared_core/client/settling.py",
        "for k, v in client._headers.items() if k not in SECRET_HEADERS}",
        "for k, v in client._headers.items()}",
        ("tests/client/test_client_tokens.py",),
    ),
    Mutant(
        "A network error carries the library's exception and its frames along",
        "shared_core/transport/blocking.py",
        "            failure = failure_of(error, request, waits)\n            if failure is None:",
        "            raise failure_of(error, request, waits) or error\n            if failure is None:",
        ("tests/mutants/test_transport_gaps.py",),
    ),
    Mutant(
        "The headers with the token stay among the local variables of a failed call",
        "shared_core/transport/aiohttp.py",
        "            headers.clear()",
        "            headers.copy()",
        (
            "tests/canary/test_canary_core.py"
            "::test_a_failure_does_not_tell_the_token_even_to_tools_that_print_local_variables",
        ),
    ),
)

_POLICY = (
    Mutant(
        "Nothing is retried",
        "shared_core/client/pipeline.py",
        "*((Retry(attempts=max_retries + 1, only_unsent=paid, health=health),) if max_retries else ()),",
        "*((Retry(attempts=1),) if max_retries else ()),",
        ("tests/faults/test_fault_table.py::test_a_fault_that_passes_costs_one_more_request",),
    ),
    Mutant(
        "An answer that was half shown is asked for again",
        "shared_core/policy/retry.py",
        "if wait is None or call.progress.emitted or wait >=",
        "if wait is None or wait >=",
        ("tests/policy",),
    ),
    Mutant(
        "A retry waits past the deadline",
        "shared_core/policy/retry.py",
        "call.progress.emitted or wait >= call.waits.until_deadline():",
        "call.progress.emitted:",
        ("tests/policy",),
    ),
    Mutant(
        "Every error is retried, also one that cannot help",
        "shared_core/policy/retry.py",
        'if attempt >= self.attempts or "retry" not in error.reactions:',
        "if attempt >= self.attempts:",
        ("tests/policy",),
    ),
    Mutant(
        "The service's own retry_after is ignored",
        "shared_core/policy/retry.py",
        "if error.retry_after is not None:",
        "if error.retry_after == -1:",
        ("tests/policy",),
    ),
    Mutant(
        "Retries come without jitter",
        "shared_core/policy/retry.py",
        "return self.jitter() * min(",
        "return min(",
        ("tests/policy",),
    ),
    Mutant(
        "The pipeline is inside out, so that waiting for a model renews the retries",
        "shared_core/client/pipeline.py",
        "for policy in reversed(stack):",
        "for policy in stack:",
        ("tests/mutants/test_client_gaps.py",),
    ),
    Mutant(
        "A model that loads is waited for longer than asked",
        "shared_core/policy/wait_for_model.py",
        "left = min(give_up_at - call.waits.now(), call.waits.until_deadline())",
        "left = call.waits.until_deadline()",
        ("tests/policy",),
    ),
)

_FLOW = (
    Mutant(
        "The blocking driver keeps the connection of a flow that failed",
        "shared_core/flow/blocking.py",
        "        except BaseException:\n            self._end()",
        "        except BaseException:\n            self.done = True",
        ("tests/flow",),
    ),
    Mutant(
        "A thread that reads a stream is not woken when another closes it",
        "shared_core/flow/blocking.py",
        "        if self._busy:\n            self.hang_up()\n        self._end()",
        "        if False:\n            self.hang_up()\n        self._end()",
        ("tests/client/test_stream_readers.py::test_a_stream_closed_by_another_thread_just_ends",),
    ),
    Mutant(
        "With nobody left, a call does not wait for the probe of another",
        "shared_core/policy/fallback.py",
        "        way.waited += pause\n        return pause",
        "        way.waited += pause\n        return 0.0",
        ("tests/policy/test_policy_fallback.py",),
    ),
    Mutant(
        "The async driver keeps the connection when its task is cancelled",
        "shared_core/flow/asynchronous.py",
        "        except BaseException:\n            await self.close()",
        "        except Exception:\n            await self.close()",
        ("tests/flow",),
    ),
    Mutant(
        "A flow's finally does not run when the caller leaves",
        "shared_core/flow/blocking.py",
        "            self._flow.close()",
        "            pass",
        ("tests/flow",),
    ),
    Mutant(
        "The reply before a second try stays open",
        "shared_core/flow/blocking.py",
        "                self._release()\n                self._waits",
        "                self._waits",
        ("tests/flow",),
    ),
    Mutant(
        "A failure lets the flows beside it go on",
        "shared_core/flow/crew.py",
        "            run.interrupt()",
        "            assert run",
        ("tests/flow/test_flow_gather.py",),
    ),
)

_WIRE = (
    Mutant(
        "A stream tells its usage in the chunk and again at the end",
        "shared_core/wire/chat_stream.py",
        "self._usage = parse_usage(chunk) or self._usage",
        "self._usage = parse_usage(chunk) or self._usage; deltas.append(ChatDelta(usage=self._usage))",
        ("tests/wire/test_wire_chat_stream.py",),
    ),
    Mutant(
        "Of cumulative usage the first count is kept",
        "shared_core/wire/chat_stream.py",
        "self._usage = parse_usage(chunk) or self._usage",
        "self._usage = self._usage or parse_usage(chunk)",
        ("tests/wire/test_wire_chat_stream.py",),
    ),
    Mutant(
        "The end of a stream is not checked",
        "shared_core/wire/chat_stream.py",
        "self.failure = self._incomplete()",
        "self.failure = None",
        ("tests/wire/test_wire_chat_stream_broken.py",),
    ),
    Mutant(
        "An error inside a stream is passed over",
        "shared_core/wire/chat_stream.py",
        "            raise classify_body(chunk)",
        "            return",
        ("tests/wire/test_wire_chat_stream_broken.py",),
    ),
    Mutant(
        "A lone CR ends no line",
        "shared_core/wire/sse.py",
        r'.replace(b"\r\n", b"\n").replace(b"\r", b"\n")',
        r'.replace(b"\r\n", b"\n")',
        ("tests/wire/test_wire_sse.py",),
    ),
    Mutant(
        "An unterminated last event is dropped",
        "shared_core/wire/sse.py",
        "return self._parse(rest) if rest else []",
        "return []",
        ("tests/wire/test_wire_sse.py",),
    ),
    Mutant(
        "The model is not the body's first key",
        "shared_core/wire/chat.py",
        '{"model": request.model, "messages": request.messages, **request.params}',
        '{"messages": request.messages, "model": request.model, **request.params}',
        ("tests/wire/test_wire_chat_encode.py",),
    ),
    Mutant(
        "A tool result for a call that nobody made is sent",
        "shared_core/wire/chat.py",
        'elif role == "tool" and not _is_one_of(message.get("tool_call_id"), called):',
        'elif role == "tool" and not called:',
        ("tests/wire/test_wire_chat_encode.py",),
    ),
    Mutant(
        "A provider's own finish reason is handed on",
        "shared_core/wire/chat.py",
        "reason = _FINISH.get(value, value)",
        "reason = value",
        ("tests/wire/test_wire_chat_replies.py",),
    ),
    Mutant(
        "NaN is sent as JSON",
        "shared_core/wire/json.py",
        "allow_nan=False",
        "allow_nan=True",
        ("tests/wire/test_wire_json.py",),
    ),
    Mutant(
        "Every piece of a tool call repeats its name",
        "shared_core/wire/tool_calls.py",
        "return ToolCallDelta(position, arguments=arguments)",
        "return ToolCallDelta(position, call.sent_id, call.name, arguments)",
        ("tests/wire/test_wire_tool_calls.py",),
    ),
    Mutant(
        "A missing id of a tool call stays missing",
        "shared_core/wire/tool_calls.py",
        'call.sent_id = call.id or f"call_{uuid.uuid4().hex[:24]}"',
        "call.sent_id = call.id",
        ("tests/wire/test_wire_tool_calls.py",),
    ),
    Mutant(
        "A provider's indices that begin at 1 come out as they are",
        "shared_core/wire/tool_calls.py",
        "return ToolCallDelta(position, call.sent_id, name,",
        'return ToolCallDelta(piece.get("index") or position, call.sent_id, name,',
        ("tests/wire/test_wire_tool_calls.py",),
    ),
    Mutant(
        "Arguments sent as an object become Python's text, not JSON",
        "shared_core/wire/tool_calls.py",
        "else json.dumps(arguments, ensure_ascii=False)",
        "else str(arguments)",
        ("tests/wire/test_wire_tool_calls.py",),
    ),
    Mutant(
        "A closing think tag that is cut in two is not seen",
        "shared_core/wire/reasoning.py",
        "keep = _overlap(self._pending, _CLOSE)",
        "keep = 0",
        ("tests/wire/test_wire_reasoning.py",),
    ),
    Mutant(
        "The row for 402 is missing from the error table",
        "shared_core/wire/errors.py",
        "    Rule(errors.PaymentRequired, status=_on(402)),\n",
        "",
        ("tests/wire/test_wire_error_table.py",),
    ),
    Mutant(
        "A Retry-After that is a date is not understood",
        "shared_core/wire/retry_after.py",
        "return None if at is None else max(0.0, at - now)",
        "return None",
        ("tests/wire/test_wire_retry_after.py",),
    ),
)

_TRANSPORT = (
    Mutant(
        "Keep-alives count as content, so that the gap never ends",
        "shared_core/client/exchange.py",
        "                    waits.renewed = True",
        "                waits.renewed = True",
        ("tests/faults/test_time_limits.py::test_a_stream_that_stands_still_is_interrupted",),
    ),
    Mutant(
        "A wait on the socket knows the deadline alone",
        "shared_core/transport/backend.py",
        "timeout = _left(timeout, httpcore2.ReadTimeout)",
        "timeout = timeout.until_deadline()",
        ("tests/faults/test_time_limits.py::test_a_stream_that_stands_still_is_interrupted",),
    ),
    Mutant(
        "A name look-up stands outside the time limits",
        "shared_core/transport/backend.py",
        "thread.join(_left(waits, httpcore2.ConnectTimeout))",
        "thread.join()",
        ("tests/faults/test_time_limits.py::test_a_look_up_that_takes_long_ends_at_the_connect_limit",),
    ),
    Mutant(
        "Reading stops at the end mark, and each stream costs a connection",
        "shared_core/client/exchange.py",
        "            yield from drain(response)",
        "            yield from ()",
        ("tests/faults/test_connections.py::test_300_streams_one_after_another_use_one_connection",),
    ),
    Mutant(
        "A connection is closed after each answer",
        "shared_core/transport/blocking.py",
        "self._transport.give_back(self._shelf, lane)",
        "lane.close()",
        ("tests/faults/test_connections.py::test_a_connection_serves_again_after_an_error",),
    ),
    Mutant(
        "Two event loops share their connections",
        "shared_core/transport/per_loop.py",
        "entry = self._values.get(loop)",
        "entry = next(iter(self._values.values()), None)",
        ("tests/faults/test_connections.py::test_f37_one_client_works_in_two_event_loops_at_once",),
    ),
    Mutant(
        "A fork goes on with its parent's connections",
        "shared_core/transport/blocking.py",
        "        transport.forget()",
        "        transport.send",
        (
            "tests/faults/test_connections.py"
            "::test_f38_a_fork_opens_its_own_connection_and_leaves_the_parents_alone",
        ),
    ),
    Mutant(
        "An injected client follows redirects with the token",
        "shared_core/transport/injected.py",
        "waits), stream=True, follow_redirects=False\n            )\n            return InjectedResponse",
        "waits), stream=True, follow_redirects=True\n            )\n            return InjectedResponse",
        ("tests/client/test_client_tokens.py",),
    ),
    Mutant(
        "An injected client of threads may answer for ever, a little at a time",
        "shared_core/transport/injected.py",
        "        _check(self._waits)\n",
        "",
        ("tests/mutants/test_transport_gaps.py",),
    ),
    Mutant(
        "An injected client of event loops may answer for ever",
        "shared_core/transport/injected.py",
        "async with asyncio.timeout(self._waits.left()):",
        "async with asyncio.timeout(None):",
        ("tests/mutants/test_transport_gaps.py",),
    ),
    Mutant(
        "Idle connections are never closed",
        "shared_core/transport/lanes.py",
        " or now - idle[0][0] > KEEP_SECONDS",
        "",
        ("tests/mutants/test_transport_gaps.py",),
    ),
    Mutant(
        "A small compressed body is inflated in one go, however large it becomes",
        "shared_core/transport/decode.py",
        "decompress(self._waiting + data, _PIECE)",
        "decompress(self._waiting + data)",
        ("tests/mutants/test_transport_gaps.py",),
    ),
)

_CLIENT = (
    Mutant(
        "A parameter that is None is sent as null",
        "shared_core/client/checks.py",
        "return {name: value for name, value in params.items() if value is not None}",
        "return {name: value for name, value in params.items()}",
        ("tests/client/test_client_calls.py::test_every_parameter_and_header_of_a_call_reaches_the_server",),
    ),
    Mutant(
        "A parameter that nobody knows is sent without a word",
        "shared_core/client/checks.py",
        "    if unknown:\n",
        "    if len(unknown) > 9:\n",
        ("tests/client/test_client_input.py::test_a_call_that_cannot_work_is_refused_before_the_wire",),
    ),
    Mutant(
        "A catalogue grown stale is not served when the service is down",
        "shared_core/client/catalogue_calls.py",
        "if stale is not None and not refresh:",
        "if stale is not None and refresh:",
        ("tests/client/test_client_catalogue.py",),
    ),
    Mutant(
        "An error in a reply with status 200 is taken for an answer",
        "shared_core/client/exchange.py",
        'if raw.get("error") or raw.get("object") == "error":',
        'if raw.get("object") == "error":',
        ("tests/faults/test_fault_table.py::test_a_fault_that_stays_is_told_as_what_it_is",),
    ),
)

MUTANTS = (
    *_SECRETS,
    *_POLICY,
    *_FLOW,
    *_WIRE,
    *_TRANSPORT,
    *_CLIENT,
    *OBSERVING,
    *CLASSIC,
    *LIMITS,
    *ENDPOINTS,
    *HEDGE,
    *MEDIA,
    *LEDGER,
    *VECTORS,
    *EMBEDDINGS_COMPARED,
    *CACHES,
    *CASES,
    *SETTINGS,
    *BATCHES,
    *COMPARISONS,
    *LANGCHAIN,
    *LLAMA_INDEX,
)
