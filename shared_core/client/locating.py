"""Where a dedicated endpoint is: its name becomes an address, a model and a state, by one GET of Hugging Face's API.

Lives here: the look-ups over our own transport, so that a call's time limit holds for them and no event loop waits;
the memory of what was found, for five minutes in the process; what each state means for a call. Here and not in `hub`,
which stands above the client. Not here: managing endpoints (`hub.endpoints`), when to look (`policy.locate`).

A token goes to an address that the API names only where that is a host of Hugging Face's, or the API's own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from shared_core.client.checks import checked_url
from shared_core.client.exchange import NO_KEY, Exchange
from shared_core.client.pipeline import policies, run_through
from shared_core.client.remembered import Answers, digest_of
from shared_core.errors import (
    BadRequest,
    ConfigError,
    ConnectionLost,
    MalformedResponse,
    ModelLoading,
    ModelNotServed,
    Overloaded,
    PaymentRequired,
    PermissionDenied,
    ProviderFailed,
    RateLimited,
    RouterError,
    TimedOut,
    Unauthorized,
)
from shared_core.flow import Flow
from shared_core.routing import is_hugging_face, is_loopback
from shared_core.types import (
    SECRET_HEADERS,
    ApiKey,
    Call,
    InferenceEndpoint,
    LookupRequest,
    Progress,
    Target,
    Waits,
    endpoint_in,
    is_namespace,
    origin_of,
)

__all__ = ["FOUND", "EndpointFinder", "endpoint_from", "may_have_key", "not_to_be_used", "of_the_api"]

FOUND: Answers[Any] = Answers()
"""Endpoints and namespaces that this process has found."""

_WAKING = frozenset({"pending", "initializing", "scaledToZero"})
"""States from which an endpoint comes back by itself, once it was sent a request."""


@dataclass(frozen=True, slots=True)
class EndpointFinder:
    """Finds endpoints by name, and says what their failures mean.

    Args:
        exchange: Sends.
        hub_url: Whom to ask whose token it is.
        api_url: The API that knows the endpoints.
        max_retries: How often a look-up is tried again.
    """

    exchange: Exchange
    hub_url: str
    api_url: str
    max_retries: int

    # -- for a call ------------------------------------------------------------------------------------------------

    def located(self, call: Call) -> Flow[Call]:
        """The call at the endpoint's address, for the endpoint's model unless it names one.

        Raises:
            ModelNotServed: There is no such endpoint, or it is paused.
            ModelLoading: It has no address yet.
            ProviderFailed: It has failed.
        """
        target = call.target
        found = yield from self.usable(target, call.waits)
        key, headers = target.key, target.headers
        if not _is_at_home(found.url, self.api_url):
            key = key if key.source in ("ambient", "none") else NO_KEY
            headers = {name: each for name, each in headers.items() if name.lower() not in SECRET_HEADERS}
        there = replace(
            target, base_url=found.base_url, key=key, bill_to=None, model=found.model, headers=headers
        )
        if call.request.model in ("", target.base_url):
            return replace(call, target=there, request=replace(call.request, model=found.model))
        return replace(call, target=there)

    def usable(self, target: Target, waits: Waits) -> Flow[InferenceEndpoint]:
        """The endpoint that a target names, ready to be sent something; the errors are those of `located`."""
        found = yield from self.find(endpoint_in(target.base_url), target.key, waits)
        if (error := not_to_be_used(found)) is not None:
            raise error
        return found

    def explained(self, call: Call, error: RouterError) -> Flow[RouterError]:
        """What the endpoint's state says of a failure; the error itself where that explains nothing.

        The proxy in front of endpoints answers 503 while one wakes, and 400 ("Invalid state") when it is paused.
        """
        target = call.target
        if isinstance(error, Unauthorized | PermissionDenied):
            if error.status is not None:  # else there was no token to be sent
                error.hint = _FOR_CALLS
            return error
        doubtful = isinstance(error, BadRequest) and "invalid state" in error.message.lower()
        if not doubtful and not isinstance(error, _PERHAPS_ITS_STATE):
            return error
        if call.waits.until_deadline() <= 0:
            return error
        try:
            found = yield from self.find(endpoint_in(target.base_url), target.key, call.waits, fresh=True)
        except ModelNotServed as gone:
            return gone
        except RouterError:
            return error
        explained = _of_its_state(found, error)
        if explained is None and isinstance(error, ModelNotServed):
            named = "model" in error.message.partition(": ")[2].lower()
            error.hint = (
                f"The endpoint {found.id} serves {found.model!r}: leave `model` out, or give it that name."
                if named
                else f"The container of {found.id} ({found.image or 'unknown'}) has no such path. For texts, choose "
                'embedding_api="openai" or "tei".'
            )
        return explained or error

    # -- look-ups --------------------------------------------------------------------------------------------------

    def find(self, name: str, key: ApiKey, waits: Waits, *, fresh: bool = False) -> Flow[InferenceEndpoint]:
        """The endpoint of this name.

        Args:
            name: With or without its namespace.
            key: Whose it is.
            waits: The time limits of the call that needs it.
            fresh: Whether to ask although it was found before.

        Raises:
            ModelNotServed: There is none of this name, or the token may not see it.
        """
        account = digest_of((yield from self._token(self.api_url, key, waits)))
        known_as = (self.api_url, account, name)
        known: InferenceEndpoint | None = None if fresh else FOUND.fresh(known_as, time.time())
        if known is not None:
            return known
        FOUND.forget(known_as)
        namespace, _, bare = name.rpartition("/")
        namespace = namespace or (yield from self.namespace(key, waits))
        path = f"/endpoint/{quote(namespace, safe='')}/{quote(bare, safe='')}"
        try:
            found = endpoint_from((yield from self._look_up(self.api_url, path, key, waits)), namespace)
        except RouterError as error:
            raise of_the_api(error, f"{namespace}/{bare}") from error.__cause__
        if found.url and found.status not in ("paused", "failed"):
            FOUND.keep(known_as, found, time.time())
        return found

    def namespace(self, key: ApiKey, waits: Waits) -> Flow[str]:
        """The user that the token belongs to: whose endpoints are meant where no namespace is named.

        Raises:
            ConfigError: The token is no user's.
        """
        account = digest_of((yield from self._token(self.hub_url, key, waits)))
        known: str | None = FOUND.fresh((self.hub_url, account), time.time())
        if known is not None:
            return known
        try:
            told = yield from self._look_up(self.hub_url, "/api/whoami-v2", key, waits)
        except RouterError as error:
            raise of_the_api(error, "") from error.__cause__
        name = told.get("name") if isinstance(told, dict) and told.get("type", "user") == "user" else None
        if not isinstance(name, str) or not is_namespace(name):
            raise ConfigError(
                "The token does not tell whose endpoints are meant.",
                hint='Name the namespace: endpoint="namespace/name".',
            )
        FOUND.keep((self.hub_url, account), name, time.time())
        return name

    def _look_up(self, url: str, path: str, key: ApiKey, waits: Waits) -> Flow[Any]:
        call = self.question(url, path, key, waits)
        return (yield from run_through(policies(max_retries=self.max_retries, patience=0), call, self._got))

    def _got(self, call: Call) -> Flow[Any]:
        return (yield from self.exchange.look_up(call))

    def _token(self, url: str, key: ApiKey, waits: Waits) -> Flow[str]:
        call = self.question(url, "", key, waits)
        return (yield from self.exchange.key(call, needed=True)).reveal()

    def question(self, url: str, path: str, key: ApiKey, waits: Waits) -> Call:
        """A call to the API or the Hub, with the token if that may go there: to Hugging Face's own, or to a stand-in
        on this machine."""
        key = key if may_have_key(key, url, url if is_loopback(url) else "") else NO_KEY
        waits = waits.shared()
        request = LookupRequest(path, token_needed=True)
        return Call(request, Target(url, key), waits, Progress(waits.now()))


def endpoint_from(reply: Any, namespace: str) -> InferenceEndpoint:
    """The endpoint that a reply describes, at an address that may be connected to.

    Raises:
        MalformedResponse: It is another kind of reply.
    """
    try:
        found = InferenceEndpoint.from_reply(reply, namespace)
        if endpoint_in(found.url):
            raise ValueError("its address is no address")
        if found.url:
            checked_url(found.url, "its address")
    except ValueError as error:  # a ConfigError is one, too
        why = error.message if isinstance(error, ConfigError) else f"{error}."
        raise MalformedResponse(
            f"The reply about an endpoint of {namespace} is not understood: {why}",
            hint="Check `endpoints_url`.",
            reactions=(),
        ) from None
    return found


def may_have_key(key: ApiKey, url: str, api_url: str) -> bool:
    """Whether a token may go to an address: Hugging Face's own, or a host that the API itself is on.

    An ambient token is kept from all others where it is looked up.
    """
    return key.source in ("ambient", "none") or _is_at_home(url, api_url)


def _is_at_home(url: str, api_url: str) -> bool:
    return is_hugging_face(url) or origin_of(url) == origin_of(api_url)


def of_the_api(error: RouterError, name: str) -> RouterError:
    """An error of the API in the words of endpoints.

    Args:
        error: As it came.
        name: The endpoint that was asked about, with its namespace; a namespace alone, whose list was asked for.
    """
    if isinstance(error, ModelNotServed) and error.status == 404:
        of_one = "/" in name
        return ModelNotServed(
            f"There is no {'endpoint' if of_one else 'namespace'} {name!r}, or the token may not see it.",
            hint="See `hfrouter endpoints`; one of an organisation is named with it: namespace/name."
            if of_one
            else "Name a user or an organisation as in its address on the Hub.",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
            attempts=error.attempts,
        )
    if isinstance(error, BadRequest) and error.status == 409:
        error.hint = "Choose another name, or change the one that is there with `update`."
    elif (
        not isinstance(error, Unauthorized) or error.status is not None
    ):  # else there was no token to be sent
        error.hint = next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), error.hint)
    return error


def not_to_be_used(found: InferenceEndpoint) -> RouterError | None:
    """Why nothing can be sent to the endpoint as it is; None where it can."""
    if found.status == "paused":
        return ModelNotServed(
            f"The endpoint {found.id} is paused.", hint=f"Resume it: `hfrouter endpoints resume {found.id}`."
        )
    if found.status == "failed" or (found.status == "updateFailed" and not found.url):
        said = f": {found.message}" if found.message else "."
        return ProviderFailed(
            f"The endpoint {found.id} has failed{said}",
            hint=f"See its logs at https://endpoints.huggingface.co/{found.namespace}/endpoints/{found.name}.",
            reactions={"other_route"},
        )
    if not found.url:
        return ModelLoading(f"The endpoint {found.id} has no address yet; it is {found.status!r}.")
    return None


def _of_its_state(found: InferenceEndpoint, error: RouterError) -> RouterError | None:
    """The error that the state means; None where the endpoint is said to run."""
    explained = not_to_be_used(found)
    if explained is None and (
        found.status in _WAKING or (found.status == "updating" and not found.ready_replica)
    ):
        state = "scaled to zero, and wakes" if found.status == "scaledToZero" else f"still {found.status}"
        explained = ModelLoading(f"The endpoint {found.id} is {state}.")
    if explained is not None:
        explained.model, explained.status = error.model, error.status
        explained.request_id, explained.retry_after = error.request_id, error.retry_after
    return explained


_PERHAPS_ITS_STATE = (Overloaded, ProviderFailed, ModelLoading, ModelNotServed, ConnectionLost, TimedOut)
_FOR_CALLS = (
    "Give the token the permission 'Make calls to your Inference Endpoints' (https://hf.co/settings/tokens). It is "
    "sent to hosts of Hugging Face's alone: for a domain of your own, pass base_url and api_key in place of endpoint."
)
_FOR_MANAGING = "Give the token the permission 'Manage Inference Endpoints' of that namespace (https://hf.co/settings/tokens)."
_HINTS: Mapping[type[RouterError], str] = {
    Unauthorized: _FOR_MANAGING,
    PermissionDenied: _FOR_MANAGING,
    PaymentRequired: "Add a payment method or credits at https://hf.co/settings/billing.",
    RateLimited: "Ask again in a moment, and less often.",
    ConnectionLost: "Check the network, the proxy and `endpoints_url`.",
    BadRequest: "Correct what the message names; nothing was changed.",
}
