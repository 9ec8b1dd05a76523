"""What an HTTP library raises, in this package's words.

httpx and httpx2 name their exceptions alike, so the names decide, and neither has to be imported.

The library's exception is never chained: its traceback holds frames whose local variables show the
request's headers, token included, to every tool that prints locals.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from shared_core.errors import ConfigError, ConnectionLost, MalformedResponse, RouterError, TimedOut
from shared_core.types import HttpRequest, Waits
from shared_core.wire.redact import redact

__all__ = ["failure_of"]


def failure_of(
    error: Exception, request: HttpRequest, waits: Waits, *, proxy: str | None = None
) -> RouterError | None:
    """The error to raise instead; None when it is not the network's doing.

    Args:
        error: The library's.
        request: What was to be sent.
        waits: Which time limit has passed, if one has.
        proxy: The proxy that it went by. Of it the error names host and port.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    host = urlsplit(request.url).netloc
    if "TimeoutException" in kinds or "TimeoutError" in kinds:
        return TimedOut(f"{waits.verdict()} (host {host}).")
    if kinds & {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}:
        return ConfigError(
            f"The request to {host or request.url!r} cannot be sent: {_said(error)}.",
            hint="Check `base_url` (it starts with https:// or http://) and the headers.",
        )
    if _is_certificate(error):
        return ConnectionLost(
            f"The certificate of {host} was not accepted: {_said(error)}.",
            hint="Check this machine's clock. An authority of your company's or your proxy's own goes into the file "
            "that SSL_CERT_FILE names (REQUESTS_CA_BUNDLE is not read).",
            reactions=(),
        )
    if "DecodingError" in kinds:
        return MalformedResponse(f"The body cannot be decompressed: {_said(error)}.")
    if kinds & {"ConnectError", "ProxyError", "ClientConnectorError"}:
        way = f" by the proxy {_place_of(proxy)}" if proxy else ""
        return ConnectionLost(f"No connection to {host}{way}: {_said(error)}.")
    if kinds & {"TransportError", "HTTPError", "ClientError", "OSError"}:
        return ConnectionLost(f"The connection to {host} broke: {_said(error)}.")
    return None


def _said(error: Exception) -> str:
    return redact(str(error).rstrip(".")) or type(error).__name__


def _place_of(proxy: str) -> str:
    return urlsplit(proxy).netloc.rpartition("@")[2]


def _is_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
