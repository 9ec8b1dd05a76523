"""What the Hub's pages say of the offline models: data, in the shapes of the Hub's API as huggingface_hub reads them.

Numbers are made up, and differ from model to model so that an order by any of them can be told. Of a model that is not
in the table the Hub knows no more than its name, its task and who serves it, as of many real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .catalogue import MODELS, PROVIDERS
from .embedding.models import EMBEDDING_MODELS, EmbeddingModel
from .embedding.models import Served as EmbeddingServed
from .tasks.models import TASK_MODELS, TaskModel

__all__ = ["RENAMED", "Page", "crowd_of", "page_of", "pages"]

RENAMED = {"old-offline/echo": "offline/echo", "echo": "offline/echo"}
"""Old names of repositories, which answer with a redirect."""


@dataclass(frozen=True, slots=True)
class Page:
    """One model's page.

    Args:
        id: Its name.
        task: Its pipeline tag.
        served: Entries of `inferenceProviderMapping`, by provider.
        listed: Whether these come as a list.
        tags: On the page.
        facts: Everything else, by the API's keys.
    """

    id: str
    task: str
    served: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    listed: bool = False
    tags: tuple[str, ...] = ("transformers",)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, *, as_list: bool | None = None) -> dict[str, Any]:
        """All that the API may tell of it.

        Args:
            as_list: Whether providers come as a list; None for the page's own way.
        """
        listed = [{"provider": provider, **entry} for provider, entry in self.served.items()]
        live = any(entry["status"] == "live" for entry in self.served.values())
        return {
            "_id": "0" * 24,
            "id": self.id,
            "author": self.id.partition("/")[0],
            "pipeline_tag": self.task,
            "tags": [*self.tags, *self._tags_of_card()],
            "inferenceProviderMapping": listed
            if (self.listed if as_list is None else as_list)
            else dict(self.served),
            **({"inference": "warm"} if live else {}),
            "private": False,
            "gated": False,
            **self.facts,
        }

    def _tags_of_card(self) -> list[str]:
        card = self.facts.get("cardData", {})
        named = card.get("language", ())
        languages = [named] if isinstance(named, str) else list(named)
        return languages + ([f"license:{card['license']}"] if "license" in card else [])


def _facts(
    downloads: int,
    likes: int,
    trending: float,
    parameters: int,
    *,
    license: str | None = "apache-2.0",
    language: str | list[str] = "en",
    gated: str | bool = False,
) -> dict[str, Any]:
    card: dict[str, Any] = {"language": language}
    if license is not None:
        card["license"] = license
    return {
        "downloads": downloads,
        "likes": likes,
        "trendingScore": trending,
        "createdAt": f"2026-0{1 + likes % 9}-11T08:30:00.000Z",
        "lastModified": "2026-11-02T10:00:00.000Z",
        "library_name": "transformers",
        "gated": gated,
        "safetensors": {"parameters": {"BF16": parameters}, "total": parameters},
        "cardData": card,
    }


_MMLU = [
    {
        "name": "x",
        "results": [
            {
                "task": {"type": "text-generation"},
                "dataset": {"name": "MMLU-Pro", "type": "mmlu"},
                "metrics": [{"type": "accuracy", "value": 71.5}],
            }
        ],
    }
]

FACTS: dict[str, dict[str, Any]] = {
    "offline/extractive": _facts(90_000, 410, 12.5, 8_000_000_000, language=["en", "de", "fr"]),
    "offline/tools": _facts(250_000, 980, 55.0, 70_000_000_000) | {"model-index": _MMLU},
    "offline/json": _facts(40_000, 77, 3.0, 3_000_000_000, license="mit"),
    "offline/reasoner": _facts(
        120_000, 640, 31.0, 32_000_000_000, license="llama3.3", gated="manual", language=["en", "zh"]
    ),
    "offline/echo": _facts(5_000, 12, 0.5, 1_000_000_000, license="cc-by-nc-4.0"),
    "offline/painter": _facts(300_000, 2_100, 40.0, 12_000_000_000, license="openrail++"),
    "offline/minilm": _facts(8_000_000, 3_000, 20.0, 22_000_000),
    "Qwen/Qwen3-Embedding-8B": _facts(700_000, 820, 18.0, 8_000_000_000, language=["en", "zh"]),
    "offline/archived-7b": _facts(900, 3, 0.0, 7_000_000_000, license="gpl-3.0"),
    "offline/no-card": {"downloads": 10, "likes": 0},
}
_UNSERVED = ("offline/archived-7b", "offline/no-card")


def page_of(name: str, model: EmbeddingModel | TaskModel | None = None) -> Page | None:
    """A model's page; None where there is none.

    Args:
        name: The repository.
        model: The stand-in that answers under this name, where the caller has found it already.
    """
    facts = FACTS.get(name, {})
    if model is not None:
        served = {provider: _entry(name, each) for provider, each in model.providers.items()}
        return Page(model.id, model.pipeline_tag, served, model.listed, tuple(model.tags), facts)
    if name in MODELS:
        conversational = {
            provider: {"status": "live", "providerId": name, "task": "conversational", "isModelAuthor": False}
            for provider in PROVIDERS
        }
        return Page(
            name, "text-generation", conversational, tags=("transformers", "conversational"), facts=facts
        )
    return Page(name, "text-generation", facts=facts) if name in _UNSERVED else None


def pages() -> list[Page]:
    """All pages, in the order of their names."""
    known: dict[str, EmbeddingModel | TaskModel | None] = {**EMBEDDING_MODELS, **TASK_MODELS}
    names = sorted({*known, *MODELS, *_UNSERVED})
    return [page for name in names if (page := page_of(name, known.get(name))) is not None]


def crowd_of(count: int) -> list[Page]:
    """So many models more, each served by one provider; of as little fame as there is."""
    found = []
    for number in range(1, count + 1):
        name = f"offline/crowd-{number:04d}"
        served = {
            "featherless-ai": {
                "status": "live",
                "providerId": name,
                "task": "conversational",
                "isModelAuthor": False,
            }
        }
        facts = _facts(0, 0, 0.0, 7_000_000_000, license="mit" if number % 2 else "llama3.3")
        found.append(
            Page(name, "text-generation", served, tags=("transformers", "conversational"), facts=facts)
        )
    return found


def _entry(name: str, served: EmbeddingServed) -> dict[str, Any]:
    entry = {
        "status": served.status,
        "providerId": served.id or name,
        "task": served.task,
        "isModelAuthor": False,
    }
    if served.adapter:
        entry |= {"type": "tag-filter", "adapter": "lora", "adapterWeightsPath": served.adapter}
    return entry
