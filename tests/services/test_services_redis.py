"""The connections to a Redis server: whoever forgets to close them leaves none behind."""

from __future__ import annotations

import gc
import os
from typing import Any

from shared_core.storage.redis import RedisServer


def asked(url: str) -> tuple[RedisServer, Any]:
    """A server that has answered, and the socket of its connection."""
    server = RedisServer(url, whose="The cache", instead="calls go on without it")
    assert server.ask(lambda its: its.ping())
    [connection] = server.client.connection_pool._available_connections
    return server, connection._sock


def test_a_server_that_is_forgotten_closes_its_connections(redis_server: Any) -> None:
    server, line = asked(redis_server.url)
    client = server.client  # alive, so that only the forgetting can close it
    del server
    gc.collect()
    assert line.fileno() == -1
    assert client.ping(), "a client that is asked again connects again"
    client.close()


def test_a_client_that_was_given_stays_open(redis_server: Any) -> None:
    from redis import Redis

    with Redis.from_url(redis_server.url) as client:
        server = RedisServer(client, whose="The cache", instead="calls go on without it")
        assert server.ask(lambda its: its.ping())
        [connection] = client.connection_pool._available_connections
        del server
        gc.collect()
        assert connection._sock.fileno() > 0


def test_a_child_that_forgets_leaves_the_parents_connection_alone(redis_server: Any) -> None:
    server, line = asked(redis_server.url)
    child = os.fork()
    if child == 0:
        del server
        gc.collect()
        os._exit(line.fileno() == -1)
    assert os.waitpid(child, 0)[1] == 0
    assert server.ask(lambda its: its.ping())
    assert line.fileno() > 0, "the connection is the one from before"
    server.close()
