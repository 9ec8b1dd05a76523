"""What `doctor` looks up on this machine: Python, packages that clash, settings, caches and other files, Redis.

Not here: what the router and the Hub are asked (`doctor`).
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shared_core.cache.opening import default_path
from shared_core.client.settings import proxies
from shared_core.errors import ConfigError, RouterError
from shared_core.storage.redis import RedisServer, is_redis_url

if TYPE_CHECKING:
    from shared_core.client.router_settings import RouterSettings

__all__ = ["Finding", "packages", "places", "proxy", "python", "redis", "settings_found"]

_TOLD = ("hfrouter", "huggingface_hub", "httpx2", "langchain-core", "llama-index-core", "redis")
_SHARED = {"huggingface-hub", "httpx2", "langchain-core", "llama-index-core", "pydantic", "numpy", "redis"}
"""What we and others want in versions of their own."""

_PEERS = {
    # Source: pip dry runs, November 2026: pip steps back years rather than say so.
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


def python() -> Iterator[Finding]:
    """Which Python runs this."""
    yield Finding("Python", "ok", f"{'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}")


def packages() -> Iterator[Finding]:
    """Versions, and who wants others than there are."""
    known = {name: version for name in _TOLD if (version := _version(name))}
    yield Finding("packages", "ok", ", ".join(f"{name} {version}" for name, version in known.items()))
    hub = known.get("huggingface_hub", "")
    for name, why in _PEERS.items():
        if hub.startswith("2") and (version := _version(name)):
            yield Finding(
                name,
                "note",
                f"{version} is installed beside huggingface_hub {hub}; {why}",
                'Keep it, if you need it, with pip install "huggingface_hub<2", which hfrouter takes as well.',
            )
    yield from _clashes()


def _clashes() -> Iterator[Finding]:
    """Installed packages that say they do not work with what is installed: pip warns of that once, when it happens."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for installed in metadata.distributions():
        name = canonicalize_name(installed.metadata["Name"] or "")
        for written in installed.requires or ():
            try:
                wanted = Requirement(written)
            except InvalidRequirement:
                continue
            other = canonicalize_name(wanted.name)
            if other not in _SHARED or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
                continue
            if (there := _version(other)) and not wanted.specifier.contains(there, prereleases=True):
                yield Finding(
                    name,
                    "note",
                    f"{installed.version} wants {other}{wanted.specifier}, and {there} is installed",
                    f'Upgrade {name}; or pip install "{other}{wanted.specifier}", if hfrouter takes that, too.',
                )


def settings_found() -> tuple[Finding, RouterSettings | None]:
    """Which settings file counts here, and whether it can be read; with what it says."""
    from shared_core.client.router_settings import RouterSettings

    try:
        written = RouterSettings()
    except ConfigError as error:
        return Finding("settings", "trouble", error.message, error.hint or ""), None
    places = sorted({str(origin) for name, origin in written.origins.items() if name != "config"})
    said = ", ".join(places) if places else "none are written down here"
    return Finding("settings", "ok", said), written


def proxy() -> Iterator[Finding]:
    """Proxies of the environment, without their passwords."""
    for scheme, address in proxies():
        host = address.rpartition("@")[2]
        yield Finding("proxy", "note", f"{scheme} goes through {host}", "Exempt hosts with NO_PROXY.")


def places(written: RouterSettings | None) -> Iterator[Finding]:
    """The folders and files that caches, ledger and state need."""
    for name, path in (("cache", default_path()), *_files(written)):
        nearest = next(folder for folder in (path.parent, *path.parent.parents) if folder.exists())
        if not os.access(nearest, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
            what = path if path.exists() else nearest
            fix = (
                "Set HF_HOME to a folder of yours."
                if name == "cache"
                else "Name another, or mend its permissions."
            )
            yield Finding(name, "trouble", f"{what} cannot be written to", fix)
        elif path.exists() and os.name != "nt" and path.stat().st_mode & 0o077:
            yield Finding(name, "note", f"others may read {path}", f"chmod 600 {shlex.quote(str(path))}")
        else:
            yield Finding(name, "ok", f"{path if path.exists() else nearest} can be used")


def redis(written: RouterSettings | None, given: str | None) -> Iterator[Finding]:
    """The servers that the settings and the option name."""
    named = {"Redis": given, **{f"Redis of {name}": place for name, place in _named(written)}}
    for about, url in named.items():
        if is_redis_url(url) or (about == "Redis" and url is not None):
            yield _answering(about, str(url))


def _named(written: RouterSettings | None) -> Iterator[tuple[str, Any]]:
    """Places that the settings name."""
    if written is None:
        return
    for name in ("chat_cache", "embedding_cache", "ledger", "state"):
        kept = getattr(written, name)
        yield name, kept.get("store", kept.get("path")) if isinstance(kept, Mapping) else kept


def _files(written: RouterSettings | None) -> Iterator[tuple[str, Path]]:
    for name, place in _named(written):
        if isinstance(place, str) and not is_redis_url(place):
            yield name, Path(place).expanduser().absolute()


def _answering(about: str, url: str) -> Finding:
    try:
        server = RedisServer(url, whose="Shared state", instead="nothing is shared", timeout=2.0)
    except ImportError as error:
        return Finding(about, "trouble", str(error).partition(":")[0], 'pip install "hfrouter[redis]"')
    except RouterError as error:
        return Finding(about, "trouble", error.message, error.hint or "")
    try:
        if server.ask(lambda it: it.ping()):
            return Finding(about, "ok", f"{server.where} answers")
    finally:
        server.close()
    return Finding(
        about,
        "trouble",
        f"{server.where} does not answer",
        "Is it running, and are address and password right?",
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
