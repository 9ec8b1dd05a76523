"""The metrics of a call, by OpenTelemetry's GenAI conventions: tokens, durations, and the pace of a stream.

Lives here: the instruments, under which names, and what is recorded when a call ends. Two versions of the names are
known, since the conventions are moving and dashboards follow later; both tell the same figures.

    1.41   open-telemetry/semantic-conventions, the last version there:
           gen_ai.client.token.usage, gen_ai.client.operation.(duration | time_to_first_chunk | time_per_output_chunk)
    0.1    open-telemetry/semantic-conventions-genai, the first version there: `inference` for `operation`, tokens as
           counters and as distributions, embeddings apart; `operation.duration` for what is neither
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from shared_core.observe.events import CallEnded

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, Meter

__all__ = ["ClientMetrics", "MetricNames", "SplitMetrics", "metrics_of"]

MetricNames = Literal["1.41", "0.1", "both"]
"""Which version's names the metrics have."""

_SECONDS = tuple(0.01 * 2**step for step in range(14))  # 10 ms to 82 s
_TOKENS = tuple(4**step for step in range(14))  # 1 to 67 million
_MOST_GAPS = (
    128  # of a stream; longer ones are thinned evenly, as each costs the SDK some 15 µs at the call's end
)
_INFERENCE = frozenset({"chat", "text_completion", "generate_content"})

_About = Mapping[str, Any]


class ClientMetrics:
    """The metrics as version 1.41 names them.

    Args:
        meter: Makes the instruments.
    """

    def __init__(self, meter: Meter) -> None:
        about = "gen_ai.client.operation"
        self._tokens = _histogram(meter, "gen_ai.client.token.usage", "{token}", "Tokens read and written.")
        self._duration = _histogram(meter, f"{about}.duration", "s", "From the call to its end.")
        self._first = _histogram(
            meter, f"{about}.time_to_first_chunk", "s", "From the call to its first chunk."
        )
        self._between = _histogram(meter, f"{about}.time_per_output_chunk", "s", "Between two chunks.")

    def __call__(self, event: CallEnded, about: _About) -> None:
        """Records a call that is over; `about` are the dimensions."""
        self._duration.record(event.seconds, about)
        if event.usage is not None and not event.cached:
            kinds = {"input": event.usage.prompt_tokens, "output": event.usage.completion_tokens}
            for kind, count in kinds.items():
                if kind == "input" or count or event.task == "chat":  # vectors have no output to count
                    self._tokens.record(count, {**about, "gen_ai.token.type": kind})
        _record_pace(event, _healthy(about), self._first, self._between)


class SplitMetrics:
    """The metrics as version 0.1 of the conventions' own repository names them.

    Args:
        meter: Makes the instruments.
    """

    def __init__(self, meter: Meter) -> None:
        client, about = "gen_ai.client", "gen_ai.client.inference"
        self._durations = {
            kind: _histogram(meter, f"{client}.{kind}.duration", "s", "From the call to its end.")
            for kind in ("inference", "embeddings", "operation")
        }
        self._first = _histogram(
            meter, f"{about}.time_to_first_chunk", "s", "From the call to its first chunk."
        )
        self._between = _histogram(meter, f"{about}.time_per_output_chunk", "s", "Between two chunks.")
        self._counters: dict[str, Counter] = {
            what: meter.create_counter(f"{about}.usage.{what}", "{token}", "Tokens used.")
            for what in (
                "input_tokens",
                "output_tokens",
                "cache_read.input_tokens",
                "reasoning.output_tokens",
            )
        }
        self._spread = {
            name: _histogram(meter, f"{client}.{name}", "{token}", "Tokens of one call.")
            for name in (
                "inference.operation.input_tokens",
                "inference.operation.output_tokens",
                "embeddings.operation.input_tokens",
            )
        }

    def __call__(self, event: CallEnded, about: _About) -> None:
        """Records a call that is over; `about` are the dimensions."""
        operation = about["gen_ai.operation.name"]
        kind = "inference" if operation in _INFERENCE else operation
        kind = kind if kind in self._durations else "operation"
        self._durations[kind].record(event.seconds, about)
        usage, healthy = event.usage, _healthy(about)
        if usage is not None and not event.cached:
            if kind != "operation":
                self._spread[f"{kind}.operation.input_tokens"].record(usage.prompt_tokens, healthy)
            if kind == "inference":
                self._spread["inference.operation.output_tokens"].record(usage.completion_tokens, healthy)
                counts = {
                    "input_tokens": usage.prompt_tokens,
                    "output_tokens": usage.completion_tokens,
                    "cache_read.input_tokens": usage.cached_tokens,
                    "reasoning.output_tokens": usage.reasoning_tokens,
                }
                spent = {**healthy, "gen_ai.token.modality": "unknown"}  # usage does not tell them apart
                for what, count in counts.items():
                    if count is not None:
                        self._counters[what].add(count, spent)
        _record_pace(event, healthy, self._first, self._between)


def metrics_of(meter: Meter, names: MetricNames) -> tuple[ClientMetrics | SplitMetrics, ...]:
    """What records a call under these names."""
    found: list[ClientMetrics | SplitMetrics] = []
    if names != "0.1":
        found.append(ClientMetrics(meter))
    if names != "1.41":
        found.append(SplitMetrics(meter))
    return tuple(found)


def _record_pace(event: CallEnded, about: _About, first: Histogram, between: Histogram) -> None:
    if event.streamed and event.first_token_s is not None:
        first.record(event.first_token_s, about)
        for gap in event.gaps[:: -(-len(event.gaps) // _MOST_GAPS) or 1]:
            between.record(gap, about)


def _healthy(about: _About) -> dict[str, Any]:
    """The dimensions of what has no errors among them."""
    return {name: value for name, value in about.items() if name != "error.type"}


def _histogram(meter: Meter, name: str, unit: str, description: str) -> Histogram:
    bounds = _SECONDS if unit == "s" else _TOKENS
    return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=bounds)
