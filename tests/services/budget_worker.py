"""A process that spends from shared budgets and tells of each answer: `budget_worker.py URL STATE CALLS [stall]`."""

from __future__ import annotations

import sys
import threading
from decimal import Decimal

from shared_core import Budget, BudgetExceeded, HFRouter
from shared_core.catalog import Price

__all__ = ["BUDGETS", "PRICES", "main"]

PRICES = {"offline/echo": Price(Decimal("0.10"), Decimal("0.50"), "ours")}
BUDGETS = [Budget(requests=60, per="total", name="calls"), Budget(usd="1", per="total", name="money")]


def main(url: str, state: str, calls: int) -> None:
    """Prints one line for each answer, "refused" for each refusal."""
    router = HFRouter(
        "offline/echo", base_url=url, api_key="any", prices=PRICES, budgets=BUDGETS, state=state
    )

    def work() -> None:
        for _ in range(calls):
            try:
                router.chat([{"role": "user", "content": "hello"}], max_tokens=20)
                line = "answered\n"
            except BudgetExceeded:
                line = "refused\n"
            sys.stdout.write(line)
            sys.stdout.flush()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
