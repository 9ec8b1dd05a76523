"""Managing dedicated endpoints, as flows: asked, created, changed, put to sleep, waited for.

Lives here: each step over the client's own transport. Not here: what is sent (`endpoint_requests`), finding an endpoint
for a call (`client.locating`), the two faces (`endpoints`).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar, cast
from urllib.parse import quote

from shared_core.client.exchange import NO_KEY, USER_AGENT, json_of
from shared_core.client.locating import (
    FOUND,
    EndpointFinder,
    endpoint_from,
    may_have_key,
    not_to_be_used,
    of_the_api,
)
from shared_core.client.pipeline import policies, run_through
from shared_core.client.vector_router import VectorRouter
from shared_core.errors import (
    BadRequest,
    ConfigError,
    ConnectionLost,
    MalformedResponse,
    ModelLoading,
    ModelNotServed,
    PermissionDenied,
    ProviderFailed,
    RouterError,
    TimedOut,
    Unauthorized,
)
from shared_core.flow import Flow, Head, offload, read_all, sleep
from shared_core.hub.endpoint_requests import ApiRequest, api_request
from shared_core.hub.open_metrics import Metric, read_metrics
from shared_core.types import (
    Call,
    EndpointHardware,
    HttpRequest,
    InferenceEndpoint,
    Timeouts,
    Waits,
    endpoint_address,
    endpoint_in,
)

__all__ = ["EndpointFlows"]

T = TypeVar("T")

_A_LOOK = 30.0  # seconds at most, for one look at an endpoint that is waited for
_LARGEST_TEXT = 8 * 2**20  # bytes of metrics
_NOT_THE_PLAN = "Metrics are for organisations with a Team or Enterprise plan (a beta of Hugging Face's)."


@dataclass(frozen=True, slots=True)
class EndpointFlows:
    """The flows of one client.

    Args:
        client: Whose token, time limits and addresses.
        namespace: Whose endpoints are meant where a name does not say; None for the token's own user.
    """

    client: VectorRouter
    namespace: str | None = None

    def all_of(self, namespace: str | None, *, prices: bool) -> Flow[tuple[InferenceEndpoint, ...]]:
        """All endpoints of a namespace, the newest first."""
        space = yield from self._space(namespace)
        reply = yield from self._json("list_inference_endpoints", space)
        listed = reply.get("items") if isinstance(reply, dict) else None
        if not isinstance(listed, list):
            raise MalformedResponse(
                "The list of endpoints is not understood: it holds no `items`.",
                hint="Check `endpoints_url`.",
                reactions=(),
            )
        found = [endpoint_from(each, space) for each in listed]
        if prices and found:
            found = yield from self._priced(found)
        return tuple(sorted(found, key=lambda each: each.created_at, reverse=True))

    def get(self, name: str, *, prices: bool = False) -> Flow[InferenceEndpoint]:
        """One endpoint, as it is now."""
        found = yield from self._one("get_inference_endpoint", name)
        return (yield from self._priced([found]))[0] if prices else found

    def create(self, name: str, options: dict[str, Any]) -> Flow[InferenceEndpoint]:
        """A new one."""
        if (namespace := options.pop("namespace", None)) is not None:  # as huggingface_hub has it
            name = f"{namespace}/{name}"
        return (yield from self._one("create_inference_endpoint", name, options))

    def update(self, name: str, options: dict[str, Any]) -> Flow[InferenceEndpoint]:
        """Other settings."""
        if not options:
            raise ConfigError(
                "Nothing is to be changed. Nothing was sent.", hint="Pass min_replica=0 or the like."
            )
        return (yield from self._one("update_inference_endpoint", name, options))

    def pause(self, name: str) -> Flow[InferenceEndpoint]:
        """Off, until it is resumed."""
        return (yield from self._one("pause_inference_endpoint", name))

    def resume(self, name: str) -> Flow[InferenceEndpoint]:
        """On again. One that runs already is left as it is."""
        try:
            return (yield from self._one("resume_inference_endpoint", name))
        except BadRequest as error:
            if "already running" not in error.message:
                raise
        return (yield from self.get(name))

    def scale_to_zero(self, name: str) -> Flow[InferenceEndpoint]:
        """Off, until it is sent something."""
        return (yield from self._one("scale_to_zero_inference_endpoint", name))

    def delete(self, name: str) -> Flow[None]:
        """Gone for good."""
        space, bare = yield from self._named(name)
        request = yield from offload(partial(api_request, "delete_inference_endpoint", space, bare))
        yield from self._ask(request, f"{space}/{bare}", _nothing)

    def hardware(self, namespace: str | None) -> Flow[tuple[EndpointHardware, ...]]:
        """What may be deployed on, at what price."""
        space = yield from self._space(namespace)
        # As `list_inference_endpoints_hardware` of huggingface_hub 2.4, which older versions lack.
        reply = yield from self._ask(ApiRequest("GET", f"/provider/{space}"), space, json_of)
        return EndpointHardware.from_reply(reply)

    def metrics(self, name: str) -> Flow[tuple[Metric, ...]]:
        """What it measures now. huggingface_hub has no method for it; the path is that of the documentation."""
        space, bare = yield from self._named(name)
        request = ApiRequest("GET", f"/endpoint/{space}/{bare}/open-metrics")
        try:
            return read_metrics((yield from self._ask(request, f"{space}/{bare}", _text_of)))
        except PermissionDenied as error:
            error.hint = _NOT_THE_PLAN
            raise

    def wait(self, name: str, timeout: float, every: float) -> Flow[InferenceEndpoint]:
        """The endpoint, once it runs and its container answers.

        Args:
            name: The endpoint.
            timeout: Seconds until `TimedOut`.
            every: Seconds between two looks.
        """
        if isinstance(every, bool) or not isinstance(every, int | float) or not 0 < every < math.inf:
            raise ConfigError(f"every={every!r} is not a number of seconds above 0.")
        whole = Waits(Timeouts.of(timeout), time.monotonic, streamed=False)
        state = "not known"
        while True:
            try:
                found = yield from self._looked_at(name, whole)
                state = found.status
                if found.status == "running" and found.url and (yield from self._answers(found, whole)):
                    return found
            except RouterError as error:
                unreachable = state == "not known" and isinstance(error, ConnectionLost)
                if unreachable or "retry" not in error.reactions:  # what may pass by itself is waited for
                    raise
            left = whole.until_deadline()
            if left <= 0:
                raise TimedOut(
                    f"The endpoint {name} did not run within {timeout:g} s; its state is {state!r}.",
                    hint="Wait longer with `timeout`; why it takes long, its logs say.",
                )
            yield from sleep(min(every, left))

    def _looked_at(self, name: str, whole: Waits) -> Flow[InferenceEndpoint]:
        """An endpoint that may still come to run.

        Raises:
            ModelNotServed: Nothing will happen by itself: it is paused, or sleeps.
            ProviderFailed: It has failed.
        """
        found = yield from self._one("get_inference_endpoint", name, waits=_a_look(whole))
        error = not_to_be_used(found)
        if error is not None and not isinstance(error, ModelLoading):
            raise error
        if found.status == "updateFailed":
            raise ProviderFailed(f"The update of {found.id} has failed: {found.message}", reactions=())
        if found.status == "scaledToZero":
            raise ModelNotServed(
                f"The endpoint {found.id} is scaled to zero, and sleeps until it is sent something.",
                hint=f"Wake it: `hfrouter endpoints resume {found.id}`.",
            )
        return found

    def _answers(self, found: InferenceEndpoint, whole: Waits) -> Flow[bool]:
        """Whether the container answers, and not the proxy in its place."""
        client, finder = self.client, self._finder()
        key = client._key if may_have_key(client._key, found.url, finder.api_url) else NO_KEY
        call = finder.question(finder.api_url, "", key, _a_look(whole))
        call = replace(call, target=replace(call.target, base_url=found.url, key=key))
        request = ApiRequest("GET", f"/{quote(found.health_route.lstrip('/'))}")
        try:
            yield from self._sent(request, _nothing, call)
        except (Unauthorized, PermissionDenied, ModelNotServed):
            return True  # it has no such path, or is not ours to ask: but it answers
        except RouterError:
            return False
        return True

    def _priced(self, found: list[InferenceEndpoint]) -> Flow[list[InferenceEndpoint]]:
        """Endpoints of one namespace with the price of what they run on, where a list can be had that has it."""
        try:
            hardware = yield from self.hardware(found[0].namespace)
        except RouterError:
            return found
        prices = [next((each.usd_per_hour for each in hardware if each.fits(one)), None) for one in found]
        return [replace(one, usd_per_hour=price) for one, price in zip(found, prices, strict=True)]

    # -- asking ------------------------------------------------------------------------------------------------------

    def _one(
        self,
        method: str,
        name: str,
        options: Mapping[str, Any] | None = None,
        waits: Waits | None = None,
    ) -> Flow[InferenceEndpoint]:
        space, bare = yield from self._named(name)
        return endpoint_from((yield from self._json(method, space, bare, options, waits)), space)

    def _json(
        self,
        method: str,
        space: str,
        bare: str | None = None,
        options: Mapping[str, Any] | None = None,
        waits: Waits | None = None,
    ) -> Flow[Any]:
        # Off the event loop: huggingface_hub is loaded with the first request.
        request = yield from offload(partial(api_request, method, space, bare, options))
        return (yield from self._ask(request, space if bare is None else f"{space}/{bare}", json_of, waits))

    def _ask(
        self, request: ApiRequest, name: str, read: Callable[[Head], Flow[T]], waits: Waits | None = None
    ) -> Flow[T]:
        """The answer to one request; one that changes something is sent once."""
        client, finder = self.client, self._finder()
        call = finder.question(finder.api_url, request.path, client._key, waits or self._waits())
        changes = request.method != "GET"
        if changes:
            FOUND.clear()
        stack = policies(max_retries=client.max_retries, patience=0, paid=changes)
        try:
            return (yield from run_through(stack, call, partial(self._sent, request, read)))
        except RouterError as error:
            raise of_the_api(error, name) from error.__cause__

    def _sent(self, request: ApiRequest, read: Callable[[Head], Flow[T]], call: Call) -> Flow[T]:
        exchange = self.client._exchange
        key = yield from exchange.key(call, needed=call.target.key is not NO_KEY)
        headers = {"accept": "application/json", "user-agent": USER_AGENT}
        body = b""
        if request.body is not None:
            headers["content-type"] = "application/json"
            body = _written(request.body)
        method = cast(Any, request.method)
        url = f"{call.target.base_url}{request.path}"
        response = yield from exchange.send(call, HttpRequest(method, url, headers, body, key))
        return (yield from read(response))

    def _named(self, name: str) -> Flow[tuple[str, str]]:
        """Namespace and name of an endpoint."""
        space, _, bare = endpoint_in(endpoint_address(name)).rpartition("/")
        return space or (yield from self._space(None)), bare

    def _space(self, namespace: str | None) -> Flow[str]:
        named = namespace if namespace is not None else self.namespace
        if named is None:
            return (yield from self._finder().namespace(self.client._key, self._waits()))
        if "/" in (space := endpoint_in(endpoint_address(named))):
            raise ConfigError(f"namespace={named!r} is not the name of a user or an organisation.")
        return space

    def _finder(self) -> EndpointFinder:
        self.client._settle()
        return cast(EndpointFinder, self.client._locate.finder())

    def _waits(self) -> Waits:
        return Waits(self.client.timeouts, time.monotonic, streamed=False)


def _written(body: Any) -> bytes:
    try:
        return json.dumps(body).encode()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The options cannot be written as JSON: {error}. Nothing was sent.") from None


def _a_look(whole: Waits) -> Waits:
    """The time limits of one look while something is waited for, which may be the last."""
    return Waits(Timeouts.of(min(_A_LOOK, max(1.0, whole.until_deadline()))), time.monotonic, streamed=False)


def _text_of(response: Head) -> Flow[str]:
    body, _ = yield from read_all(response, _LARGEST_TEXT)
    return body.decode("utf-8", "replace")


def _nothing(response: Head) -> Flow[None]:
    yield from read_all(response, _LARGEST_TEXT)
