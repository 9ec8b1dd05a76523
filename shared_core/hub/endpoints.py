"""`Endpoints` and `AsyncEndpoints`: dedicated Inference Endpoints, managed from threads and from event loops.

One line a method. Not here: the flows (`endpoint_flows`); sending chats to an endpoint, which is
`HFRouter(endpoint="name")`.
"""

from __future__ import annotations

from typing import Any

from shared_core.client import AsyncHFRouter, HFRouter
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun
from shared_core.hub.endpoint_flows import EndpointFlows
from shared_core.hub.open_metrics import Metric
from shared_core.types import EndpointHardware, InferenceEndpoint

__all__ = ["AsyncEndpoints", "Endpoints"]

_TEN_MINUTES = 600.0  # seconds; large models take about that long


class Endpoints:
    """The dedicated endpoints of an account, as Hugging Face's API of them tells and changes them.

    An endpoint is named "name" or "namespace/name". What a method gives is how things stood at that moment.

    Args:
        router: Whose token, time limits and addresses (`endpoints_url`, `hub_url`); None is a client with its defaults.
        namespace: The organisation or user that is meant where a name does not say; None is the token's own user.

    Every method may raise `Unauthorized` or `PermissionDenied` (the token lacks the permission for Inference Endpoints
    of that namespace), `ModelNotServed` (there is no such endpoint), `RateLimited`, `ProviderFailed`, `ConnectionLost`
    and `TimedOut`. Questions are tried again as often as the client has it (`max_retries`); what changes something is
    sent once.

    Example:
        >>> endpoints = Endpoints()
        >>> endpoints.resume("my-endpoint")  # doctest: +SKIP
        >>> endpoints.wait("my-endpoint", timeout=900).status  # doctest: +SKIP
        'running'
        >>> HFRouter(endpoint="my-endpoint").chat([{"role": "user", "content": "Hello!"}])  # doctest: +SKIP
    """

    def __init__(self, router: HFRouter | None = None, namespace: str | None = None) -> None:
        self.router = router or HFRouter()
        self._flows = EndpointFlows(self.router, namespace)

    def list(self, namespace: str | None = None, *, prices: bool = False) -> tuple[InferenceEndpoint, ...]:
        """All endpoints of a namespace, the newest first.

        Args:
            namespace: In place of the object's own.
            prices: Whether to ask for the price list of the hardware, too, and fill in `usd_per_hour` where it can be
                had.
        """
        return BlockingRun(self._flows.all_of(namespace, prices=prices), self.router._sender()).finish()

    def get(self, name: str, *, prices: bool = False) -> InferenceEndpoint:
        """One endpoint, as it is now.

        Args:
            name: Which one.
            prices: As for `list`.
        """
        return BlockingRun(self._flows.get(name, prices=prices), self.router._sender()).finish()

    def create(self, name: str, **options: Any) -> InferenceEndpoint:
        """A new endpoint, which is paid for from then on.

        Args:
            name: What it shall be called.
            options: Those of huggingface_hub's `create_inference_endpoint`: `repository`, `framework`, `accelerator`,
                `instance_type`, `instance_size`, `vendor` and `region` are needed (`hardware` lists what goes
                together); `min_replica`, `max_replica`, `scale_to_zero_timeout` (minutes), `task`, `revision`,
                `custom_image`, `env`, `secrets`, `type` and so on may be left out.

        Raises:
            ConfigError: An option is missing, or there is none of this name; nothing was sent.
        """
        return BlockingRun(self._flows.create(name, options), self.router._sender()).finish()

    def update(self, name: str, **options: Any) -> InferenceEndpoint:
        """Other replicas, another instance, another model: those of huggingface_hub's `update_inference_endpoint`.

        Raises:
            ConfigError: There is no such option, or none was given; nothing was sent.
        """
        return BlockingRun(self._flows.update(name, options), self.router._sender()).finish()

    def pause(self, name: str) -> InferenceEndpoint:
        """Puts it to rest until `resume`; it costs nothing meanwhile."""
        return BlockingRun(self._flows.pause(name), self.router._sender()).finish()

    def resume(self, name: str) -> InferenceEndpoint:
        """Starts one that is paused or scaled to zero; one that runs is left as it is."""
        return BlockingRun(self._flows.resume(name), self.router._sender()).finish()

    def scale_to_zero(self, name: str) -> InferenceEndpoint:
        """Puts it to rest until it is sent a request; it costs nothing meanwhile."""
        return BlockingRun(self._flows.scale_to_zero(name), self.router._sender()).finish()

    def delete(self, name: str) -> None:
        """Removes it for good, without asking back."""
        return BlockingRun(self._flows.delete(name), self.router._sender()).finish()

    def wait(self, name: str, timeout: float = _TEN_MINUTES, *, every: float = 5.0) -> InferenceEndpoint:
        """The endpoint, once it runs and its container answers.

        Args:
            name: Which one.
            timeout: Seconds until `TimedOut`.
            every: Seconds between two looks.

        Raises:
            ModelNotServed: It is paused or scaled to zero, so that nothing happens by itself.
            ProviderFailed: It has failed, with what the API says of that.
            TimedOut: It did not run in time.
        """
        return BlockingRun(self._flows.wait(name, timeout, every), self.router._sender()).finish()

    def hardware(self, namespace: str | None = None) -> tuple[EndpointHardware, ...]:
        """What an endpoint may be created on, with prices in USD an hour."""
        return BlockingRun(self._flows.hardware(namespace), self.router._sender()).finish()

    def metrics(self, name: str) -> tuple[Metric, ...]:
        """What the API measures of it now: requests, latencies, load of the hardware.

        A beta of Hugging Face's, for organisations with a Team or Enterprise plan.

        Raises:
            PermissionDenied: The plan has none.
        """
        return BlockingRun(self._flows.metrics(name), self.router._sender()).finish()


class AsyncEndpoints:
    """The same for event loops; `Endpoints` explains each method."""

    def __init__(self, router: AsyncHFRouter | None = None, namespace: str | None = None) -> None:
        self.router = router or AsyncHFRouter()
        self._flows = EndpointFlows(self.router, namespace)

    async def list(
        self, namespace: str | None = None, *, prices: bool = False
    ) -> tuple[InferenceEndpoint, ...]:
        """See `Endpoints.list`."""
        return await AsyncRun(self._flows.all_of(namespace, prices=prices), self.router._sender()).finish()

    async def get(self, name: str, *, prices: bool = False) -> InferenceEndpoint:
        """See `Endpoints.get`."""
        return await AsyncRun(self._flows.get(name, prices=prices), self.router._sender()).finish()

    async def create(self, name: str, **options: Any) -> InferenceEndpoint:
        """See `Endpoints.create`."""
        return await AsyncRun(self._flows.create(name, options), self.router._sender()).finish()

    async def update(self, name: str, **options: Any) -> InferenceEndpoint:
        """See `Endpoints.update`."""
        return await AsyncRun(self._flows.update(name, options), self.router._sender()).finish()

    async def pause(self, name: str) -> InferenceEndpoint:
        """See `Endpoints.pause`."""
        return await AsyncRun(self._flows.pause(name), self.router._sender()).finish()

    async def resume(self, name: str) -> InferenceEndpoint:
        """See `Endpoints.resume`."""
        return await AsyncRun(self._flows.resume(name), self.router._sender()).finish()

    async def scale_to_zero(self, name: str) -> InferenceEndpoint:
        """See `Endpoints.scale_to_zero`."""
        return await AsyncRun(self._flows.scale_to_zero(name), self.router._sender()).finish()

    async def delete(self, name: str) -> None:
        """See `Endpoints.delete`."""
        return await AsyncRun(self._flows.delete(name), self.router._sender()).finish()

    async def wait(
        self, name: str, timeout: float = _TEN_MINUTES, *, every: float = 5.0
    ) -> InferenceEndpoint:
        """See `Endpoints.wait`."""
        return await AsyncRun(self._flows.wait(name, timeout, every), self.router._sender()).finish()

    async def hardware(self, namespace: str | None = None) -> tuple[EndpointHardware, ...]:
        """See `Endpoints.hardware`."""
        return await AsyncRun(self._flows.hardware(namespace), self.router._sender()).finish()

    async def metrics(self, name: str) -> tuple[Metric, ...]:
        """See `Endpoints.metrics`."""
        return await AsyncRun(self._flows.metrics(name), self.router._sender()).finish()
