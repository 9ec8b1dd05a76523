"""The usage ledger: what calls were made, by whom, what they used and cost, in memory or in a SQLite file.

A call that has ended is one row (`rows`), rows are written many at a time (`commit`) to the tables (`store`), which
are asked in SQL (`questions`) and printed or exported (`tables`), or drawn as a page of HTML (`page`).
"""

from __future__ import annotations

from shared_core.observe.ledger.compare import Comparison
from shared_core.observe.ledger.ledger import Ledger, open_ledger
from shared_core.observe.ledger.page import usage_page
from shared_core.observe.ledger.periods import Periods
from shared_core.observe.ledger.questions import GROUPS, Totals
from shared_core.observe.ledger.rows import LedgerRow
from shared_core.observe.ledger.tables import Breakdown

__all__ = [
    "GROUPS",
    "Breakdown",
    "Comparison",
    "Ledger",
    "LedgerRow",
    "Periods",
    "Totals",
    "open_ledger",
    "usage_page",
]
