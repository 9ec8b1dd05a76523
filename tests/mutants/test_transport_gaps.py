"""What sabotage of the transport showed to be untested: how large compressed bodies may become at a time."""

from __future__ import annotations

import gzip

import pytest

from shared_core.errors import MalformedResponse
from shared_core.transport.decode import Inflater

MIB = 1 << 20


def test_a_small_compressed_body_that_becomes_large_comes_in_pieces() -> None:
    inflater = Inflater()
    pieces = [inflater.feed(gzip.compress(bytes(8 * MIB)))]
    while inflater.pending:
        pieces.append(inflater.feed())
    assert max(map(len, pieces)) <= MIB
    assert b"".join(pieces) == bytes(8 * MIB)


def test_what_is_not_compressed_as_announced_is_malformed() -> None:
    with pytest.raises(MalformedResponse, match="cannot be decompressed"):
        Inflater().feed(b"no gzip at all")
