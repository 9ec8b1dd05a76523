"""Make a new snapshot from a saved reply of the router's `/v1/models`.

Lives here: the pure function `rebuild`, and a command around it that reads standard input:

    curl -s https://router.huggingface.co/v1/models > models.json
    python -m shared_core.catalog.refresh --date 2026-11-20 < models.json > snapshot.json

Not here: fetching. The reply is saved first, so that the same input gives the same snapshot.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date as Date
from typing import Any

from shared_core.catalog.models import ModelInfo, ProviderOffer, parse_catalog
from shared_core.catalog.snapshot import shipped_document


def rebuild(payload: object, *, date: str, previous: Mapping[str, Any]) -> dict[str, Any]:
    """A new snapshot document: the reply's offers, over what the previous one says of the models themselves.

    Args:
        payload: Decoded JSON of a `/v1/models` reply.
        date: ISO date on which the reply was saved.
        previous: The snapshot document to carry over from: output limits, reasoning, sample prices, which the
            router does not tell, and models that it no longer lists, under the dates of their old sources.

    Raises:
        ValueError: The payload is no catalogue, lists no model, or the date is none.

    Example:
        >>> empty = {"date": "2026-01-01", "sources": [], "models": []}
        >>> rebuild([{"id": "org/name"}], date="2026-11-20", previous=empty)["models"]
        [{'id': 'org/name', 'from': 'router 2026-11-20'}]
    """
    Date.fromisoformat(date)
    catalog = parse_catalog(payload, source="the saved reply", fetched_at=None)
    if not len(catalog):
        raise ValueError("the saved reply lists no model; a snapshot of nothing would only lose facts")
    source = {
        "id": f"router {date}",
        "what": "GET /v1/models of the Inference Providers router",
        "date": date,
    }
    rows = {row["id"]: dict(row) for row in previous["models"]}
    for info in catalog:
        rows[info.id] = _merged(rows.get(info.id, {}), info, source["id"])
    models = sorted(rows.values(), key=lambda row: str(row["id"]).casefold())
    used = {row[key] for row in models for key in ("from", "offers_from", "price_from") if key in row}
    older = [old for old in previous["sources"] if old["id"] != source["id"]]
    return {
        "date": date,
        "sources": [kept for kept in (source, *older) if kept["id"] in used],
        "models": models,
    }


def dumps(document: Mapping[str, Any]) -> str:
    """The document as JSON with one line a model, so that a refresh reads well as a diff."""
    head = json.dumps({"date": document["date"]})[1:-1]
    sources = _lines(document["sources"])
    models = _lines(document["models"])
    return f'{{{head},\n"sources": [\n{sources}\n],\n"models": [\n{models}\n]}}\n'


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return ",\n".join(json.dumps(row, ensure_ascii=False, separators=(", ", ":")) for row in rows)


def _merged(row: Mapping[str, Any], info: ModelInfo, source: str) -> dict[str, Any]:
    fresh = {
        "id": info.id,
        "context": info.context_length,
        "output": info.max_output_tokens,
        "inputs": None if info.input_modalities is None else list(info.input_modalities),
        "from": row.get("from", source),
        "offers": [_offer(offer) for offer in info.offers] or None,
        "offers_from": source if info.offers else None,
    }
    kept = {key: value for key, value in row.items() if key not in ("offers", "offers_from")}
    return kept | {key: value for key, value in fresh.items() if value is not None}


def _offer(offer: ProviderOffer) -> dict[str, Any]:
    """Without latency and throughput, which age by the hour."""
    price = None
    if offer.input_price is not None and offer.output_price is not None:
        price = [str(offer.input_price), str(offer.output_price)]
        if offer.cached_input_price is not None:
            price.append(str(offer.cached_input_price))
    row = {
        "provider": offer.provider,
        "status": None if offer.is_live else offer.status,
        "context": offer.context_length,
        "tools": offer.supports_tools,
        "structured": offer.supports_structured_output,
        "price": price,
    }
    return {key: value for key, value in row.items() if value is not None}


def main(arguments: Sequence[str]) -> int:
    """The command: a reply on standard input, the snapshot on standard output; 2 when it cannot be made."""
    match arguments:
        case ["--date", date]:
            pass
        case _:
            sys.stderr.write(
                "usage: python -m shared_core.catalog.refresh --date YYYY-MM-DD < models.json > new.json\n"
                "The date is the day on which models.json was saved.\n"
            )
            return 2
    try:
        document = rebuild(json.load(sys.stdin), date=date, previous=shipped_document())
    except ValueError as error:  # JSON errors too
        sys.stderr.write(f"no snapshot made: {error}\n")
        return 2
    sys.stdout.write(dumps(document))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
