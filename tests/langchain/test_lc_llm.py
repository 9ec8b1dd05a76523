"""`HFRouterLLM`: LangChain's own calls against the offline router, as its chat suites do for chat models."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from inspect import signature
from typing import Any, get_type_hints

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.load import dumps, loads
from langchain_core.outputs import GenerationChunk, LLMResult
from langchain_core.prompts import PromptTemplate

from langchain_hfrouter import HFRouterLLM
from langchain_hfrouter.errors import BadRequest, ConfigError, StreamInterrupted, Unauthorized
from langchain_hfrouter.llm_arguments import LLMArguments
from shared_core import Timeouts
from shared_core.testing import Cut, offline_router

PROMPT = "The cat sat on the mat"
# "The cat sat on the mat", as the offline writer goes on with it: always the same.
WRITTEN = " cat mat the sat sat cat mat the."
PROVIDERS = ["hf-inference", "deepinfra", "featherless-ai", "novita", "together"]


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    with offline_router(token="hf_canary") as url:
        yield url


@pytest.fixture
def make(host: Any) -> Any:
    """Makes a model against the offline router."""
    host.forget()

    def build(model: str = "offline/writer:together", **settings: Any) -> HFRouterLLM:
        about = {"base_url": str(host), "hub_url": host.root, "api_key": "hf_canary", "max_tokens": 9}
        return HFRouterLLM(model, **{**about, **settings})

    return build


def written(host: Any) -> list[dict[str, Any]]:
    """The bodies that reached the models."""
    return [one.json for one in host.requests if one.method == "POST"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_invoke_goes_on_with_the_prompt_on_every_provider(make: Any, provider: str) -> None:
    assert make(f"offline/writer:{provider}").invoke(PROMPT) == WRITTEN


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_astream_gives_the_same_in_pieces(make: Any, provider: str) -> None:
    pieces = [piece async for piece in make(f"offline/writer:{provider}").astream(PROMPT)]
    assert len([piece for piece in pieces if piece]) == 9
    assert "".join(pieces) == WRITTEN


async def test_ainvoke_and_stream_agree_with_invoke(make: Any) -> None:
    assert await make().ainvoke(PROMPT) == WRITTEN
    assert "".join(make().stream(PROMPT)) == WRITTEN


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_a_batch_keeps_the_order_of_its_prompts(make: Any, host: Any, concurrency: int) -> None:
    prompts = [f"Prompt {word} goes on" for word in ("one", "two", "three", "four")]
    alone = [make().invoke(prompt) for prompt in prompts]
    assert len(set(alone)) == 4
    llm = make(max_concurrency=concurrency)
    assert llm.batch(prompts) == alone
    assert await llm.abatch(prompts) == alone
    assert llm.batch(prompts, config={"max_concurrency": 2}) == alone
    assert sorted(body["prompt"] for body in written(host)) == sorted(prompts * 4)


async def test_an_empty_batch_asks_nobody(make: Any, host: Any) -> None:
    assert make().batch([]) == []
    assert make().generate([]).generations == []
    assert (await make().agenerate([])).generations == []
    assert host.requests == []


def test_one_of_a_batch_that_fails_fails_it_and_can_be_kept_apart(make: Any, host: Any) -> None:
    with pytest.raises(ConfigError, match="prompt is empty"):
        make().batch([PROMPT, ""])
    kept = make().batch([PROMPT, ""], return_exceptions=True)
    assert [type(each) for each in kept] == [ConfigError, ConfigError]  # LangChain's way with a whole batch


async def test_a_failure_in_an_async_batch_is_the_providers_own_and_no_group(make: Any) -> None:
    with pytest.raises(BadRequest):
        await make(temperature=7).abatch([PROMPT, "Another"])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_stop_texts_end_the_text_and_are_no_part_of_it(make: Any, provider: str) -> None:
    llm = make(f"offline/writer:{provider}", max_tokens=50)
    assert llm.invoke(PROMPT, stop=[" sat"]) == " cat mat the"
    assert "".join(llm.stream(PROMPT, stop=[" sat"])) == " cat mat the"
    assert make(f"offline/writer:{provider}", stop=[" sat"]).invoke(PROMPT) == " cat mat the"
    assert llm.bind(stop=[" mat"]).invoke(PROMPT) == " cat"


def test_the_calls_own_stop_goes_before_the_constructors(make: Any, host: Any) -> None:
    make(stop=["x"]).invoke(PROMPT, stop=["y"])
    make(stop=["x"]).invoke(PROMPT)
    assert [body["stop"] for body in written(host)] == [["y"], ["x"]]


def test_parameters_reach_the_provider_by_its_names_and_none_is_never_sent(make: Any, host: Any) -> None:
    make(temperature=0.5, seed=7, extra_body={"echo": False}).invoke(PROMPT, top_p=0.5, max_tokens=3)
    assert written(host) == [
        {
            "prompt": PROMPT,
            "model": "offline/Writer-Turbo",
            "temperature": 0.5,
            "seed": 7,
            "top_p": 0.5,
            "max_tokens": 3,
            "echo": False,
        }
    ]


def test_generate_tells_tokens_finish_reason_and_who_answered(make: Any) -> None:
    result = make().generate([PROMPT, PROMPT])
    assert result.llm_output == {
        "token_usage": {"prompt_tokens": 12, "completion_tokens": 18, "total_tokens": 30},
        "model_name": "offline/Writer-Turbo",
    }
    about = result.generations[0][0].generation_info
    assert about is not None
    assert (about["finish_reason"], about["provider"], about["attempts"]) == ("length", "together", 1)
    assert about["token_usage"] == {"prompt_tokens": 6, "completion_tokens": 9, "total_tokens": 15}


class Heard(BaseCallbackHandler):
    """Notes down what LangChain tells."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.ends: list[LLMResult] = []
        self.errors: list[BaseException] = []
        self.params: list[Any] = []

    def on_llm_start(self, serialized: Any, prompts: list[str], **kwargs: Any) -> None:
        self.params.append((prompts, kwargs["invocation_params"], repr(serialized)))

    def on_llm_new_token(self, token: str, *, chunk: Any = None, **kwargs: Any) -> None:
        assert isinstance(chunk, GenerationChunk)
        self.tokens.append(token)

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.ends.append(response)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors.append(error)


class AsyncHeard(AsyncCallbackHandler):
    """The same for event loops."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    async def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.tokens.append(token)


async def test_callbacks_hear_each_token_and_the_end_with_its_usage(make: Any) -> None:
    heard, aheard = Heard(), AsyncHeard()
    text = "".join(make().stream(PROMPT, config={"callbacks": [heard]}))
    async for _ in make().astream(PROMPT, config={"callbacks": [aheard]}):
        pass
    assert "".join(heard.tokens) == "".join(aheard.tokens) == text
    ((end,),) = heard.ends[0].generations
    assert end.text == text
    assert end.generation_info is not None
    assert end.generation_info["token_usage"]["completion_tokens"] == 9
    ((prompts, params, serialized),) = heard.params
    assert prompts == [PROMPT]
    assert params["max_new_tokens"] == 9
    assert "hf_canary" not in repr(params) + serialized


def test_a_failed_call_is_langchains_error_and_told_to_callbacks(make: Any) -> None:
    heard = Heard()
    with pytest.raises(Unauthorized) as caught:
        make(api_key="hf_wrong").invoke(PROMPT, config={"callbacks": [heard]})
    assert heard.errors == [caught.value]
    assert "hf_wrong" not in str(caught.value)


def test_a_stream_that_breaks_keeps_what_had_come(make: Any, host: Any) -> None:
    host.queue(Cut(after=3, chunks=True), path="/together/*")
    seen: list[str] = []
    with pytest.raises(StreamInterrupted) as caught:
        seen.extend(make().stream(PROMPT))
    assert caught.value.partial.text == " cat mat the"


def test_it_stands_in_a_chain(make: Any) -> None:
    chain = PromptTemplate.from_template("The {animal} sat on the mat") | make()
    assert chain.invoke({"animal": "cat"}) == WRITTEN


def test_langchains_cache_asks_once_and_tells_models_apart(make: Any, host: Any) -> None:
    cache = InMemoryCache()
    one, other = make(cache=cache), make(cache=cache, max_tokens=3)
    assert one.invoke(PROMPT) == one.invoke(PROMPT) == WRITTEN
    assert other.invoke(PROMPT) == " cat mat the"
    assert len(written(host)) == 2


def test_the_token_is_in_no_copy_and_no_text_of_it(make: Any) -> None:
    llm = make(default_headers={"x-api-key": "canary-2", "x-note": "fine"}, timeout=Timeouts(total=9))
    assert llm._serialized  # LangChain keeps this in the object
    shown = [
        repr(llm),
        str(llm),
        dumps(llm),
        str(pickle.dumps(llm)),
        repr(llm.model_dump_json()),
        repr(llm._identifying_params),
    ]
    assert not [text for text in shown if "canary" in text]
    for twin in (pickle.loads(pickle.dumps(llm)), copy.deepcopy(llm)):
        assert (twin.model, twin.max_tokens, twin.timeout) == (llm.model, 9, Timeouts(total=9))
        with pytest.raises(ConfigError, match="left behind"):
            twin.invoke(PROMPT)


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
def test_it_comes_back_from_langchains_json_with_the_token_of_the_environment(make: Any) -> None:
    text = dumps(make(stop=["."], seed=7))
    about: dict[str, Any] = {
        "secrets_map": {"HF_TOKEN": "hf_canary"},
        "valid_namespaces": ["langchain_hfrouter"],
    }
    if "allowed_objects" in signature(loads).parameters:  # langchain-core 1.2.5
        about["allowed_objects"] = [HFRouterLLM]
    twin = loads(text, **about)
    assert isinstance(twin, HFRouterLLM)
    assert (twin.stop, twin.seed) == (["."], 7)
    assert twin.invoke(PROMPT) == make(stop=["."], seed=7).invoke(PROMPT)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs a model"),
        ({"model": "a/b", "batch_size": 3}, "each prompt is a request of its own"),
        ({"model": "a/b", "repo_id": "a/b"}, "no argument repo_id"),
        ({"model": "a/b", "max_tokens": 0}, "max_tokens"),
        ({"model": "a/b", "max_tokens": 3, "max_new_tokens": 4}, "two spellings"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arguments_that_cannot_work_are_told_at_once(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        HFRouterLLM(**arguments)


def test_what_langchain_notes_down_of_it_follows_its_fields(make: Any) -> None:
    llm = make(seed=1)
    assert llm._serialized["kwargs"]["seed"] == 1
    llm.seed = 2
    assert llm._serialized["kwargs"]["seed"] == 2


def test_a_calls_argument_that_does_not_exist_is_refused_before_the_wire(make: Any, host: Any) -> None:
    with pytest.raises(ConfigError, match="Unknown argument 'temprature'"):
        make().invoke(PROMPT, temprature=1)
    assert host.requests == []


def test_tokens_are_counted_without_a_download(make: Any) -> None:
    assert make().get_num_tokens("twelve chars") == 3
    assert make(custom_get_token_ids=lambda text: [1] * len(text)).get_num_tokens("abc") == 3
    with pytest.raises(ConfigError, match="custom_get_token_ids"):
        make().get_token_ids("abc")


def test_traces_name_the_model_and_us(make: Any) -> None:
    assert make(temperature=0.5, stop=["."])._get_ls_params() == {
        "ls_provider": "hfrouter",
        "ls_model_type": "llm",
        "ls_model_name": "offline/writer:together",
        "ls_temperature": 0.5,
        "ls_max_tokens": 9,
        "ls_stop": ["."],
    }


def test_type_checkers_are_told_of_every_field_and_spelling() -> None:
    known = {*HFRouterLLM.model_fields, *HFRouterLLM._ALIASES, "model_kwargs"} - {"batch_size"}
    assert get_type_hints(LLMArguments).keys() == known | {"endpoint"}
