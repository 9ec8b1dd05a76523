"""The options that every command shares, and the client they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_core.client import HFRouter

if TYPE_CHECKING:
    from shared_core.client.router_settings import RouterSettings

__all__ = [
    "LOCAL",
    "BaseUrl",
    "HubUrl",
    "Json",
    "MaxTokens",
    "Temperature",
    "Timeout",
    "client",
    "settings",
    "stand_in",
    "words",
]

LOCAL = "local:"
"""Before the name of an embedding model that is to run on this machine."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", help="Another router or OpenAI-compatible server.", metavar="URL")
]
HubUrl = Annotated[str | None, typer.Option("--hub-url", help="Another Hub.", metavar="URL")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", help="For the whole call.", min=0.001, metavar="SECONDS")
]
Temperature = Annotated[
    float | None,
    typer.Option("--temperature", "-t", help="Randomness; 0 is the least.", min=0, max=2, metavar="NUMBER"),
]
MaxTokens = Annotated[int | None, typer.Option("--max-tokens", help="Of an answer.", min=1, metavar="N")]


def client(
    model: str | None = None, base_url: str | None = None, hub_url: str | None = None, **settings: Any
) -> HFRouter:
    """The client that the options mean; the token comes from the environment or the stored login."""
    return HFRouter(model, base_url=base_url, hub_url=hub_url, **settings)


def stand_in(base_url: str | None, hub_url: str | None) -> dict[str, Any]:
    """The setting for who names a Hub of their own: it is a stand-in of the router, with its providers' paths."""
    return {"embedding_api": "router"} if base_url and hub_url else {}


def settings() -> RouterSettings:
    """What the environment, a `.env` and `hfrouter.toml` say here and now.

    Raises:
        ConfigError: Something of it cannot be read.
    """
    from shared_core.client.router_settings import RouterSettings

    return RouterSettings()


def words(known: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """The completion of an option whose values are words: those that begin as what was typed.

    Args:
        known: Gives them; asked when somebody completes, so that the command does not load them.
    """
    return lambda incomplete: [word for word in known() if word.startswith(incomplete)]
