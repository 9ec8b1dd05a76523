"""What huggingface_hub's `HfApi` would send to manage endpoints: it makes the request, and is not let send it.

`HfApi` knows the API: its paths, and what becomes of each option. But its calls share one HTTP client that has no time
limit, block the thread, and know one host, a constant. So each method runs with a recorder in place of that client, and
the request goes over our own transport: with deadlines that hold, retries, natively asynchronous, to any host.

Lives here: that. Not here: sending (`endpoints`). Nothing of this touches huggingface_hub's own state: a method runs on
a copy of its module's names, and keeps working elsewhere.

Source: huggingface_hub 2.4.0, `hf_api.py`; the same since 1.31.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from shared_core.errors import ConfigError

__all__ = ["ApiRequest", "api_request", "options_of"]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request to the API of endpoints.

    Args:
        method: "GET", "POST", "PUT" or "DELETE".
        path: What follows the API's address.
        body: The JSON to send; None for none. It may hold secrets.
    """

    method: str
    path: str
    body: Any = None

    def __repr__(self) -> str:
        return f"ApiRequest({self.method!r}, {self.path!r})"


class _Made(Exception):
    def __init__(self, request: ApiRequest) -> None:
        super().__init__()
        self.request = request


class _Recorder:
    """In place of the HTTP client: takes the request that would be sent."""

    def __getattr__(self, verb: str) -> Any:
        def take(url: str, **given: Any) -> Any:
            raise _Made(ApiRequest(verb.upper(), url, given.get("json")))

        return take


def api_request(
    method: str, namespace: str, name: str | None = None, options: Mapping[str, Any] | None = None
) -> ApiRequest:
    """What a method of `HfApi` would send.

    Args:
        method: Its name, such as "pause_inference_endpoint".
        namespace: Whose endpoints are meant.
        name: The endpoint's; None where the method takes none.
        options: What it takes besides.

    Raises:
        ConfigError: The method has no such option, needs another one, or refuses a value.

    Example:
        >>> api_request("pause_inference_endpoint", "me", "mine")
        ApiRequest('POST', '/endpoint/me/mine/pause')
    """
    from huggingface_hub import HfApi

    known, options = options_of(method), options or {}
    if unknown := options.keys() - known:
        raise ConfigError(
            f"An endpoint has no option {min(unknown)!r}. Nothing was sent.",
            hint=f"Those of huggingface_hub are {', '.join(sorted(known))}.",
        )
    function = inspect.unwrap(getattr(HfApi, method))
    world = {**function.__globals__, "get_session": _Recorder, "constants": _NoHost}
    recorded = FunctionType(
        function.__code__, world, function.__name__, function.__defaults__, function.__closure__
    )
    recorded.__kwdefaults__ = function.__kwdefaults__
    try:
        recorded(_alone(), *([] if name is None else [name]), namespace=namespace, **options)
    except _Made as made:
        return made.request
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{error}. Nothing was sent.".replace("..", ".")) from None
    raise ConfigError(f"huggingface_hub's {method} sends nothing; the version is not supported.")


def options_of(method: str) -> frozenset[str]:
    """The options that a method of `HfApi` takes by name, but for those that are ours to decide."""
    from huggingface_hub import HfApi

    parameters: Mapping[str, inspect.Parameter] = inspect.signature(getattr(HfApi, method)).parameters
    return frozenset(
        name for name, each in parameters.items() if each.kind is inspect.Parameter.KEYWORD_ONLY
    ) - {"namespace", "token"}


def _alone() -> Any:
    """An `HfApi` that asks nobody, also where a method would look at the endpoint before it changes it."""
    from huggingface_hub import HfApi

    class Alone(HfApi):
        def get_inference_endpoint(self, *arguments: Any, **options: Any) -> Any:  # noqa: ARG002
            raise ValueError("These options are part of the image: pass custom_image, too")

    return Alone(token=False)


class _NoHost:
    """In place of the constants: the host is ours to choose."""

    INFERENCE_ENDPOINTS_ENDPOINT = ""
