"""`offline`: the router, imitated on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from shared_core.cli.clients import Json

__all__ = ["offline"]


def offline(
    port: Annotated[
        int, typer.Option("--port", help="On 127.0.0.1; 0 for a free one.", min=0, max=65535, metavar="N")
    ] = 8899,
    token: Annotated[str | None, typer.Option("--token", help="Require this token.", metavar="TOKEN")] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option("--alias", help="Answer to another id too: ID=MODEL; repeatable.", metavar="ID=MODEL"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Runs the offline router: no token, no network, no cost.

    It ends with Ctrl-C.

    Example:

      hfrouter offline --alias openai/gpt-oss-120b=offline/tools
    """
    from shared_core.testing.__main__ import main

    arguments = ["--port", str(port)]
    if token is not None:
        arguments += ["--token", token]
    if as_json:
        arguments.append("--json")
    for each in alias or []:
        arguments += ["--alias", each]
    raise typer.Exit(main(arguments))
