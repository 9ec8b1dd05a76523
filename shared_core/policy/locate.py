"""Find the endpoint that a call names, and say what its failure means.

A dedicated endpoint is named (`endpoint://name`), and has an address, a model and a state that only Hugging Face's API
knows. Innermost of all policies: what is counted, remembered and passed on outside goes by the name, which stays.

Lives here: when that is asked. Not here: asking it, and the words for each state (`client.locating`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from shared_core.errors import RouterError
from shared_core.flow import Flow
from shared_core.policy import Handler
from shared_core.types import Call, endpoint_in

if TYPE_CHECKING:
    from shared_core.types import InferenceEndpoint, Target, Waits

__all__ = ["Finder", "Locate"]

T = TypeVar("T")


class Finder(Protocol):
    """Knows where endpoints are."""

    def located(self, call: Call) -> Flow[Call]:
        """The call at the endpoint's address, for the endpoint's model."""

    def usable(self, target: Target, waits: Waits) -> Flow[InferenceEndpoint]:
        """The endpoint that a target names, ready to be sent something."""

    def explained(self, call: Call, error: RouterError) -> Flow[RouterError]:
        """What a failure of the endpoint means, or the error itself."""


@dataclass(frozen=True, slots=True)
class Locate:
    """Sends a call that names an endpoint to where that is.

    Args:
        finder: Made when the first such call comes.
    """

    finder: Callable[[], Finder] = field(compare=False, repr=False)

    def __call__(self, call: Call, inner: Handler[T]) -> Flow[T]:
        return self._there(call, inner) if endpoint_in(call.target.base_url) else inner(call)

    def _there(self, call: Call, inner: Handler[T]) -> Flow[T]:
        finder, progress = self.finder(), call.progress
        there = yield from finder.located(call)
        try:
            return (yield from inner(there))
        except RouterError as error:
            error.model = error.model or there.request.model
            if progress.emitted:
                raise
            explained = yield from finder.explained(call, error)
            if explained is error:
                raise
            raise explained from None
        finally:
            progress.model, progress.url = call.request.model, call.target.base_url
            call.waits.public = False  # the user's own targets, which may be asked next, lie where he says
