"""What providers do differently, as data with dates and sources, and as pure functions over JSON.

Lives here: which provider serves a model (the Hub's mapping); where each takes texts to embed (`routes`); what
each is sent for other tasks (`payloads`), and how it speaks of jobs and results (`dialects`). Not here: sending
anything.
"""

from shared_core.providers.mapping import (
    EMBEDDINGS,
    MAPPINGS,
    Mappings,
    Need,
    Served,
    choose,
    parse_mapping,
)
from shared_core.providers.routes import (
    EMBED_ROUTES,
    Limits,
    Route,
    RouteRow,
    route_by_row,
    route_by_url,
)

__all__ = [
    "EMBEDDINGS",
    "EMBED_ROUTES",
    "MAPPINGS",
    "Limits",
    "Mappings",
    "Need",
    "Route",
    "RouteRow",
    "Served",
    "choose",
    "parse_mapping",
    "route_by_row",
    "route_by_url",
]
