"""What being watched and sharing health cost a call: CPU time of our own part, in memory.

    python benchmarks/reliability/watching.py             half a minute; prints two tables

Spans and metrics: the events of one call handed to the hook, with the API alone, which does nothing, and with the SDK
(no exporter: what sends is the program's own). Health: a call through the policies of a client with three targets,
with the process's own health and with one that is shared in an SQLite file; most of the time of the look at the
file, once a second, is in no call. Least of the rounds, and their median: the machine has other work.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from decimal import Decimal
from typing import Any

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider

from shared_core import OpenTelemetry
from shared_core.client.pipeline import policies, run_through
from shared_core.observe import CallEnded, CallStarted
from shared_core.policy.fallback import Choice as Targets
from shared_core.policy.fallback import Fallback
from shared_core.policy.state import Health
from shared_core.policy.stores.shared_health import shared_health
from shared_core.types import (
    ApiKey,
    Call,
    ChatReply,
    ChatRequest,
    Choice,
    Cost,
    Progress,
    ReplyMeta,
    Target,
    Timeouts,
    Usage,
    Waits,
)

ROUNDS, CALLS = 15, 1000
URL, MODEL = "https://router.huggingface.co/v1", "openai/gpt-oss-120b:groq"
REQUEST = ChatRequest(
    [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello " * 50}],
    MODEL,
    {"temperature": 0.5, "max_tokens": 100},
)
REPLY = ChatReply(
    (Choice(text="hello " * 100, finish_reason="stop"),),
    Usage(100, 200, 300, 10, 20),
    ReplyMeta("gpt-oss-120b", "groq"),
    id="chatcmpl-1",
)


def microseconds(work: Callable[[], object]) -> str:
    for _ in range(CALLS):
        work()
    rounds = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(CALLS):
            work()
        rounds.append((time.thread_time() - began) / CALLS * 1e6)
    return f"{min(rounds):7.1f} {statistics.median(rounds):7.1f}"


def told(hook: OpenTelemetry, gaps: int = 0) -> Callable[[], None]:
    """One call, as the hook hears of it."""
    tags = {"user": "ada"}
    started = CallStarted("1", 0.0, "chat", MODEL, URL, gaps > 0, tags, REQUEST)
    figures = (
        "answered",
        "",
        1.0,
        0.2 if gaps else None,
        1,
        0,
        REPLY.usage,
        Cost(Decimal("0.0001"), "reported"),
    )
    ended = CallEnded(
        *("1", 0.0, "chat", MODEL, "groq", URL, gaps > 0, tags, *figures, False, "r", REQUEST, REPLY, None),
        [0.01] * gaps,
    )

    def work() -> None:
        hook(started)
        hook(ended)

    return work


def through(health: Health) -> Callable[[], None]:
    """One call through the policies, which is answered at once."""
    targets = [Target("https://host/v1", ApiKey("k" * 30), model=f"org/{number}") for number in range(3)]
    stack = policies(
        max_retries=2, patience=0, fallback=Fallback(lambda _call: Targets(targets), health=health)
    )

    def answer(_call: Call) -> Generator[Any, Any, ChatReply]:
        return REPLY
        yield

    def work() -> None:
        waits = Waits(Timeouts(), time.monotonic, streamed=False)
        flow = run_through(stack, Call(REQUEST, targets[0], waits, Progress(waits.now())), answer)
        try:
            effect: Any = next(flow)
            while True:
                effect = flow.send(effect.function())
        except StopIteration:
            return

    return work


def main() -> None:
    tracers, meters = TracerProvider(), MeterProvider([InMemoryMetricReader()])
    print("microseconds a call                    least  median")
    for name, hook, gaps in (
        ("the API alone", OpenTelemetry(), 0),
        ("SDK: spans", OpenTelemetry(tracers, NoOpMeterProvider()), 0),
        ("SDK: metrics", OpenTelemetry(NoOpTracerProvider(), meters), 0),
        ("SDK: both", OpenTelemetry(tracers, meters), 0),
        ("SDK: both, with content", OpenTelemetry(tracers, meters, content=True), 0),
        ("SDK: both, a stream of 200 pieces", OpenTelemetry(tracers, meters), 199),
    ):
        print(f"{name:36}", microseconds(told(hook, gaps)))
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'policies, health of its own':36}", microseconds(through(Health())))
        print(f"{'policies, health shared in a file':36}", microseconds(through(shared_health(folder, str))))


if __name__ == "__main__":
    main()
