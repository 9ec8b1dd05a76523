"""What a process has still to tell of the calls that are over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from shared_core.policy.state.holds import Charge, Hold, Line, Posting

__all__ = ["Settlement", "merged"]


class Settlement(NamedTuple):
    """A hold that is to be settled; without charges it is given back."""

    hold: Hold
    charges: Sequence[Charge]


def merged(settlements: Iterable[Settlement]) -> Settlement:
    """Many as one, by account, for a place that is away for long: their own holds lapse there.

    None of them may have been told before, since each counts once under its own id.
    """
    lines: dict[str, Line] = {}
    sums: dict[str, tuple[int, int]] = {}
    tells: dict[str, tuple[Callable[[Sequence[Posting]], object], int]] = {}
    since = 0.0
    for hold, charges in settlements:
        since = max(since, hold.since)
        for place, (line, charge) in enumerate(zip(hold.lines, charges, strict=False)):
            amount, unconfirmed = sums.get(line.account, (0, 0))
            sums[line.account] = amount + charge.amount, unconfirmed + charge.unconfirmed
            lines[line.account] = line
            tells[line.account] = hold.tell, place
    told = list(tells.values())

    def tell(postings: Sequence[Posting]) -> None:
        for posting in postings:
            one, place = told[posting.place]
            one([posting._replace(place=place)])

    hold = Hold(list(lines.values()), since, 0.0, tell)
    return Settlement(hold, [Charge(*sums[account]) for account in lines])
