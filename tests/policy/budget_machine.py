"""A model of budgets in a few dictionaries, and random steps that every store must follow as the model does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from shared_core.policy.state.holds import Account, BudgetStore, Charge, Hold, Line, Posting

__all__ = ["ACCOUNTS", "BudgetMachine", "hold_of", "quiet"]

ACCOUNTS = ("a/x/total", "a/y/total", "b//2026-11-27")
LIMIT = 100
FOR_EVER = 1e17


def quiet(postings: Sequence[Posting]) -> None:
    """Tells nobody."""


def hold_of(
    *amounts: tuple[str, int],
    limit: int = LIMIT,
    hard: bool = True,
    strict: bool = False,
    since: float = 1000.0,
    seconds: float = 60.0,
    tell: Callable[[Sequence[Posting]], object] = quiet,
) -> Hold:
    """A hold for so much in each account."""
    lines = [Line(account, amount, limit, hard, strict, FOR_EVER) for account, amount in amounts]
    return Hold(lines, since, seconds, tell)


class BudgetMachine(RuleBasedStateMachine):
    """Steps on one or more stores that lead to the same place, as processes have them.

    A subclass says which (`stores`), and whether what a crashed process has set aside lapses by the clock passed in.
    """

    lapses = True

    def stores(self) -> list[BudgetStore]:
        raise NotImplementedError

    held = Bundle("held")

    @initialize()
    def begin(self) -> None:
        self.places = self.stores()
        self.now = 1000.0
        self.spent = dict.fromkeys(ACCOUNTS, 0)
        self.granted = dict.fromkeys(ACCOUNTS, 0)
        self.unconfirmed = dict.fromkeys(ACCOUNTS, 0)
        self.holds: dict[str, tuple[Hold, float]] = {}
        self.owner: dict[str, BudgetStore] = {}
        self.posted: list[Posting] = []

    def tell_all(self) -> None:
        """Lets each process tell what it has still to tell."""
        for store in getattr(self, "places", ()):
            store.accounts("nobody", "", self.now)

    def teardown(self) -> None:
        self.tell_all()

    def reserved(self, account: str) -> int:
        return sum(
            line.amount
            for hold, lapses in self.holds.values()
            for line in hold.lines
            if line.account == account and (not self.lapses or lapses > self.now)
        )

    @rule(
        target=held,
        where=st.integers(0, 9),
        accounts=st.lists(st.sampled_from(ACCOUNTS), min_size=1, max_size=3, unique=True),
        amount=st.integers(0, 60),
        hard=st.booleans(),
        seconds=st.sampled_from([5.0, 60.0]),
    )
    def reserve(self, where: int, accounts: list[str], amount: int, hard: bool, seconds: float) -> Any:
        self.tell_all()
        store = self.places[where % len(self.places)]
        hold = hold_of(
            *((account, amount) for account in accounts),
            hard=hard,
            since=self.now,
            seconds=seconds,
            tell=self.posted.extend,
        )
        verdict = store.reserve_now(hold) or store.reserve(hold)
        short = [
            place
            for place, account in enumerate(accounts)
            if hard and amount > LIMIT + self.granted[account] - self.spent[account] - self.reserved(account)
        ]
        assert verdict.short == (short[0] if short else -1)
        if not short:
            self.holds[hold.id] = hold, self.now + seconds
        self.owner[hold.id] = store
        return hold

    @rule(hold=consumes(held), cost=st.integers(0, 80), unconfirmed=st.booleans())
    def settle(self, hold: Hold, cost: int, unconfirmed: bool) -> None:
        charges = [Charge(cost, cost if unconfirmed else 0) for _ in hold.lines]
        self.owner[hold.id].settle(hold, charges)
        self.owner[hold.id].settle(hold, charges)  # a second time does nothing
        if self.holds.pop(hold.id, None) is not None:
            for line in hold.lines:
                self.spent[line.account] += cost
                self.unconfirmed[line.account] += cost if unconfirmed else 0

    @rule(hold=consumes(held))
    def give_back(self, hold: Hold) -> None:
        self.owner[hold.id].settle(hold, ())
        self.holds.pop(hold.id, None)

    @rule(hold=consumes(held))
    def crash(self, hold: Hold) -> None:
        """Nobody settles it: it stays until it lapses."""

    @rule(where=st.integers(0, 9), account=st.sampled_from(ACCOUNTS), amount=st.integers(0, 30))
    def grant(self, where: int, account: str, amount: int) -> None:
        self.places[where % len(self.places)].grant(account, amount, FOR_EVER, self.now)
        self.granted[account] += amount

    @rule(seconds=st.floats(-30, 30))
    def time_goes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def all_see_the_same(self) -> None:
        self.tell_all()
        for store in getattr(self, "places", ()):
            for account in ACCOUNTS:
                found = store.accounts(account, "", self.now) or [Account(account, 0, 0, 0, 0)]
                assert found == [
                    Account(
                        account,
                        self.spent[account],
                        self.reserved(account),
                        self.unconfirmed[account],
                        self.granted[account],
                    )
                ]

    @invariant()
    def every_charge_is_told_once_and_in_one_line(self) -> None:
        told = sum(posting.after - posting.before for posting in getattr(self, "posted", ()))
        assert told == sum(getattr(self, "spent", {}).values())
