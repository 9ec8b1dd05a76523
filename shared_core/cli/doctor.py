"""`doctor`: what may be wrong on this machine, each finding with its fix.

Lives here: the command, and what asks the router and the Hub. Not here: what is looked up on this machine alone
(`machine`).
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from shared_core.cli.clients import BaseUrl, HubUrl, Json, client
from shared_core.cli.hints import in_a_shell
from shared_core.cli.machine import Finding, packages, places, proxy, python, settings_found
from shared_core.cli.machine import redis as redis_servers
from shared_core.cli.out import complaining, show_json, tell
from shared_core.client import HFRouter
from shared_core.errors import RouterError
from shared_core.flow import Flow, Head
from shared_core.flow.blocking import BlockingRun
from shared_core.hub import Endpoints
from shared_core.types import Call, LookupRequest, Progress, Timeouts, Waits, endpoint_in

__all__ = ["doctor"]

_MAY_CALL = "inference.serverless.write"
"""The permission "Make calls to Inference Providers", as `whoami-v2` names it."""

_SKEW = 60.0  # seconds that a clock may be wrong


def doctor(
    redis: Annotated[
        str | None, typer.Option("--redis", help="A Redis server to try, too.", metavar="URL")
    ] = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Looks for what may be wrong, and says how to mend it.

    Settings, token, versions, proxy, clock, files and Redis.

    Exit code 1 says that there is trouble.

    Examples:

      hfrouter doctor

      hfrouter doctor --redis redis://localhost:6379/0 --json
    """
    with complaining():
        about, written = settings_found()
        found = [*python(), *packages(), about, *proxy(), *places(written), *redis_servers(written, redis)]
        if written is not None:  # else no client can be made
            router = client(None, base_url, hub_url, max_retries=0, timeout=Timeouts(total=15.0))
            found += [*_token(router), *_router(router)]
    if as_json:
        show_json([finding._asdict() for finding in found])
    else:
        for finding in found:
            tell(f"{finding.state:<8}{finding.about}: {finding.said}", hang=8)
            if finding.fix:
                tell(in_a_shell(finding.fix), indent=8)
    raise typer.Exit(1 if any(finding.state == "trouble" for finding in found) else 0)


def _token(router: HFRouter) -> Iterator[Finding]:
    call = _call(router, router.hub_url, "/api/whoami-v2", needed=True)
    try:
        answer = _run(router, router._exchange.look_up(call))
    except RouterError as error:
        what, _, fix = str(error).partition("\nNext: ")
        yield Finding("token", "trouble", what, fix)
        return
    name, token = answer.get("name", "?"), (answer.get("auth") or {}).get("accessToken") or {}
    yield Finding("token", "ok", f"of {name}, {token.get('role', 'of an unknown role')}")
    scoped = (token.get("fineGrained") or {}).get("scoped") or []
    permissions = {each for scope in scoped for each in scope.get("permissions", ())}
    if token.get("role") == "fineGrained" and _MAY_CALL not in permissions:
        yield Finding(
            "permissions",
            "trouble",
            "this token may not make calls to Inference Providers",
            "Tick that permission at https://hf.co/settings/tokens, or make another token.",
        )
    yield Finding("credits", "note", "what is left of them stands at https://hf.co/settings/billing")


def _router(router: HFRouter) -> Iterator[Finding]:
    if name := endpoint_in(router.base_url):
        yield _endpoint(router, name)
        return
    began = time.monotonic()
    try:
        head = _run(router, _head(router, _call(router, router.base_url, "/models")))
    except RouterError as error:
        what, _, fix = str(error).partition("\nNext: ")
        yield Finding("router", "trouble", f"{router.base_url}: {what}", fix)
        return
    yield Finding("router", "ok", f"{router.base_url} answers in {(time.monotonic() - began) * 1000:.0f} ms")
    yield from _clock(head)


def _endpoint(router: HFRouter, name: str) -> Finding:
    """The endpoint in place of the router, which is looked at and not woken."""
    try:
        found = Endpoints(router).get(name)
    except RouterError as error:
        what, _, fix = str(error).partition("\nNext: ")
        return Finding("endpoint", "trouble", what, fix)
    runs = found.status == "running"
    fix = "" if runs else f"Start it with `hfrouter endpoints resume {found.id}`."
    return Finding("endpoint", "ok" if runs else "note", f"{found.id} is {found.status!r}", fix)


def _clock(head: Head) -> Iterator[Finding]:
    try:
        theirs = email.utils.parsedate_to_datetime(head.headers.get("date", "")).timestamp()
    except ValueError:
        return
    skew = time.time() - theirs
    if abs(skew) > _SKEW:
        yield Finding(
            "clock",
            "trouble",
            f"it is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}",
            "Set it right: certificates, signed addresses and dates of usage go by it.",
        )
    else:
        yield Finding("clock", "ok", "right")


def _call(router: HFRouter, url: str, path: str, *, needed: bool = False) -> Call:
    waits = Waits(router.timeouts, time.monotonic, streamed=False)
    base = router._hub_call(LookupRequest(path, token_needed=needed), waits)
    if url == router.hub_url:
        return base
    own = router._call(LookupRequest(path), None, None, streamed=False)
    return Call(own.request, own.target, waits, Progress(waits.now()))


def _head(router: HFRouter, call: Call) -> Flow[Head]:
    return (yield from router._exchange._got(call))


def _run(router: HFRouter, flow: Flow[Any]) -> Any:
    return BlockingRun(flow, router._sender()).finish()
