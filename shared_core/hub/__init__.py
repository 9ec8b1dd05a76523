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

_ROOMS = {"cards": ("EvalResult", "HubModel")}
__getattr__, __dir__ = lazily(__name__, _ROOMS)

__all__ = ["EvalResult", "HubModel"]
