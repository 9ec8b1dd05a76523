"""What providers do differently, as data with dates and sources: so far, where each takes texts to embed.

Lives here: routes, limits, and which provider serves a model (the Hub's mapping). Not here: sending anything.
"""

from shared_core.providers.mapping import MAPPINGS, Mappings, Served, choose, parse_mapping
from shared_core.providers.routes import (
    EMBED_ROUTES,
    Limits,
    Route,
    RouteRow,
    route_by_row,
    route_by_url,
)

__all__ = [
    "EMBED_ROUTES",
    "MAPPINGS",
    "Limits",
    "Mappings",
    "Route",
    "RouteRow",
    "Served",
    "choose",
    "parse_mapping",
    "route_by_row",
    "route_by_url",
]
