"""`doctor`: what may be wrong on this machine, each finding with its fix."""

from __future__ import annotations

import email.utils
import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from shared_core.cache.opening import default_path
from shared_core.cli.clients import BaseUrl, HubUrl, Json, client
from shared_core.cli.out import complaining, show_json, tell
from shared_core.client import HFRouter
from shared_core.client.settings import proxies
from shared_core.errors import RouterError
from shared_core.flow import Flow, Head
from shared_core.flow.blocking import BlockingRun
from shared_core.hub import Endpoints
from shared_core.types import Call, LookupRequest, Progress, Timeouts, Waits, endpoint_in

__all__ = ["Finding", "doctor"]

_MAY_CALL = "inference.serverless.write"
"""The permission "Make calls to Inference Providers", as `whoami-v2` names it."""

_SKEW = 60.0  # seconds that a clock may be wrong

_PEERS = {
    # Source: reliability notes 1.2: pip steps back years rather than say so.
    "langchain-huggingface": "it needs huggingface_hub below 2; beside 2 pip installs a version of 2025",
    "litellm": "it needs huggingface_hub below 2",
}


class Finding(NamedTuple):
    """One thing that was looked at.

    Args:
        about: What.
        state: "ok", "note" or "trouble".
        said: What was seen.
        fix: What to do; "" where nothing is to be done.
    """

    about: str
    state: str
    said: str
    fix: str = ""


def doctor(
    redis: Annotated[
        str | None, typer.Option("--redis", help="A Redis server to try, too.", metavar="URL")
    ] = None,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Looks for what may be wrong: token, permissions, versions, proxy, clock, caches, Redis.

    Exit code 1 says that there is trouble.

    Example:

      hfrouter doctor
    """
    with complaining():
        router = client(None, base_url, hub_url, max_retries=0, timeout=Timeouts(total=15.0))
        found = [finding for look in _LOOKS for finding in look(router)]
        if redis is not None:
            found.append(_redis(redis))
    if as_json:
        show_json([finding._asdict() for finding in found])
    else:
        for finding in found:
            tell(f"{finding.state:<8}{finding.about}: {finding.said}")
            if finding.fix:
                tell(finding.fix, indent=8)
    raise typer.Exit(1 if any(finding.state == "trouble" for finding in found) else 0)


def _python(_: HFRouter) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", "ok", version)


def _versions(_: HFRouter) -> Iterator[Finding]:
    names = ("hfrouter", "huggingface_hub", "httpx2", "langchain-core", "llama-index-core", "redis")
    known = {name: version for name in names if (version := _version(name))}
    yield Finding("packages", "ok", ", ".join(f"{name} {version}" for name, version in known.items()))
    if known.get("huggingface_hub", "").startswith("2"):
        for name, why in _PEERS.items():
            if version := _version(name):
                yield Finding(
                    name,
                    "note",
                    f"{version} is installed beside huggingface_hub {known['huggingface_hub']}; {why}",
                    'Keep it, if you need it, with pip install "huggingface_hub<2", which hfrouter takes as well.',
                )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


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


def _proxy(_: HFRouter) -> Iterator[Finding]:
    for scheme, address in proxies():
        host = address.rpartition("@")[2]
        yield Finding("proxy", "note", f"{scheme} goes through {host}", "Exempt hosts with NO_PROXY.")


def _cache(_: HFRouter) -> Iterator[Finding]:
    path = default_path()
    nearest = next(folder for folder in (path.parent, *path.parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        yield Finding(
            "cache",
            "trouble",
            f"{nearest} cannot be written to",
            "Set HF_HOME to a folder of yours; caches and models are kept there.",
        )
        return
    yield Finding("cache", "ok", f"{path.parent} can be used{_looseness(path)}")


def _looseness(path: Path) -> str:
    if path.exists() and path.stat().st_mode & 0o077:
        return f"; others may read {path.name}: chmod 600 it"
    return ""


def _redis(url: str) -> Finding:
    from shared_core.storage.redis import RedisServer

    try:
        server = RedisServer(url, whose="Shared state", instead="nothing is shared", timeout=2.0)
    except (ImportError, RouterError) as error:
        return Finding("Redis", "trouble", str(error).partition("\n")[0], 'pip install "hfrouter[redis]"')
    if server.ask(lambda it: it.ping()):
        return Finding("Redis", "ok", f"{server.where} answers")
    return Finding(
        "Redis", "trouble", f"{server.where} does not answer", "Is it running, and is this its address?"
    )


_LOOKS: tuple[Callable[[HFRouter], Iterator[Finding]], ...] = (
    _python,
    _versions,
    _token,
    _router,
    _proxy,
    _cache,
)


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
