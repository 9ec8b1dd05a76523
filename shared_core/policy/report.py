"""Say who failed: every error that leaves the pipeline knows its model, provider, request and attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from shared_core.errors import RouterError
from shared_core.flow import Flow
from shared_core.observe import log
from shared_core.policy import Handler
from shared_core.types import Call
from shared_core.wire.redact import redact_error

__all__ = ["Report"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Report:
    """Completes errors on their way out, and logs how the call went."""

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        try:
            result = yield from inner(call)
        except RouterError as error:
            progress = call.progress
            error.model = error.model or call.request.model or None
            error.provider = error.provider or progress.provider
            error.request_id = error.request_id or progress.request_id
            error.attempts = progress.attempts
            redact_error(error, call.secret())
            log.failed(call, error)
            raise
        log.answered(call)
        return result
