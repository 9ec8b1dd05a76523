"""The health of targets as all workers know it: what one finds out closes, or opens, the target for the others.

Lives here: what is told and what is believed. Not here: when a target is closed (`state.health`), where the notices
hang (`health_boards`), when they are read and written (`policy.share`, which does so where it holds nobody up).

Each process still decides by its own records, which the notices of others change: a look at one costs nothing, and
with the place away everybody goes by what he has seen himself. How fast targets are, and what is left of the
allowance for retries, stays each process's own.

    a worker is refused, "come back in 60 s" ──▶ closes the target ──▶ puts up a notice
    the others, within a second ◀── read the board ──▶ pass the target over, until its time
    whoever probes it first and is answered ──▶ opens it ──▶ puts up a notice ──▶ open for all
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Any, cast

from shared_core._locks import new_lock
from shared_core.policy.state.health import Closing, Health, Trouble
from shared_core.policy.stores.health_boards import Board, Notice, board_at
from shared_core.policy.stores.opening import open_state
from shared_core.types import ApiKey, Figures

__all__ = ["SharedHealth", "shared_health"]

_logger = logging.getLogger("hfrouter")

_Hung = tuple[Notice, Closing | None]
"""A notice, and what it means by the clock of this process."""

_WORTH_KNOWING = 60.0  # seconds that a notice of good health hangs at least
_AS_GOOD_AS_TOLD = 1.0  # seconds: of a hundred calls that are refused together, one tells


class SharedHealth(Health):
    """`Health` whose closings are told to other processes, and theirs to it. Keys are targets' ids.

    Args:
        board: Where the notices hang.
        ambient: The token that keys stand for which hold none, "" where there is none; may read files.
        wall_clock: Unix time in seconds. Clocks of machines may differ: a target is never closed for longer than
            its notice says in seconds.
        interval: Seconds between two looks at the board.
        settings: As for `Health`.
    """

    is_shared = True

    def __init__(
        self,
        board: Board,
        ambient: Callable[[], str],
        *,
        wall_clock: Callable[[], float] = time.time,
        interval: float = 1.0,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._board, self._ambient, self._wall, self.interval = board, ambient, wall_clock, interval
        self._ambient_token: str | None = None
        self._begin()

    def _begin(self) -> None:
        self._names: dict[Hashable, str] = {}  # on the board, of each target that was asked about
        self._hanging: dict[str, _Hung] = {}  # at the last look
        self._believed: dict[Hashable, Notice] = {}
        self._news: dict[Hashable, Notice] = {}
        self._looked = -math.inf
        self._tellings = 0
        self._gate = new_lock()

    # -- Health --------------------------------------------------------------------------------------------

    def is_open(self, key: Hashable) -> bool:
        """See Health."""
        record = self._records.get(key)
        if record is not None:
            return not record.closed
        self._meet(key)
        return super().is_open(key)

    def admit(self, key: Hashable, now: float, until: float, *, early: bool = False) -> Any:
        """See Health."""
        record = self._records.get(key)
        if record is None:
            self._meet(key)
        elif not record.closed:
            return "open"
        return super().admit(key, now, until, early=early)

    def answered(
        self, key: Hashable, now: float, figures: Figures | None = None, *, probe: bool = False
    ) -> None:
        """See Health."""
        before = self.closing(key) if probe else None
        super().answered(key, now, figures, probe=probe)
        if before is not None:
            wall = self._wall()
            self._note(key, Notice(wall + max(_WORTH_KNOWING, before.until - now), 0.0, False, wall))

    def failed(
        self,
        key: Hashable,
        now: float,
        trouble: Trouble,
        *,
        rivals: Iterable[Hashable] = (),
        retry_after: float | None = None,
        probe: bool = False,
    ) -> bool:
        """See Health."""
        closed = super().failed(key, now, trouble, rivals=rivals, retry_after=retry_after, probe=probe)
        if closed and (closing := self.closing(key)) is not None:
            wall = self._wall()
            until, told = wall + closing.until - now, self._believed.get(key)
            if told is None or told.length <= 0 or abs(told.until - until) >= _AS_GOOD_AS_TOLD:
                self._note(key, Notice(until, closing.length, closing.early == math.inf, wall))
        return closed

    def clear(self) -> None:
        """See Health; nothing is taken off the board."""
        super().clear()
        self._begin()

    # -- the board: these may block, and are called where that holds nobody up ----------------------------------

    def is_due(self, now: float) -> bool:
        """Whether it is time to look at the board; whoever hears yes does so."""
        if now - self._looked < self.interval or self._board.is_away:
            return False
        with self._gate:
            if now - self._looked < self.interval:
                return False
            self._looked = now
            return True

    def look(self, now: float) -> None:
        """Takes in what the others have told. `now` is in monotonic seconds."""
        if not self._ambient_token:
            self._ambient_token = self._ambient()
        wall, tellings = self._wall(), self._tellings
        notices = self._board.read(wall)
        if notices is None:
            return
        for key in list(self._records):
            self._meet(key)  # asked for before this process knew its own token
        hanging = {name: (notice, self._meant(notice, wall, now)) for name, notice in notices.items()}
        with self._gate:
            self._hanging = hanging
            concerned = {key: name for key, name in self._names.items() if name in hanging}
            self._believed = {key: notice for key, notice in self._believed.items() if key in concerned}
        for key, name in concerned.items():
            # What was told meanwhile is newer than what was read: that all is well may no longer be true.
            if self._tellings == tellings or hanging[name][1] is not None:
                self._believe(key, hanging[name], now)

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell, and somewhere to tell it."""
        return bool(self._news) and not self._board.is_away

    def tell(self) -> None:
        """Puts up what this process has found out. What cannot be told now is told later, while it is true."""
        wall = self._wall()
        with self._gate:
            news, self._news = self._news, {}
        current = {key: notice for key, notice in news.items() if notice.until > wall}
        named = {
            name: notice
            for key, notice in current.items()
            if (name := self._name(key)) and not self._is_outdone(name, notice)
        }
        is_told = not named or self._board.write(named)
        with self._gate:
            self._tellings += 1
            if is_told:
                self._believed |= current
            else:
                self._news = current | self._news

    # -- inside ------------------------------------------------------------------------------------------------

    def _note(self, key: Hashable, notice: Notice) -> None:
        with self._gate:
            self._news[key] = notice

    def _meet(self, key: Hashable) -> None:
        """A target that was perhaps not asked about before: there may be a notice about it."""
        if key in self._names or not (name := self._name(key)):
            return
        with self._gate:
            if len(self._names) >= self._most:
                self._names.clear()
            self._names[key] = name
            hung = self._hanging.get(name)
        if hung is not None:
            self._believe(key, hung, self._looked)

    def _believe(self, key: Hashable, hung: _Hung, now: float) -> None:
        notice, closing = hung
        with self._gate:
            if self._believed.get(key) == notice:
                return
            untold = self._news.get(key)
            if untold is not None and closing is None:
                return  # what was found out here is newer
            if untold is not None and untold.length <= 0:
                del self._news[key]  # no longer true, as it seems; where it is, a probe will show it
            self._believed[key] = notice
        if closing is not None and closing.until <= now:
            return
        if not self.take_in(key, closing, now):
            return
        if closing is None:
            _logger.info("%s: another worker found it well again", _called(key))
        else:
            _logger.info("%s: closed for %.0f s by another worker", _called(key), closing.until - now)

    def _meant(self, notice: Notice, wall: float, now: float) -> Closing | None:
        """A notice by the clock of this process; None says that the target is well again."""
        if notice.length <= 0:
            return None
        left = min(notice.until - wall, notice.length, self.longest_heeded)
        return Closing(now + left, notice.length, math.inf if notice.is_named else now + self.pause)

    def _is_outdone(self, name: str, notice: Notice) -> bool:
        """Whether the board says already that the target is closed, for longer."""
        hanging, closing = self._hanging.get(name, (notice, None))
        return notice.length > 0 and closing is not None and hanging.until > notice.until

    def _name(self, key: Hashable) -> str:
        """A digest of the target and of whose account it is; "" while that is not known."""
        url, secret, bill_to, model = cast("tuple[str, ApiKey, str | None, str]", key)
        if secret.function is not None and not secret.travels:  # elsewhere it may be another account's
            return ""
        token = secret.name or (secret.reveal() if secret.source == "argument" else "")
        if secret.source == "ambient":
            if self._ambient_token is None:
                return ""
            token = self._ambient_token
        whole = "\0".join(("hfrouter target", url, token, bill_to or "", model))
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def shared_health(state: Any, ambient: Callable[[], str]) -> SharedHealth:
    """The health that is shared at a place: one object for all clients of the process that name it.

    Args:
        state: As for `open_state`, and not None.
        ambient: The token of keys that hold none.

    Raises:
        ConfigError: There is no such place.
        ImportError: Redis needs its extra.
    """
    place = open_state(state)
    assert place is not None
    with _making:
        if place not in _made:
            _made[place] = SharedHealth(board_at(place), ambient)
        return _made[place]


_made: dict[object, SharedHealth] = {}
_making = new_lock()


def _called(key: Hashable) -> str:
    url, _, _, model = cast("tuple[str, ApiKey, str | None, str]", key)
    return f"{model or 'The model'} at {url}"
