"""Looking at budgets and granting more: the same for threads and for event loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from shared_core.client.base import RouterBase
from shared_core.client.settling import bound_by
from shared_core.errors import ConfigError
from shared_core.flow import Flow, offload
from shared_core.flow.asynchronous import AsyncRun
from shared_core.flow.blocking import BlockingRun

if TYPE_CHECKING:
    from shared_core.transport import AsyncTransport, Transport
    from shared_core.types import Budget, BudgetState
    from shared_core.types.budget import Amount

__all__ = ["AsyncBudgetCalls", "BudgetCalls"]


class _BudgetFlows(RouterBase):
    """The flows: a file or a server is asked where it holds nobody up."""

    def within(self, budget: Budget) -> Self:
        """This client for one piece of work, which keeps to a budget more. Everything else is shared with it.

        Args:
            budget: What the work may spend. One of a name that was used before goes on counting.

        Example:
            >>> from shared_core import Budget, HFRouter
            >>> router = HFRouter()
            >>> for_the_report = router.within(Budget(usd="2.50", per="total", name="report"))
            >>> print(*for_the_report.budgets())
            report: $0 of $2.5 spent
        """
        return bound_by(self, budget)

    def _budget_states(self) -> Flow[list[BudgetState]]:
        within = self._safeguards.within
        if within is None:
            return []
        from shared_core.policy.budget_accounts import states

        return (yield from offload(lambda: states(within.budgets, within.store, within.wall_clock())))

    def _grant(self, value: str, amount: Amount, budget: str | None) -> Flow[None]:
        within = self._safeguards.within
        if within is None:
            raise ConfigError("This client has no budget.", hint="Pass budgets= to the client.")
        from shared_core.policy.budget_accounts import grant

        now = within.wall_clock()
        yield from offload(lambda: grant(within.budgets, within.store, now, value, amount, budget))


class BudgetCalls(_BudgetFlows):
    """Budgets, blocking."""

    def budgets(self) -> list[BudgetState]:
        """How the client's budgets stand in the present window: one entry for each value that has spent anything.

        While a shared store cannot be reached, it is what this process knows.

        Example:
            >>> from shared_core import Budget, HFRouter
            >>> router = HFRouter(budgets=[Budget(usd="5.00", per="total", name="readme")])
            >>> print(*router.budgets())
            readme: $0 of $5 spent
        """
        return BlockingRun(self._budget_states(), self._sender()).finish()

    def grant(self, value: str, amount: Amount, *, budget: str | None = None) -> None:
        """Adds to what one value may spend, in the present window: credits, or an exception.

        Args:
            value: Whose, such as "ada"; "" for a budget that all share.
            amount: In the budget's unit: US dollars as a text such as "5.00", tokens or requests.
            budget: Its name; needed where the client has several.

        Raises:
            ConfigError: There is no such budget, or it is not said which.
            ConnectionLost: A shared store cannot be reached.

        Example:
            >>> from shared_core import Budget, HFRouter
            >>> router = HFRouter(budgets=[Budget(usd="0.10", per="total", of="tag:user", name="trial")])
            >>> router.grant("ada", "5.00")
            >>> print(router.budgets()[0].left)
            5.1
        """
        BlockingRun(self._grant(value, amount, budget), self._sender()).finish()

    if TYPE_CHECKING:

        def _sender(self) -> Transport: ...


class AsyncBudgetCalls(_BudgetFlows):
    """The same for event loops."""

    async def budgets(self) -> list[BudgetState]:
        """See `HFRouter.budgets`."""
        return await AsyncRun(self._budget_states(), self._sender()).finish()

    async def grant(self, value: str, amount: Amount, *, budget: str | None = None) -> None:
        """See `HFRouter.grant`."""
        await AsyncRun(self._grant(value, amount, budget), self._sender()).finish()

    if TYPE_CHECKING:

        def _sender(self) -> AsyncTransport: ...
