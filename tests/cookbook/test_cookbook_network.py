"""A company's network: every way of calling goes through its proxy, and trusts its authority when it is told to."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from company_network import AUTHORITY, Network, company_network

CODE = """
import asyncio
from shared_core import AsyncHFRouter, HFRouter, RouterError
hello = [{{"role": "user", "content": "Hello!"}}]
settings = {{"base_url": {url!r}, "api_key": "k", "max_retries": 0}}
async def later():
    async with AsyncHFRouter("offline/echo", transport={kind!r}, **settings) as router:
        return await router.chat(hello)
try:
    reply = HFRouter("offline/echo", **settings).chat(hello) if {kind!r} == "sync" else asyncio.run(later())
    print(reply.text)
except RouterError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with company_network() as running:
        yield running


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_the_proxy_is_asked_and_the_companys_authority_believed(kind, network):
    network.asked.clear()
    code = CODE.format(url=network.url, kind=kind)
    assert network.run(code, https_proxy=network.proxy, SSL_CERT_FILE=str(AUTHORITY)) == "Hello!"
    assert [line.split()[0] for line in network.asked] == ["CONNECT"]


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_without_the_authority_the_error_names_the_variable(kind, network):
    printed = network.run(CODE.format(url=network.url, kind=kind), REQUESTS_CA_BUNDLE=str(AUTHORITY))
    assert printed.startswith("ConnectionLost The certificate of 127.0.0.1")
    assert "SSL_CERT_FILE" in printed


@pytest.mark.parametrize("kind", ["sync", "httpx2", "aiohttp"])
def test_a_proxy_that_is_not_there_is_named_without_its_password(kind, network):
    printed = network.run(
        CODE.format(url=network.url, kind=kind), HTTPS_PROXY="http://ada:secret@127.0.0.1:9"
    )
    assert re.match(
        r"ConnectionLost No connection to 127\.0\.0\.1:\d+ by the proxy 127\.0\.0\.1:9: ", printed
    )
    assert "secret" not in printed
