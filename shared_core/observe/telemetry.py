"""Spans and metrics of each call, for OpenTelemetry. Needs the extra `otel`, which is its API alone.

Lives here: from the events of a call to one span and its metrics. Not here: the names (`gen_ai`, `gen_ai_metrics`),
prompts and answers (`gen_ai_content`). Where they go is the program's own set-up of OpenTelemetry; without any, the
API does nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from shared_core._version import __version__
from shared_core.errors import ConfigError
from shared_core.observe import gen_ai
from shared_core.observe.events import CallEnded, CallStarted, MovedOn, Retrying
from shared_core.observe.gen_ai_content import answered, asked
from shared_core.observe.gen_ai_metrics import MetricNames, metrics_of

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["OpenTelemetry"]

_MOST_OPEN = 10_000
"""Spans held at one time. A call whose end is never told, as in a generator that nobody closes, is ended for it."""


class OpenTelemetry:
    """A hook that makes one span and the metrics of each call, by the GenAI conventions.

    The span is called `{operation} {model}`, is of kind CLIENT, and a child of the span that is current where the
    call is made. Retries and moves to other targets are its events. It is not made current itself: a stream is read
    in the caller's own code, which would then run inside it. `shared_core.observe.gen_ai` has the attributes; cost,
    tags, attempts and the like, which the conventions have no word for, stand under `hfrouter.`.

    Args:
        tracer_provider: Makes the spans; None is the program's global one.
        meter_provider: Makes the metrics; None is the program's global one.
        content: Whether prompts, answers and error messages are recorded too. Bytes of media never are.
        metric_names: Of which version of the conventions: "1.41", which dashboards know, "0.1", which comes after
            it in a repository of its own, or "both".

    A pickle or a copy of a client carries it where it uses the global providers.

    Raises:
        ImportError: The extra is not installed.
        ConfigError: There are no such metric names.

    Example:
        >>> from shared_core import HFRouter, OpenTelemetry
        >>> router = HFRouter("openai/gpt-oss-120b", hooks=[OpenTelemetry()])
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        content: bool = False,
        *,
        metric_names: MetricNames = "1.41",
    ) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError as error:
            raise ImportError(
                'OpenTelemetry needs its API: pip install "hfrouter[otel]"; '
                "and opentelemetry-sdk with an exporter, to send what it is told anywhere."
            ) from error
        if metric_names not in ("1.41", "0.1", "both"):
            raise ConfigError(
                f"There are no metric_names {metric_names!r}.", hint='Choose "1.41", "0.1" or "both".'
            )
        self.content = content
        self.metric_names: MetricNames = metric_names
        self._given = tracer_provider is not None or meter_provider is not None
        self._trace = trace
        self._tracer = trace.get_tracer("hfrouter", __version__, tracer_provider)
        self._metrics = metrics_of(metrics.get_meter("hfrouter", __version__, meter_provider), metric_names)
        self._open: OrderedDict[str, Span] = OrderedDict()  # each step below is one that threads cannot cut

    def __call__(self, event: Any) -> None:
        """Told of an event; see `shared_core.observe.events`."""
        if isinstance(event, CallStarted):
            self._start(event)
        elif isinstance(event, CallEnded):
            self._end(event)
        elif isinstance(event, Retrying):
            self._add(event.id, "hfrouter.retry", {"error.type": event.error, "hfrouter.wait_s": event.wait})
        elif isinstance(event, MovedOn):
            to = {"hfrouter.to.model": event.to_model, "hfrouter.to.url": event.to_url}
            self._add(event.id, "hfrouter.moved_on", {"error.type": event.error, **to})

    def __repr__(self) -> str:
        return f"OpenTelemetry(content={self.content}, metric_names={self.metric_names!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._given:
            raise ConfigError(
                "OpenTelemetry was given providers of its own, which cannot be pickled.",
                hint="Set them for the whole program (set_tracer_provider, set_meter_provider), and give none here.",
            )
        return _rebuilt, (self.content, self.metric_names)

    def __copy__(self) -> OpenTelemetry:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> OpenTelemetry:
        return self

    def _start(self, event: CallStarted) -> None:
        about = gen_ai.whereabouts(event)
        name = f"{about['gen_ai.operation.name']} {event.model}".rstrip()
        # Samplers decide by what is there from the beginning.
        span = self._tracer.start_span(name, kind=self._trace.SpanKind.CLIENT, attributes=about)
        if not span.is_recording():
            return
        self._open[event.id] = span
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1].end()
        span.set_attributes(gen_ai.started(event))
        if self.content:
            span.set_attributes(asked(event))

    def _add(self, call: str, name: str, attributes: dict[str, Any]) -> None:
        if span := self._open.get(call):
            span.add_event(name, attributes)

    def _end(self, event: CallEnded) -> None:
        about = gen_ai.whereabouts(event)
        if span := self._open.pop(event.id, None):
            try:
                self._complete(span, event, about)
            finally:
                span.end()
        if event.error:
            about["error.type"] = event.error
        meta = getattr(event.reply, "meta", None)
        if meta is not None and meta.model:
            about["gen_ai.response.model"] = meta.model
        for record in self._metrics:
            record(event, about)

    def _complete(self, span: Span, event: CallEnded, about: gen_ai.Values) -> None:
        if event.outcome == "failed":
            told = str(event.failure) if self.content else event.error
            span.set_status(self._trace.StatusCode.ERROR, told)
        # What was asked for stays as it was said at the start; where it was answered may be another place.
        where = {name: value for name, value in about.items() if name != "gen_ai.request.model"}
        span.set_attributes({**where, **gen_ai.ended(event)})
        if self.content:
            span.set_attributes(answered(event))


def _rebuilt(content: bool, metric_names: MetricNames) -> OpenTelemetry:
    return OpenTelemetry(content=content, metric_names=metric_names)
