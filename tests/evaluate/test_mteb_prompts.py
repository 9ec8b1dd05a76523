"""What is known of prompts, beside MTEB's own description of the same models. `make test-mteb` runs it.

A new version of MTEB that knows more or otherwise makes these fail, with the lines to write into
shared_core/catalog/data/prompts.json.
"""

from __future__ import annotations

import json
from importlib import resources

import pytest
from mteb.models.get_model_meta import MODEL_REGISTRY

from shared_core.catalog import prompts_for

pytestmark = pytest.mark.filterwarnings("ignore")  # those of MTEB and of what it uses are theirs

PLAIN = ("SentenceTransformerEncoderWrapper", "NomicWrapper", "UAEWrapper")
"""MTEB's loaders that put a prompt before a text and do nothing else with it."""

UNLIKE = {
    "nomic-ai/nomic-embed-code": "its card asks for other words than MTEB uses",
}
"""What is left out or known otherwise here, and why."""

DATA = json.loads(resources.files("shared_core.catalog").joinpath("data/prompts.json").read_text("utf-8"))


def said_by_mteb() -> dict[str, dict[str, str]]:
    """The prompts for retrieval of all models that MTEB describes with some."""
    found = {}
    for name, meta in MODEL_REGISTRY.items():
        prompts = (meta.loader_kwargs or {}).get("model_prompts")
        if getattr(meta.loader, "__name__", "") in PLAIN and isinstance(prompts, dict):
            said = {
                kind: prompts.get(f"Retrieval-{kind}", prompts.get(kind, "")).removesuffix("{text}")
                for kind in ("query", "document")
            }
            if any(said.values()):
                found[name] = said
    return found


def test_mteb_and_the_data_say_the_same_of_every_model_that_mteb_describes():
    missing = {}
    for name, said in said_by_mteb().items():
        known = prompts_for(name)
        ours = None if known is None else {"query": known.query, "document": known.document}
        if ours != said and name not in UNLIKE:
            missing[name] = said
    assert missing == {}, "write these into prompts.json, or name them in UNLIKE with the reason"


def test_what_the_data_has_from_mteb_mteb_still_says():
    from_mteb = {name for row in DATA["prompts"] if row["from"] == "mteb" for name in row["models"]}
    assert from_mteb - said_by_mteb().keys() == set()
    assert UNLIKE.keys() - said_by_mteb().keys() == set(), "a reason without a model"
