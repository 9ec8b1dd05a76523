"""What is known about models: who serves them, their limits, abilities and prices.

Lives here: values and parsing (`models`), what adapters ask for (`facts`, `prices`), what calls
cost (`costs`), what embedding models want before texts (`prompts`), facts shipped with the
package (`snapshot`), catalogues that the process has fetched (`loaded`), the order in which these answer
(`lookup`).
Not here: HTTP, settings, event loops. Only the standard library is imported, and nothing is read at import.

Unknown is `None` throughout, and every fact names its source and date.
"""

from __future__ import annotations

from shared_core.catalog.answers import Answers
from shared_core.catalog.costs import cost_of, price_served
from shared_core.catalog.estimates import Sizes, estimate, prices_in_reach
from shared_core.catalog.facts import ModelFacts, facts_from
from shared_core.catalog.loaded import ROUTER_URL, SHARED, CatalogCache, loaded, remember
from shared_core.catalog.lookup import list_price, lookup
from shared_core.catalog.models import (
    Catalog,
    ModelInfo,
    ProviderOffer,
    parse_catalog,
)
from shared_core.catalog.prices import Price, UnitPrice, plain_prices, price_from
from shared_core.catalog.prompts import Prompts, prompts_for
from shared_core.catalog.tasks import TaskDefault, default_model

__all__ = [
    "ROUTER_URL",
    "SHARED",
    "Answers",
    "Catalog",
    "CatalogCache",
    "ModelFacts",
    "ModelInfo",
    "Price",
    "Prompts",
    "ProviderOffer",
    "Sizes",
    "TaskDefault",
    "UnitPrice",
    "cost_of",
    "default_model",
    "estimate",
    "facts_from",
    "list_price",
    "loaded",
    "lookup",
    "parse_catalog",
    "plain_prices",
    "price_from",
    "price_served",
    "prices_in_reach",
    "prompts_for",
    "remember",
]
