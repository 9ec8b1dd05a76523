"""What we send is what huggingface_hub's own client sends, for every task of every provider that it knows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from huggingface_hub.inference._providers import PROVIDERS

from shared_core.providers.payloads import providers_of

from .asked import ASKED, PROVIDER_IDS, Case
from .conftest import Sent

ELSEWHERE = {
    "conversational": "the router's own /v1/chat/completions chooses the provider",
    "feature-extraction": "routes of our own, in batches: tests/providers, tests/client/test_embed_routes.py",
}
"""Tasks that go another way than huggingface_hub's, by intent."""

READ_BY_US = {
    "baseten": "conversational",
    "cerebras": "conversational",
    "cohere": "conversational",
    "deepinfra": "automatic-speech-recognition conversational "
    "feature-extraction text-generation text-to-speech",
    "fal-ai": "automatic-speech-recognition image-segmentation image-to-image "
    "image-to-video text-to-image text-to-speech text-to-video",
    "featherless-ai": "conversational text-generation",
    "fireworks-ai": "conversational",
    "groq": "conversational",
    "novita": "conversational text-generation text-to-video",
    "nscale": "conversational text-to-image",
    "openai": "conversational",
    "ovhcloud": "conversational",
    "publicai": "conversational",
    "replicate": "automatic-speech-recognition image-to-image text-to-image text-to-speech text-to-video",
    "scaleway": "conversational feature-extraction",
    "together": "conversational feature-extraction image-to-image image-to-video "
    "text-generation text-to-image text-to-speech text-to-video",
    "wavespeed": "image-to-image image-to-video text-to-image text-to-video",
    "zai-org": "conversational text-to-image",
    "hf-inference": " ".join({*ASKED, *ELSEWHERE} - {"text-to-video", "image-to-video"}),
}
"""Whose replies to what we were taught to read: in the dialects, and in `wire.tasks`."""

_OPENAI_WORDS = ("deepinfra", "featherless-ai", "novita", "together")

PAIRS = [
    pytest.param(
        provider, task, case, pid, id=f"{provider} {task}{' with parameters' if case.options else ''} {pid}"
    )
    for provider, tasks in PROVIDERS.items()
    for task in tasks
    if task in ASKED
    for case in ASKED[task]
    for pid in PROVIDER_IDS.get(provider, ("org/some-model",))
]


def meant(provider: str, task: str, hubs: Sent) -> Sent:
    """huggingface_hub's request with the one difference that is ours by intent.

    Servers of OpenAI's completions know `max_tokens` and no `max_new_tokens`, which huggingface_hub sends two of them
    as it is, and `return_full_text` is TGI's; the others get a null where no limit was given.
    """
    if task != "text-generation" or provider not in _OPENAI_WORDS:
        return hubs
    body = {
        name: value for name, value in hubs.body.items() if value is not None and name != "return_full_text"
    }
    if "max_new_tokens" in body:
        body["max_tokens"] = body.pop("max_new_tokens")
    return Sent(hubs.method, hubs.url, hubs.headers, body)


@pytest.mark.parametrize(("provider", "task", "case", "pid"), PAIRS)
def test_both_clients_send_the_same(
    provider: str,
    task: str,
    case: Case,
    pid: str,
    sent_by_hub: Callable[..., Sent],
    sent_by_us: Callable[..., Sent],
) -> None:
    ours = sent_by_us(provider, task, pid, case.ask_us)
    assert ours == meant(provider, task, sent_by_hub(provider, task, pid, case.ask_hub))


def test_every_task_of_every_provider_is_asked_for_here() -> None:
    known = {task for tasks in PROVIDERS.values() for task in tasks}
    new = known - ASKED.keys() - ELSEWHERE.keys()
    assert not new, (
        f"huggingface_hub has tasks that we do not know: {sorted(new)}. Give each a method (client/classic_calls.py or "
        "client/media_calls.py), a reader, and a row in tests/contract/asked.py."
    )


def test_the_replies_of_every_provider_are_known_to_us() -> None:
    known = {(provider, task) for provider, tasks in READ_BY_US.items() for task in tasks.split()}
    new = {(provider, task) for provider, tasks in PROVIDERS.items() for task in tasks} - known
    assert not new, (
        f"huggingface_hub asks somebody new: {sorted(new)}. What we would send is right by itself "
        "(providers/payloads.py); look at how its adapter reads the reply, teach it to "
        "shared_core/providers/dialects (or wire/tasks.py, wire/completions.py), and add the pair to READ_BY_US."
    )


def test_every_provider_is_asked_for_what_it_can() -> None:
    for provider, tasks in PROVIDERS.items():
        assert [task for task in tasks if task not in ELSEWHERE and provider not in providers_of(task)] == []
