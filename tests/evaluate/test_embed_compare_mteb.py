"""The encoder for MTEB, without MTEB: what it is given, and what it gives. `test_mteb_run` is the real thing."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from shared_core import HFRouter
from shared_core.errors import ConfigError
from shared_core.evaluate import MTEBEncoder
from shared_core.local import LocalEmbedder

WORDS = "offline/embed-16"  # has prompts for queries and documents
TASK = {"task_metadata": None, "hf_split": "test", "hf_subset": "default"}


def test_the_texts_of_all_batches_become_vectors_in_order(offline_url):
    client = HFRouter(WORDS, base_url=offline_url)
    batches = [{"text": ["a cat", "a dog"], "id": [1, 2]}, {"text": ["a bird"]}]
    vectors = MTEBEncoder(client).encode(batches, **TASK, batch_size=1, show_progress_bar=False)
    assert np.array_equal(vectors, client.embed(["a cat", "a dog", "a bird"]).vectors)


@pytest.mark.parametrize(
    ("symmetric", "prompt_type", "kind"),
    [
        ("document", None, "document"),
        ("query", None, "query"),
        ("query", "document", "document"),
        ("document", "query", "query"),
    ],
)
def test_queries_are_queries_and_what_is_neither_is_as_was_said(symmetric, prompt_type, kind):
    class Told(HFRouter):
        def embed(self, texts, kind="document", **options):
            kinds.append(kind)
            return super().embed([], kind)

    kinds = []
    encoder = MTEBEncoder(Told("a/b"), symmetric=symmetric)
    encoder.encode([{"text": ["x"]}], **TASK, prompt_type=prompt_type)
    assert kinds == [kind]


def test_what_the_model_is_known_to_want_stands_before_texts_once(offline_url):
    client = HFRouter("intfloat/e5-small-v2", base_url=offline_url.root)
    encoder = MTEBEncoder(client, symmetric="query")
    for prompt_type in ("query", "document", None):
        encoder.encode([{"text": ["x"]}], **TASK, prompt_type=prompt_type)
    sent = [seen.json["inputs"] for seen in offline_url.requests]
    assert sent == [["query: x"], ["passage: x"], ["query: x"]]


@pytest.mark.parametrize(
    ("embedder", "name"),
    [
        (HFRouter("org/name"), "org/name"),
        (HFRouter("org/name:groq"), "org/name:groq"),
        (LocalEmbedder("sentence-transformers/all-MiniLM-L6-v2"), "sentence-transformers/all-MiniLM-L6-v2"),
        (LocalEmbedder("/home/ada/my models/tiny one/"), "local/tiny-one"),
        (LocalEmbedder("/"), "local/model"),
    ],
    ids=["a model", "at a provider", "a local model", "a folder", "a folder without a name"],
)
def test_results_are_filed_under_the_models_name_and_tell_no_path(embedder, name):
    assert MTEBEncoder(embedder)._name == name


REFUSED = {
    "what does not embed": (lambda: MTEBEncoder(object()), "A object cannot be put to MTEB"),
    "a client without a model": (lambda: MTEBEncoder(HFRouter()), "The client has no model"),
    "a name that is a path": (lambda: MTEBEncoder(HFRouter("a/b"), name="../b/c"), "cannot file results"),
    "a similarity that is none": (lambda: MTEBEncoder(HFRouter("a/b"), similarity="near"), "similarity='near'"),
    "a kind that is none": (lambda: MTEBEncoder(HFRouter("a/b"), symmetric="both"), "symmetric='both'"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_work_is_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()


def test_a_task_about_pictures_is_refused_by_name():
    with pytest.raises(ConfigError, match="about image, and not about texts"):
        MTEBEncoder(HFRouter("a/b")).encode([{"image": [b""]}], **TASK)


def test_without_mteb_the_error_names_the_command(monkeypatch):
    for name in ("mteb", "mteb.models", "mteb.models.model_meta"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "hfrouter\[mteb\]"'):
        _ = MTEBEncoder(HFRouter("a/b")).mteb_model_meta
