"""Find, compare and choose models: what the Hub says of them, joined with who serves them at what price.

>>> from shared_core.hub import Hub
>>> hub = Hub()
>>> hub.search_models(task="text-generation", capability=["tools"], max_price="0.5")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_core._lazy import lazily

if TYPE_CHECKING:
    from shared_core.hub.cards import EvalResult, HubModel
    from shared_core.hub.compare import Comparison, Row
    from shared_core.hub.cost_report import CostReport, CostRow
    from shared_core.hub.endpoints import AsyncEndpoints, Endpoints
    from shared_core.hub.filters import SearchOptions
    from shared_core.hub.hub import AsyncHub, Hub
    from shared_core.hub.insights import Insights
    from shared_core.hub.joined import FoundModel
    from shared_core.hub.licenses import license_kind
    from shared_core.hub.open_metrics import Metric
    from shared_core.hub.recommend import Recommendation, Recommendations
    from shared_core.hub.search import SearchResult
    from shared_core.types.endpoints import EndpointHardware, InferenceEndpoint

_ROOMS = {
    "cards": ("EvalResult", "HubModel"),
    "compare": ("Comparison", "Row"),
    "cost_report": ("CostReport", "CostRow"),
    "filters": ("SearchOptions",),
    "endpoints": ("AsyncEndpoints", "EndpointHardware", "Endpoints", "InferenceEndpoint"),
    "hub": ("AsyncHub", "Hub"),
    "insights": ("Insights",),
    "joined": ("FoundModel",),
    "licenses": ("license_kind",),
    "open_metrics": ("Metric",),
    "recommend": ("Recommendation", "Recommendations"),
    "search": ("SearchResult",),
}
__getattr__, __dir__ = lazily(__name__, _ROOMS)

__all__ = [
    "AsyncEndpoints",
    "AsyncHub",
    "Comparison",
    "CostReport",
    "CostRow",
    "EndpointHardware",
    "Endpoints",
    "EvalResult",
    "FoundModel",
    "Hub",
    "HubModel",
    "InferenceEndpoint",
    "Insights",
    "Metric",
    "Recommendation",
    "Recommendations",
    "Row",
    "SearchOptions",
    "SearchResult",
    "license_kind",
]
