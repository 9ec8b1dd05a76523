"""Facts shipped with the package, for when no catalogue has been loaded.

Lives here: the reader of `data/snapshot.json`, which is opened once, at the first look-up, never at import.
Not here: what is in it (data, dated, with its sources), making a new one (`refresh`).

Reading that one packaged file is the only I/O of this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared_core._locks import new_lock
from shared_core.catalog.facts import ModelFacts, facts_from, offers_in_reach
from shared_core.catalog.models import Catalog, ModelInfo, ProviderOffer, read_price
from shared_core.catalog.prices import Price, highest_price


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """One model of the snapshot: a catalogue row, and what only the model's own description says."""

    info: ModelInfo
    tools: bool | None
    structured_output: bool | None
    reasoning: bool | None
    price: Price | None
    source: str
    offers_source: str
    date: str

    def facts(self, provider: str | None) -> ModelFacts:
        """Facts for a provider or for automatic choice, gaps filled from the model's description."""
        by_offer = replace(facts_from(self.info, provider), source=self.source, date=self.date)
        return replace(
            by_offer,
            tools=self.tools if by_offer.tools is None else by_offer.tools,
            structured_output=(
                self.structured_output if by_offer.structured_output is None else by_offer.structured_output
            ),
            reasoning=self.reasoning,
        )

    def price_for(self, provider: str | None) -> Price | None:
        """The offers' highest price, else the sample price of the model."""
        offers = offers_in_reach(self.info, provider)
        return highest_price(offers, source=self.offers_source, date=self.date) or self.price


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The shipped facts.

    Attributes:
        date: ISO date on which the snapshot was put together; rows carry the dates of their sources.
        catalog: The rows as a catalogue, which finds a model by any spelling.
        rows: By model id.
    """

    date: str
    catalog: Catalog
    rows: Mapping[str, SnapshotRow]

    def get(self, model: str) -> SnapshotRow | None:
        """The model's row, its suffix and letter case notwithstanding."""
        info = self.catalog.get(model)
        return None if info is None else self.rows[info.id]


def read_snapshot(document: Mapping[str, Any]) -> Snapshot:
    """Snapshot from the decoded JSON of `data/snapshot.json`; the README of this folder has the format.

    Raises:
        KeyError: The document lacks its header, a row its id, or a row names a source that the header lacks.
    """
    dates = {source["id"]: source["date"] for source in document["sources"]}
    rows = [_row(row, dates) for row in document["models"]]
    return Snapshot(
        date=document["date"],
        catalog=Catalog({row.info.id: row.info for row in rows}, source=f"snapshot of {document['date']}"),
        rows={row.info.id: row for row in rows},
    )


def _row(row: Mapping[str, Any], dates: Mapping[str, str]) -> SnapshotRow:
    names = [name for name in (row.get("offers_from"), row.get("from")) if name is not None]
    price_in, price_out, cached = (read_price(text) for text in [*row.get("price", ()), None, None, None][:3])
    price = None
    if price_in is not None and price_out is not None:
        price = Price(price_in, price_out, f"snapshot: {row['price_from']}", dates[row["price_from"]], cached)
    return SnapshotRow(
        info=ModelInfo(
            id=row["id"],
            input_modalities=tuple(row["inputs"]) if "inputs" in row else None,
            offers=tuple(_offer(offer) for offer in row.get("offers", ())),
            context_length=row.get("context"),
            max_output_tokens=row.get("output"),
        ),
        tools=row.get("tools"),
        structured_output=row.get("structured"),
        reasoning=row.get("reasoning"),
        price=price,
        source=f"snapshot: {' + '.join(names)}",
        offers_source=f"snapshot: {names[0]}",
        date=dates[names[0]],
    )


def _offer(offer: Mapping[str, Any]) -> ProviderOffer:
    price_in, price_out, cached = (
        read_price(text) for text in [*offer.get("price", ()), None, None, None][:3]
    )
    return ProviderOffer(
        provider=offer["provider"],
        status=offer.get("status"),
        context_length=offer.get("context"),
        input_price=price_in,
        output_price=price_out,
        supports_tools=offer.get("tools"),
        supports_structured_output=offer.get("structured"),
        cached_input_price=cached,
    )


_lock = new_lock()
_shipped: Snapshot | None = None


def shipped_document() -> dict[str, Any]:
    """The packaged file's JSON, read anew."""
    import json
    from importlib.resources import files

    document: dict[str, Any] = json.loads(
        files("shared_core.catalog").joinpath("data", "snapshot.json").read_text(encoding="utf-8")
    )
    return document


def shipped() -> Snapshot:
    """The packaged snapshot, read at the first call and kept."""
    global _shipped
    if _shipped is None:
        with _lock:
            if _shipped is None:
                _shipped = read_snapshot(shipped_document())
    return _shipped
