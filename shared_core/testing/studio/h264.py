"""The smallest H.264 that players play: every macroblock is either sent as it is (I_PCM) or left as it was.

Baseline profile, no prediction, no transform, no loop filter: pictures come out exactly as they went in. The
first picture is whole, later ones hold the macroblocks that changed. Syntax as in ITU-T H.264, 7.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BLOCK", "pps", "slices", "sps"]

BLOCK = 16
"""Pixels along the side of a macroblock; width and height are multiples of it."""
_FRAME_NUMBER_BITS = 8
_I_PCM, _I_PCM_AMONG_P = 25, 30
_SPS, _PPS, _IDR, _PLAIN = 0x67, 0x68, 0x65, 0x41
"""First bytes of the units: kind, and that others refer to them."""


class _Bits:
    """Bits, written most significant first, with the two variable-length codes of H.264."""

    def __init__(self) -> None:
        self._done = bytearray()
        self._open = 0
        self._count = 0

    def fixed(self, value: int, count: int) -> None:
        """A number in so many bits."""
        self._open = (self._open << count) | value
        self._count += count
        while self._count >= 8:
            self._count -= 8
            self._done.append(self._open >> self._count & 0xFF)
        self._open &= (1 << self._count) - 1

    def coded(self, *values: int) -> None:
        """Numbers in Exp-Golomb code, `ue(v)`; zero is `se(v)` too."""
        for value in values:
            length = (value + 1).bit_length()
            self.fixed(value + 1, 2 * length - 1)

    def aligned(self, data: bytes) -> None:
        """Whole bytes, at the next byte's edge."""
        if self._count:
            self.fixed(0, 8 - self._count)
        self._done += data

    def finished(self) -> bytes:
        """All of it, with the closing bit."""
        self.fixed(1, 1)
        self.aligned(b"")
        return bytes(self._done)


def _unit(first: int, payload: bytes) -> bytes:
    """A NAL unit: three bytes that look like a start code are kept apart."""
    kept, zeros = bytearray((first,)), 0
    for byte in payload:
        if zeros == 2 and byte <= 3:
            kept.append(3)
            zeros = 0
        kept.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(kept)


def sps(width: int, height: int) -> bytes:
    """The sequence parameters: baseline, level 3, one reference, pictures in order."""
    bits = _Bits()
    for value in (66, 0xC0, 30):
        bits.fixed(value, 8)
    bits.coded(0, _FRAME_NUMBER_BITS - 4, 2, 1)
    bits.fixed(0, 1)
    bits.coded(width // BLOCK - 1, height // BLOCK - 1)
    for flag in (1, 1, 0, 0):  # frames only, direct 8x8, no cropping, no further information
        bits.fixed(flag, 1)
    return _unit(_SPS, bits.finished())


def pps() -> bytes:
    """The picture parameters: variable-length codes, and slices may say that the loop filter rests."""
    bits = _Bits()
    bits.coded(0, 0)
    bits.fixed(0, 2)
    bits.coded(0, 0, 0)
    bits.fixed(0, 3)
    bits.coded(0, 0, 0)
    bits.fixed(0b100, 3)
    return _unit(_PPS, bits.finished())


Planes = tuple["NDArray[np.uint8]", "NDArray[np.uint8]", "NDArray[np.uint8]"]
"""Luma, and both chromas at half the size."""


def slices(pictures: Sequence[Planes]) -> list[bytes]:
    """One NAL unit a picture: the first whole, the others with what changed."""
    units: list[bytes] = []
    before: list[bytes] = []
    for number, picture in enumerate(pictures):
        blocks = _blocks(picture)
        units.append(_changed(number, blocks, before) if before else _whole(blocks))
        before = blocks
    return units


def _blocks(planes: Planes) -> list[bytes]:
    """The bytes of each macroblock, row by row."""
    luma, blue, red = planes
    rows, columns = luma.shape[0] // BLOCK, luma.shape[1] // BLOCK
    made = []
    for row in range(rows):
        for column in range(columns):
            parts = [luma[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]]
            parts += [plane[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] for plane in (blue, red)]
            made.append(b"".join(part.tobytes() for part in parts))
    return made


def _whole(blocks: list[bytes]) -> bytes:
    bits = _Bits()
    bits.coded(0, 7, 0)  # first macroblock, an I slice, its parameters
    bits.fixed(0, _FRAME_NUMBER_BITS)
    bits.coded(0)
    bits.fixed(0, 2)
    bits.coded(0, 1)  # no change of quantiser, no loop filter
    for block in blocks:
        bits.coded(_I_PCM)
        bits.aligned(block)
    return _unit(_IDR, bits.finished())


def _changed(number: int, blocks: list[bytes], before: list[bytes]) -> bytes:
    bits = _Bits()
    bits.coded(0, 5, 0)
    bits.fixed(number % (1 << _FRAME_NUMBER_BITS), _FRAME_NUMBER_BITS)
    bits.fixed(0, 3)  # references as usual
    bits.coded(0, 1)
    skipped = 0
    for block, old in zip(blocks, before, strict=True):
        if block == old:
            skipped += 1
            continue
        bits.coded(skipped, _I_PCM_AMONG_P)
        bits.aligned(block)
        skipped = 0
    if skipped:
        bits.coded(skipped)
    return _unit(_PLAIN, bits.finished())
