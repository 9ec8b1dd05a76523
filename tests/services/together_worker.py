"""A worker of `test_services_together`: makes calls with every policy on, and prints what came of each."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared_core import Budget, Concurrency, HFRouter, Limit
from shared_core.catalog import Price


def everything(url: str, state: str, folder: str) -> dict[str, Any]:
    """A client's arguments with every policy on."""
    return {
        "base_url": url,
        "api_key": "any",
        "timeout": 10,
        "prices": {"offline/echo": Price(Decimal("0.10"), Decimal("0.50"), "ours")},
        "fallback": ["offline/tools"],
        "hedge": 5.0,
        "usage_tags": {"user": "ada"},
        "limits": [Limit(requests=100_000, per="minute")],
        "concurrency": Concurrency(3, of="host"),
        "budgets": [Budget(requests=1000, per="total", name="requests")],
        "ledger": f"{folder}/usage.sqlite",
        "chat_cache": state if "://" in state else f"{folder}/chats.sqlite",
        "state": state,
    }


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def answers(router: HFRouter, texts: Sequence[str]) -> list[str]:
    return [router.chat(asked(text), temperature=0).text for text in texts]


def fork(url: str, folder: str) -> None:
    """The parent calls, forks, and both call."""
    router = HFRouter("offline/echo", **everything(url, f"{folder}/state.sqlite", folder))
    answers(router, ["one", "two"])
    child = os.fork()
    said = answers(router, ["one", f"of {'child' if not child else 'parent'}", "both"])
    router.close()
    if not child:
        os._exit(0 if len(said) == 3 else 1)
    _, status = os.waitpid(child, 0)
    told = router.budgets()[0]
    print(os.waitstatus_to_exitcode(status), told.reserved, told.spent, len(list(router.ledger.rows())))


def full_disk(url: str, folder: str) -> None:
    """No file may grow any more, from some moment on."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(levelname)s %(message)s")
    router = HFRouter("offline/echo", **everything(url, f"{folder}/state.sqlite", folder))
    answers(router, ["before"])
    router.close()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    largest = max(path.stat().st_size for path in Path(folder).iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    said = answers(router, [f"text {number} " * 400 for number in range(30)])
    print(len(said), router.budgets()[0].spent > 0, router.budgets()[0].reserved)
    print(router.ledger)


if __name__ == "__main__":
    {"fork": fork, "full disk": full_disk}[sys.argv[1]](*sys.argv[2:])
