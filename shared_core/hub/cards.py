"""What the Hub says of one model: its facts as a value, read from `/api/models` replies.

Lives here: the value and its one tolerant reader. Not here: who serves it at what price (`joined`), asking (`asking`).
What the Hub does not say is None: unknown, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared_core.hub.licenses import LicenseKind, license_kind
from shared_core.providers.mapping import Served, parse_mapping

__all__ = ["EXPAND", "LIST_EXPAND", "EvalResult", "HubModel", "parse_hub_model"]

LIST_EXPAND = (
    "author",
    "cardData",
    "createdAt",
    "downloads",
    "evalResults",
    "gated",
    "inference",
    "inferenceProviderMapping",
    "lastModified",
    "library_name",
    "likes",
    "model-index",
    "pipeline_tag",
    "safetensors",
    "tags",
    "trendingScore",
)
"""What is asked for of each model of a list. Source: huggingface_hub 2.4.0, `list_models`."""

EXPAND = (*LIST_EXPAND, "baseModels", "usedStorage")
"""What is asked for of a single model: the Hub tells some things of single ones only, and refuses a list with them.
Source: huggingface_hub 2.4.0, `model_info`."""

_BYTES = {
    "F64": 8,
    "I64": 8,
    "F32": 4,
    "I32": 4,
    "BF16": 2,
    "F16": 2,
    "I16": 2,
    "F8": 1,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
_MOST_RESULTS = 50
_MOST_TEXTS = 500  # tags, languages or base models of one model
_LONGEST = 500  # characters of one such text; a longer one is a mistake or an attack, and is left out
_LARGEST = 10**18  # no count of the Hub's is larger


@dataclass(frozen=True, slots=True)
class EvalResult:
    """One published figure; who measured it, only the card can tell.

    Args:
        dataset: What was measured on.
        metric: What was measured; of results in the Hub's newer form, the benchmark's task.
        value: As it was published, in the publisher's unit.
    """

    dataset: str
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model's facts, as its card and the Hub state them.

    Args:
        id: `org/name`, in the Hub's present spelling.
        task: The Hub's name for what it does, such as "text-generation".
        library: Such as "transformers".
        license: The Hub's id of the licence, such as "apache-2.0"; None where the card states none.
        license_name: The name of a licence of the maker's own.
        languages: Such as "en".
        tags: All of them.
        downloads: Of the last 30 days.
        likes: Since the beginning.
        trending: The Hub's score of the present days.
        created, modified: ISO dates.
        gated: "auto" or "manual" where one has to ask for access, "" where not; None where it is not said.
        parameters: Number of weights, by its safetensors files.
        size_bytes: Of the weights, by their dtypes; of the repository where these are not known.
        base_models: What it was made from.
        results: Published evaluation figures.
        served: Who serves it, in the account's order.
        inference: "warm" where somebody serves it.
    """

    id: str
    task: str | None = None
    library: str | None = None
    license: str | None = None
    license_name: str | None = None
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = field(default=(), repr=False)
    downloads: int | None = None
    likes: int | None = None
    trending: float | None = None
    created: str | None = None
    modified: str | None = None
    gated: str | None = None
    parameters: int | None = None
    size_bytes: int | None = None
    base_models: tuple[str, ...] = ()
    results: tuple[EvalResult, ...] = field(default=(), repr=False)
    served: tuple[Served, ...] = field(default=(), repr=False)
    inference: str | None = None

    @property
    def author(self) -> str:
        return self.id.partition("/")[0] if "/" in self.id else ""

    @property
    def license_kind(self) -> LicenseKind:
        """What kind of licence it is, for a policy check."""
        return license_kind(self.license)


def parse_hub_model(payload: object) -> HubModel | None:
    """Reads one entry; None when it is none. Whatever has another type than it should is unknown.

    Example:
        >>> parse_hub_model({"id": "org/name", "tags": ["license:mit", "en"], "likes": 3}).license
        'mit'
    """
    if not isinstance(payload, Mapping) or not (name := _text(payload.get("id"))):
        return None
    card = _mapping(payload.get("cardData"))
    tags = _texts(payload.get("tags"))
    weights = _mapping(payload.get("safetensors"))
    return HubModel(
        id=name,
        task=_text(payload.get("pipeline_tag")),
        library=_text(payload.get("library_name")),
        license=_license(card, tags),
        license_name=_text(card.get("license_name")),
        languages=_languages(card, tags),
        tags=tags,
        downloads=_count(payload.get("downloads")),
        likes=_count(payload.get("likes")),
        trending=_number(payload.get("trendingScore")),
        created=_day(payload.get("createdAt")),
        modified=_day(payload.get("lastModified")),
        gated=_gated(payload.get("gated")),
        parameters=_count(weights.get("total")),
        size_bytes=_bytes(_mapping(weights.get("parameters"))) or _count(payload.get("usedStorage")),
        base_models=_base_models(payload.get("baseModels"), card),
        results=_results(payload),
        served=parse_mapping(payload)[1],
        inference=_text(payload.get("inference")),
    )


def _license(card: Mapping[str, Any], tags: Sequence[str]) -> str | None:
    stated = card.get("license")
    if isinstance(stated, list):
        stated = stated[0] if stated else None
    tagged = next((tag.partition(":")[2] for tag in tags if tag.startswith("license:")), None)
    return _text(stated) or tagged


def _languages(card: Mapping[str, Any], tags: Sequence[str]) -> tuple[str, ...]:
    stated = card.get("language")
    named = _texts([stated] if isinstance(stated, str) else stated)
    # The Hub puts a language's two or three letters among the tags.
    return named or tuple(tag for tag in tags if tag.isalpha() and tag.islower() and len(tag) == 2)


def _gated(value: object) -> str | None:
    return "" if value is False else _text(value)


def _bytes(by_type: Mapping[str, Any]) -> int | None:
    if not by_type:
        return None
    sizes = [(_BYTES.get(name.split("_")[0].upper()), _count(count)) for name, count in by_type.items()]
    if any(size is None or count is None for size, count in sizes):
        return None
    return sum(size * count for size, count in sizes if size is not None and count is not None)


def _base_models(value: object, card: Mapping[str, Any]) -> tuple[str, ...]:
    listed = _mapping(value).get("models")
    if isinstance(listed, list):
        return _texts([_mapping(each).get("id") for each in listed[:_MOST_TEXTS]])
    stated = card.get("base_model")
    return _texts([stated] if isinstance(stated, str) else stated)


def _results(payload: Mapping[str, Any]) -> tuple[EvalResult, ...]:
    """Those that lie in the repository's own files, then those of the card's older index."""
    found = []
    for entry in _list(payload.get("evalResults")):
        stated = _mapping(_mapping(entry).get("data", entry))
        about = _mapping(stated.get("dataset"))
        dataset, task, value = (
            _text(about.get("id")),
            _text(about.get("task_id")),
            _number(stated.get("value")),
        )
        if dataset and value is not None:
            found.append(EvalResult(dataset, task or "default", value))
    return tuple([*found, *_indexed(payload)][:_MOST_RESULTS])


def _indexed(payload: Mapping[str, Any]) -> list[EvalResult]:
    index = payload.get("model-index")
    if index is None:
        index = _mapping(payload.get("cardData")).get("model-index")
    found = []
    for entry in index if isinstance(index, list) else ():
        for result in _list(_mapping(entry).get("results")):
            dataset = _text(_mapping(_mapping(result).get("dataset")).get("name"))
            for metric in _list(_mapping(result).get("metrics")):
                name = _text(_mapping(metric).get("type")) or _text(_mapping(metric).get("name"))
                value = _number(_mapping(metric).get("value"))
                if dataset and name and value is not None:
                    found.append(EvalResult(dataset, name, value))
    return found


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for each in _list(value)[:_MOST_TEXTS] if (text := _text(each)))


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST
    return value if is_count else None  # type: ignore[return-value]


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e12 else None  # type: ignore[arg-type]


def _day(value: object) -> str | None:
    text = _text(value)
    return text[:10] if text and len(text) >= 10 and text[4] == text[7] == "-" else None
