"""The options that every command shares, and the client they mean."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from shared_core.client import HFRouter

__all__ = ["BaseUrl", "HubUrl", "Json", "Timeout", "client"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", help="Another router or OpenAI-compatible server.", metavar="URL")
]
HubUrl = Annotated[str | None, typer.Option("--hub-url", help="Another Hub.", metavar="URL")]
Timeout = Annotated[float | None, typer.Option("--timeout", help="Seconds for the whole call.", min=0.001)]


def client(
    model: str | None = None, base_url: str | None = None, hub_url: str | None = None, **settings: Any
) -> HFRouter:
    """The client that the options mean; the token comes from the environment or the stored login."""
    return HFRouter(model, base_url=base_url, hub_url=hub_url, **settings)
