"""`models`, `info` and `recommend`: which models there are, and which to take; what `compare` shows of offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any, get_args

import typer

from shared_core.catalog import ProviderOffer, prompts_for
from shared_core.cli.clients import BaseUrl, HubUrl, Json, client, words
from shared_core.cli.insights import found_as_dict, insights
from shared_core.cli.out import complaining, count, money, say, show_json, show_table, size, tell
from shared_core.client.media_asking import TASKS
from shared_core.hub import Comparison, FoundModel, Hub, HubModel, SearchResult
from shared_core.hub.filters import SORTS
from shared_core.hub.joined import CAPABILITIES
from shared_core.hub.licenses import LicenseKind
from shared_core.hub.recommend import PREFERENCES

__all__ = ["MILLION", "InputTokens", "Limit", "OutputTokens", "compare_offers", "info", "models", "recommend"]

Task = Annotated[
    str | None,
    typer.Option(
        "--task",
        help='The Hub\'s name, such as "text-to-image".',
        metavar="TASK",
        autocompletion=words(lambda: ("text-generation", *TASKS)),
    ),
]
Capability = Annotated[
    list[str] | None,
    typer.Option(
        "--can",
        help="tools, json or vision; repeatable.",
        metavar="WHAT",
        autocompletion=words(lambda: CAPABILITIES),
    ),
]
Licenses = Annotated[
    list[str] | None,
    typer.Option(
        "--license",
        help="Kinds (permissive, copyleft, ...) or ids; repeatable.",
        metavar="LICENSE",
        autocompletion=words(lambda: get_args(LicenseKind)),
    ),
]
Provider = Annotated[
    str | None,
    typer.Option(
        "--provider",
        help="Who must serve it; figures are theirs.",
        metavar="NAME",
        autocompletion=words(lambda: _providers()),
    ),
]
MaxPrice = Annotated[
    str | None, typer.Option("--max-price", help="USD for a million tokens in and out.", metavar="USD")
]
MinContext = Annotated[int | None, typer.Option("--min-context", help="Tokens at least.", metavar="N")]
SizeRange = Annotated[
    str | None, typer.Option("--size", help='Weights, such as "min:1B,max:8B".', metavar="RANGE")
]
Language = Annotated[str | None, typer.Option("--language", help='Such as "de".', metavar="CODE")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="On its page; repeatable.", metavar="TAG")]
Library = Annotated[str | None, typer.Option("--library", help='Such as "transformers".', metavar="NAME")]
Author = Annotated[str | None, typer.Option("--author", help="Whose it is.", metavar="NAME")]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many to show.", min=1, max=500, metavar="N")]
InputTokens = Annotated[float, typer.Option("--input-tokens", help="Read, for costs.", metavar="N")]
OutputTokens = Annotated[float, typer.Option("--output-tokens", help="Written, for costs.", metavar="N")]

MILLION = 1_000_000
"""Tokens read, and as many written, that costs are told for."""


def models(
    query: Annotated[str | None, typer.Argument(help="Part of a name.", metavar="QUERY")] = None,
    task: Task = "text-generation",
    capability: Capability = None,
    license: Licenses = None,
    provider: Provider = None,
    max_price: MaxPrice = None,
    min_context: MinContext = None,
    size_range: SizeRange = None,
    language: Language = None,
    tag: Tags = None,
    library: Library = None,
    author: Author = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that nobody serves.")] = False,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            help="trending, downloads, likes, created, modified, price, speed, latency, context, size.",
            metavar="WHAT",
            autocompletion=words(lambda: SORTS),
        ),
    ] = "trending",
    limit: Limit = 20,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Models, with who serves them, at what price and how fast.

    Prices are USD for a million tokens in / out at the cheapest provider; speed is tokens a second at the fastest.

    Examples:

      hfrouter models --can tools --max-price 1 --sort price

      hfrouter models qwen --license permissive --min-context 100000

      hfrouter models --task text-to-image --author black-forest-labs
    """
    with complaining():
        found = Hub(client(None, base_url, hub_url)).search_models(
            query,
            task=task,
            capability=capability,
            **_licenses(license or []),
            provider=provider,
            max_price=max_price,
            min_context=min_context,
            size=size_range,
            language=language,
            tags=tag,
            library=library,
            author=author,
            served=not everything,
            sort=sort,
            limit=limit,
        )
        if as_json:
            show_json(found_as_dict(found))
        else:
            _show_models(found)


def info(
    model: Annotated[str, typer.Argument(help="org/name", metavar="MODEL")],
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """One model: its card, and who serves it.

    Example:

      hfrouter info openai/gpt-oss-120b
    """
    with complaining():
        found = Hub(client(None, base_url, hub_url)).model_info(model)
        if as_json:
            offers = [_offer_as_dict(each) for each in found.offers]
            known = prompts_for(found.card.id)
            prompts = None if known is None else {"query": known.query, "document": known.document}
            show_json({**found.as_dict(), **_card_as_dict(found.card), "prompts": prompts, "offers": offers})
            return
        for name, value in _facts(found):
            if value:
                tell(f"{name:<12}{value}", hang=12)
        if found.offers:
            say()
            _show_offers(found)


def compare_offers(
    models: list[str],
    input_tokens: float,
    output_tokens: float,
    limit: int,
    as_json: bool,
    base_url: str | None,
    hub_url: str | None,
) -> None:
    """Shows what is published of some models, a row for each provider: `compare` without prompts."""
    hub = Hub(client(None, base_url, hub_url))
    found = hub.compare_models(models, {"input": input_tokens, "output": output_tokens})
    if as_json:
        show_json(found.as_dict())
    else:
        _show_comparison(found, limit)


def recommend(
    task: Task = "text-generation",
    prefer: Annotated[
        str,
        typer.Option(
            "--prefer",
            help="balanced, cost, speed or quality.",
            metavar="WHAT",
            autocompletion=words(lambda: PREFERENCES),
        ),
    ] = "balanced",
    capability: Capability = None,
    license: Licenses = None,
    provider: Provider = None,
    max_price: MaxPrice = None,
    min_context: MinContext = None,
    size_range: SizeRange = None,
    language: Language = None,
    tag: Tags = None,
    library: Library = None,
    author: Author = None,
    input_tokens: InputTokens = MILLION,
    output_tokens: OutputTokens = MILLION,
    limit: Limit = 5,
    as_json: Json = False,
    base_url: BaseUrl = None,
    hub_url: HubUrl = None,
) -> None:
    """Which model to take, and why, by what is published now.

    Example:

      hfrouter recommend --prefer cost --can tools --license permissive
    """
    with complaining():
        found = Hub(client(None, base_url, hub_url)).recommend(
            prefer=prefer,
            usage={"input": input_tokens, "output": output_tokens},
            task=task,
            capability=capability,
            **_licenses(license or []),
            provider=provider,
            max_price=max_price,
            min_context=min_context,
            size=size_range,
            language=language,
            tags=tag,
            library=library,
            author=author,
            limit=limit,
        )
        if as_json:
            ranked = [
                {"model": each.model, "score": round(each.score, 4), "reasons": list(each.reasons)}
                for each in found.ranked
            ]
            others = {"cheaper": found.cheaper, "faster": found.faster, "larger": found.larger}
            named = {
                name: None if row is None else f"{row.model}:{row.provider}" for name, row in others.items()
            }
            show_json({"ranked": ranked, **named})
            return
        if not found.ranked:
            say("No model fulfils all of this. Ask for less, or look with `hfrouter models`.")
        for place, each in enumerate(found.ranked, 1):
            say(f"{place}. {each.model}")
            tell("; ".join(each.reasons), indent=3)
        for word, row in (("Cheaper", found.cheaper), ("Faster", found.faster), ("Larger", found.larger)):
            if row is not None:
                say(f"{word}: {row.model}:{row.provider}")


# -- tables ------------------------------------------------------------------------------------------------


def _show_models(found: SearchResult) -> None:
    if not found.models:
        tell(
            "No model fulfils all of this. Ask for less; with --all, those are shown, too, that nobody serves."
        )
    else:
        rows = [_model_row(model) for model in found.models]
        titles = [("model", "left"), ("size", "right"), ("in / out", "right"), ("tok/s", "right")]
        show_table([*titles, ("context", "right"), ("can", "left"), ("at", "right")], rows)
        tell(
            "in / out: USD for a million tokens at the cheapest provider; tok/s: at the fastest;"
            " at: how many providers serve it."
        )
    for note in found.notes:
        tell(note)
    if found.models:
        say()
    for name, text in insights(found):
        tell(f"{name:<10}{text}", hang=10)


def _licenses(told: Sequence[str]) -> dict[str, Any]:
    """One id is a filter of the Hub's own, which then looks through all of its models; the rest is filtered here."""
    if len(told) == 1 and told[0] not in get_args(LicenseKind):
        return {"license": told[0]}
    return {"allow_licenses": told or None}


def _providers() -> set[str]:
    """Those that the shipped catalogue knows, for completion."""
    from shared_core.catalog.snapshot import shipped

    return {offer.provider for row in shipped().rows.values() for offer in row.info.offers}


def _model_row(model: FoundModel) -> list[str]:
    cheapest, fastest = model.cheapest(), model.fastest()
    price = (
        "" if cheapest is None else f"{money(cheapest[0].input_price)} / {money(cheapest[0].output_price)}"
    )
    speed = "" if fastest is None else count(fastest.throughput)
    return [
        model.id,
        size(model.card.parameters),
        price,
        speed,
        count(model.context),
        _abilities(model),
        str(len(model.providers)),
    ]


def _abilities(model: FoundModel) -> str:
    return " ".join(name for name in ("tools", "json", "vision") if model.can(name))


def _facts(found: FoundModel) -> list[tuple[str, str]]:
    card = found.card
    access = {"": "open", "auto": "gated: ask on its page", "manual": "gated: its makers decide"}
    return [
        ("model", card.id),
        ("task", card.task or ""),
        ("library", card.library or ""),
        ("license", f"{card.license_name or card.license or 'none stated'} ({card.license_kind})"),
        ("access", access.get(card.gated or "", card.gated or "") if card.gated is not None else ""),
        ("weights", size(card.parameters)),
        ("on disk", "" if card.size_bytes is None else f"{card.size_bytes / 1e9:.1f} GB"),
        ("languages", ", ".join(card.languages[:12])),
        ("made from", ", ".join(card.base_models)),
        ("downloads", f"{card.downloads:,} in 30 days" if card.downloads is not None else ""),
        ("likes", f"{card.likes:,}" if card.likes is not None else ""),
        ("trending", f"{card.trending:g}, by the Hub's score" if card.trending is not None else ""),
        ("modified", card.modified or ""),
        ("prompts", _prompts(card.id)),
        ("results", "; ".join(f"{each.dataset} {each.metric} {each.value:g}" for each in card.results[:3])),
        ("inference", card.inference or ""),
        ("served by", ", ".join(found.providers) or "nobody now"),
        ("prices", f"USD for a million tokens, of {found.priced_on}" if found.priced_on else ""),
    ]


def _prompts(model: str) -> str:
    """What an embedding model wants before texts; "" where nothing is known."""
    known = prompts_for(model)
    if known is None:
        return ""
    named = (("queries", known.query), ("documents", known.document))
    return ", ".join(f"{texts} {prompt!r}" for texts, prompt in named if prompt)


def _show_offers(found: FoundModel) -> None:
    rows = [
        [
            offer.provider,
            "" if offer.is_live else offer.status or "",
            money(offer.input_price),
            money(offer.output_price),
            count(offer.throughput),
            count(offer.first_token_latency_ms),
            count(offer.context_length),
        ]
        for offer in found.offers
    ]
    titles = [("provider", "left"), ("status", "left"), ("in", "right"), ("out", "right"), ("tok/s", "right")]
    show_table([*titles, ("first ms", "right"), ("context", "right")], rows)


def _card_as_dict(card: HubModel) -> dict[str, Any]:
    """What a card says beyond what a list of models shows."""
    names = ("library", "license_name", "languages", "size_bytes", "base_models", "trending", "created")
    return {
        **{name: getattr(card, name) for name in (*names, "modified", "inference")},
        "results": [asdict(each) for each in card.results],
    }


def _offer_as_dict(offer: ProviderOffer) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(offer).items()
    }


def _show_comparison(found: Comparison, limit: int) -> None:
    rows = [
        [
            f"{row.model}:{row.provider}" if row.provider else row.model,
            "*" if row.on_front else "",
            "" if row.cost is None else f"${money(row.cost)}",
            count(row.speed),
            count(row.latency),
            count(row.context),
            "" if row.score is None else f"{row.score:.2f}",
        ]
        for row in found.rows[:limit]
    ]
    titles = [("offer", "left"), ("", "left"), ("cost", "right"), ("tok/s", "right"), ("first ms", "right")]
    show_table([*titles, ("context", "right"), ("score", "right")], rows)
    weights = ", ".join(f"{name} {share:.0%}" for name, share in found.weights.items())
    tokens = " and ".join(f"{number:,.0f} tokens of {name}" for name, number in found.usage.items())
    tell(f"Cost: USD for {tokens}, at prices of {found.priced_on or 'an unknown day'}.")
    tell(f"Score: {weights}. *: no other is better at everything.")
    for name, row in found.best.items():
        say(f"best {name:<9}{row.model}:{row.provider}")
    for gap in found.gaps[:5]:
        tell(f"gap: {gap}")
