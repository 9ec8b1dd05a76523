"""Every kind of chat through the core, LangChain and LlamaIndex, played from cassettes.

What must come out is read naively from the cassette itself, so that the same tests hold for live and for
offline recordings. Requests that are not on the cassette, and exchanges that are not played, fail the test.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_core import errors
from shared_core.testing import Cut, Fault, Loading, Status

pytestmark = pytest.mark.usefixtures("connections_go_offline", "every_exchange_is_played")

LAYERS = ("core", "langchain", "llama_index")
STYLES = ("sync", "async")

# What to ask for: on the left from the offline router, on the right (with money) from the live one.
MODELS = {
    "text": ("offline/echo", "openai/gpt-oss-20b:cheapest"),
    "tools": ("offline/tools", "openai/gpt-oss-20b:cheapest"),
    "schema": ("offline/json", "openai/gpt-oss-20b:cheapest"),
    "reasoning": ("offline/reasoner", "openai/gpt-oss-20b:cheapest"),
    "vision": ("offline/tools", "Qwen/Qwen2.5-VL-7B-Instruct"),
    "nobody": ("offline/nobody", "hfrouter-tests/nobody-serves-this"),
}
MAX_TOKENS = 300

CASES = {
    "plain": "text",
    "streamed": "text",
    "tools": "tools",
    "tools_streamed": "tools",
    "structured": "schema",
    "reasoning": "reasoning",
    "reasoning_streamed": "reasoning",
    "vision": "vision",
}

# Errors that nature provides, and those that have to be scripted; these are always recorded offline.
NATURAL = {"error_model_not_found": errors.ModelNotServed}
SCRIPTED: dict[str, tuple[Fault, type[errors.RouterError]]] = {
    "error_400": (Status(400), errors.BadRequest),
    "error_401": (Status(401), errors.Unauthorized),
    "error_402": (Status(402), errors.PaymentRequired),
    "error_403": (Status(403), errors.PermissionDenied),
    "error_404": (Status(404), errors.ModelNotServed),
    "error_413": (Status(413), errors.InputTooLong),
    "error_422_too_long": (Status(422), errors.InputTooLong),
    "error_429": (Status(429), errors.RateLimited),
    "error_500": (Status(500), errors.ProviderFailed),
    "error_502": (Status(502), errors.ProviderFailed),
    "error_503": (Status(503), errors.Overloaded),
    "error_503_loading": (Loading(), errors.ModelLoading),
    "error_504": (Status(504), errors.TimedOut),
    "error_200_with_error": (
        Status(200, {"error": {"message": "no", "code": "server_error"}}),
        errors.ProviderFailed,
    ),
    "error_200_web_page": (Status(200, "<html><body>Please log in</body></html>"), errors.MalformedResponse),
}


@pytest.fixture
def faults(case: str) -> list[Any]:
    """What the offline router is told to do to this case's requests while it is recorded."""
    if case == "retried":
        return [Status(503, headers={"retry-after": "0"}, body={"error": "no capacity"})]
    if case == "stream_cut":
        return [Cut(after=4, chunks=True, how="end")]
    return [SCRIPTED[case][0]] if case in SCRIPTED else []


@pytest.fixture
def model(case: str, live: bool) -> str:
    kind = "nobody" if case in NATURAL else CASES.get(case, "text")
    return MODELS[kind][live]


def recorded_message(reply: dict[str, Any]) -> dict[str, Any]:
    """Text, reasoning and tool calls of a recorded reply, plain or streamed, added up by hand."""
    body = reply["body"]["string"].decode()
    if body.startswith("data:"):
        found = [event.removeprefix("data: ") for event in body.split("\n\n") if event.strip()]
        chunks = [json.loads(event) for event in found if event != "[DONE]"]
        pieces = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    else:
        pieces = [json.loads(body)["choices"][0]["message"]]
    calls: dict[int, list[str]] = {}
    for piece in pieces:
        for position, call in enumerate(piece.get("tool_calls") or []):
            function = call["function"]
            made = calls.setdefault(call.get("index", position), [function.get("name", ""), ""])
            made[1] += function.get("arguments") or ""
    return {
        "text": "".join(piece.get("content") or "" for piece in pieces),
        "reasoning": "".join(
            piece.get("reasoning") or piece.get("reasoning_content") or "" for piece in pieces
        ),
        "calls": [(name, json.loads(arguments)) for name, arguments in calls.values()],
    }


@pytest.mark.vcr
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("case", CASES)
async def test_comes_out_as_recorded(
    case: str, layer: str, style: str, model: str, api_key: str, ask: Any, vcr: Any
) -> None:
    answer = await ask(layer, style, case, model=model, api_key=api_key, max_tokens=MAX_TOKENS)
    (reply,) = vcr.responses
    (request,) = vcr.requests
    assert request.uri == "https://router.huggingface.co/v1/chat/completions"
    sent = json.loads(request.body)
    assert sent["model"] == model
    assert sent["max_tokens"] == MAX_TOKENS
    assert sent.get("stream", False) == case.endswith("streamed")
    recorded = recorded_message(reply)
    if case == "structured":
        assert answer["parsed"] == json.loads(recorded["text"])
        assert set(answer["parsed"]) == {"name", "age"}
        assert sent["response_format"]["type"] == "json_schema"
        return
    assert answer["calls"] == recorded["calls"]
    assert answer["text"] == recorded["text"]
    assert answer["reasoning"] == recorded["reasoning"]
    assert answer["tokens"] > 0
    if case.startswith("tools"):
        ((name, arguments),) = answer["calls"]
        assert name == "get_weather"
        assert "Paris" in arguments["city"]
    else:
        assert answer["text"]
    if case.startswith("reasoning"):
        assert answer["reasoning"]
    if case == "vision":
        (image,) = [part for part in sent["messages"][-1]["content"] if part["type"] == "image_url"]
        assert image["image_url"]["url"].startswith("data:image/png;base64,")


@pytest.mark.vcr
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("case", [*NATURAL, *SCRIPTED])
async def test_errors_come_out_as_what_they_are(
    case: str, layer: str, style: str, model: str, api_key: str, ask: Any
) -> None:
    wanted = NATURAL[case] if case in NATURAL else SCRIPTED[case][1]
    with pytest.raises(wanted) as caught:
        await ask(layer, style, "plain", model=model, api_key=api_key, max_tokens=MAX_TOKENS)
    assert isinstance(caught.value, errors.RouterError)
    assert caught.value.model == model
    assert caught.value.hint
    assert caught.value.request_id == "scrubbed" or caught.value.request_id.startswith("Root=")
    assert api_key not in str(caught.value)


@pytest.mark.vcr
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("case", ["retried"])
async def test_a_retry_plays_both_exchanges(
    case: str, layer: str, style: str, model: str, api_key: str, ask: Any, vcr: Any
) -> None:
    settings = {"model": model, "api_key": api_key, "max_tokens": MAX_TOKENS, "max_retries": 1}
    answer = await ask(layer, style, "plain", **settings)
    assert answer["text"] == "Say hello."
    first, second = vcr.requests
    assert first.body == second.body


@pytest.mark.vcr
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("case", ["stream_cut"])
async def test_a_stream_that_ends_early_keeps_what_arrived(
    case: str, layer: str, style: str, model: str, api_key: str, ask: Any, vcr: Any
) -> None:
    with pytest.raises(errors.StreamInterrupted) as caught:
        await ask(layer, style, "streamed", model=model, api_key=api_key, max_tokens=MAX_TOKENS)
    (reply,) = vcr.responses
    recorded = recorded_message(reply)
    assert caught.value.partial.text == recorded["text"] != ""


# -- the same questions through each layer ------------------------------------------------------------------

QUESTIONS = {
    "tools": "What is the weather in Paris?",
    "structured": "Ada is 36 years old.",
    "reasoning": "What is 17 + 25?",
    "vision": "What is in this picture?",
}
RED_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
PERSON = {
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"It is raining in {city}."


def question(case: str) -> str:
    return QUESTIONS.get(case.removesuffix("_streamed"), "Say hello.")


@pytest.fixture
def ask() -> Any:
    """`await ask(layer, style, case, **settings)`: what came of it, in one form for all layers."""

    async def choose(layer: str, style: str, case: str, **settings: Any) -> dict[str, Any]:
        layers = {"core": ask_core, "langchain": ask_langchain, "llama_index": ask_llama_index}
        return await layers[layer](style, case, {"max_retries": 0, **settings})

    return choose


async def ask_core(style: str, case: str, settings: dict[str, Any]) -> dict[str, Any]:
    from shared_core import AsyncHFRouter, HFRouter

    options: dict[str, Any] = {"max_tokens": settings.pop("max_tokens")}
    content: Any = question(case)
    if case == "vision":
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{RED_DOT}"}}
        content = [{"type": "text", "text": content}, picture]
    if case.startswith("tools"):
        parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        function = {"name": "get_weather", "description": get_weather.__doc__, "parameters": parameters}
        options["tools"] = [{"type": "function", "function": function}]
    if case == "structured":
        schema = {"name": "Person", "schema": PERSON}
        options["response_format"] = {"type": "json_schema", "json_schema": schema}
    messages = [{"role": "user", "content": content}]
    if style == "sync":
        router = HFRouter(**settings)
        if case.endswith("streamed"):
            with router.stream(messages, **options) as stream:
                list(stream)
            reply = stream.reply
        else:
            reply = router.chat(messages, **options)
    else:
        arouter = AsyncHFRouter(**settings)
        if case.endswith("streamed"):
            async with arouter.stream(messages, **options) as astream:
                [_ async for _ in astream]
            reply = astream.reply
        else:
            reply = await arouter.chat(messages, **options)
    return {
        "text": reply.text,
        "reasoning": reply.reasoning,
        "calls": [(call.name, call.parsed()) for call in reply.tool_calls],
        "tokens": reply.usage.total_tokens,
        "parsed": json.loads(reply.text) if case == "structured" else None,
    }


async def ask_langchain(style: str, case: str, settings: dict[str, Any]) -> dict[str, Any]:
    from langchain_hfrouter import ChatHFRouter

    llm: Any = ChatHFRouter(**settings)
    content: Any = question(case)
    if case == "vision":
        picture = {"type": "image", "base64": RED_DOT, "mime_type": "image/png"}
        content = [{"type": "text", "text": content}, picture]
    if case.startswith("tools"):
        llm = llm.bind_tools([get_weather])
    if case == "structured":
        llm = llm.with_structured_output(PERSON, method="json_schema")
    messages = [{"role": "user", "content": content}]
    if case.endswith("streamed"):
        chunks = list(llm.stream(messages)) if style == "sync" else [c async for c in llm.astream(messages)]
        answer = chunks[0]
        for chunk in chunks[1:]:
            answer += chunk
    else:
        answer = llm.invoke(messages) if style == "sync" else await llm.ainvoke(messages)
    if case == "structured":
        return {"parsed": answer}
    return {
        "text": answer.content,
        "reasoning": answer.additional_kwargs.get("reasoning_content", ""),
        "calls": [(call["name"], call["args"]) for call in answer.tool_calls],
        "tokens": answer.usage_metadata["total_tokens"],
    }


async def ask_llama_index(style: str, case: str, settings: dict[str, Any]) -> dict[str, Any]:
    from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
    from llama_index.core.prompts import PromptTemplate
    from llama_index.core.tools import FunctionTool
    from pydantic import BaseModel

    from llama_index_hfrouter import HFRouterLLM

    class Person(BaseModel):
        name: str
        age: int

    llm = HFRouterLLM(**settings, structured_output="json_schema", async_transport="httpx2")
    if case == "structured":
        prompt = PromptTemplate(question(case))
        predict = llm.structured_predict if style == "sync" else llm.astructured_predict
        made = predict(Person, prompt)
        return {"parsed": (made if style == "sync" else await made).model_dump()}
    blocks: list[Any] = [TextBlock(text=question(case))]
    if case == "vision":
        blocks.append(ImageBlock(image=RED_DOT.encode(), image_mimetype="image/png"))
    message = ChatMessage(role="user", blocks=blocks)
    streamed = case.endswith("streamed")
    if case.startswith("tools"):
        tools = [FunctionTool.from_defaults(get_weather)]
        names = {
            ("sync", False): llm.chat_with_tools,
            ("sync", True): llm.stream_chat_with_tools,
            ("async", False): llm.achat_with_tools,
            ("async", True): llm.astream_chat_with_tools,
        }
        answer = names[style, streamed](tools, user_msg=message)
    else:
        plain = {
            ("sync", False): llm.chat,
            ("sync", True): llm.stream_chat,
            ("async", False): llm.achat,
            ("async", True): llm.astream_chat,
        }
        answer = plain[style, streamed]([message])
    if style == "async":
        answer = await answer
    if streamed:
        answer = (list(answer) if style == "sync" else [chunk async for chunk in answer])[-1]
    thoughts = [block.content for block in answer.message.blocks if block.block_type == "thinking"]
    calls = llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
    return {
        "text": answer.message.content or "",
        "reasoning": "".join(thoughts),
        "calls": [(call.tool_name, call.tool_kwargs) for call in calls],
        "tokens": answer.additional_kwargs["total_tokens"],
    }
