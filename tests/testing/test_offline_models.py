"""What the offline models answer: sensible, honest, and the same every time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared_core.testing import offline_router

Post = Callable[..., httpx2.Response]
STRING, INTEGER = {"type": "string"}, {"type": "integer"}


def tool(name: str, description: str, required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": required or list(properties)}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


WEATHER = tool(
    "get_weather",
    "Get the current weather in a given location.",
    ["location"],
    location=STRING,
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
ADD = tool("add", "Add two integers, a and b.", a=INTEGER, b=INTEGER)
MULTIPLY = tool("multiply", "Multiply two numbers and return the product.", a=INTEGER, b=INTEGER)
SUM = tool("my_adder_tool", "Takes two integers, a and b, and returns their sum.", a=INTEGER, b=INTEGER)
MAGIC = tool("magic_function", "Apply a magic function to an input.", input=INTEGER)
TIME = tool("get_current_time", "Return the current time in a timezone", timezone=STRING)
SEARCH = tool("search", "Search the web for information.", query=STRING)
CITIES = tool("get_weather_many", "Weather of several cities.", cities={"type": "array", "items": STRING})
EMAIL = tool(
    "send_email", "Send an email.", to={"type": "string", "format": "email"}, subject=STRING, body=STRING
)
FLIGHT = tool(
    "book_flight",
    "Book a flight between two cities.",
    origin=STRING,
    destination=STRING,
    date={"type": "string", "format": "date"},
    passengers={"type": "integer", "minimum": 1},
    window_seat={"type": "boolean"},
)


def message_of(reply: httpx2.Response) -> dict[str, Any]:
    assert reply.status_code == 200, reply.text
    message: dict[str, Any] = reply.json()["choices"][0]["message"]
    return message


def calls_of(reply: httpx2.Response) -> list[tuple[str, dict[str, Any]]]:
    calls = message_of(reply).get("tool_calls", [])
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]


FITTING: list[tuple[str, list[dict[str, Any]], list[tuple[str, dict[str, Any]]]]] = [
    (
        "What is the weather in San Francisco, CA?",
        [WEATHER, ADD],
        [("get_weather", {"location": "San Francisco, CA"})],
    ),
    ("what's the weather in paris?", [WEATHER], [("get_weather", {"location": "paris"})]),
    (
        "Weather in Boston, in fahrenheit please",
        [WEATHER],
        [("get_weather", {"location": "Boston", "unit": "fahrenheit"})],
    ),
    (
        "What is the weather in SF and LA?",
        [WEATHER],
        [("get_weather", {"location": "SF"}), ("get_weather", {"location": "LA"})],
    ),
    (
        "weather in Paris, London and Rome please",
        [WEATHER],
        [("get_weather", {"location": city}) for city in ("Paris", "London", "Rome")],
    ),
    (
        "What's the weather in Oslo and Bergen?",
        [CITIES],
        [("get_weather_many", {"cities": ["Oslo", "Bergen"]})],
    ),
    (
        "What is the weather in Rome and what time is it in Tokyo?",
        [WEATHER, TIME],
        [("get_weather", {"location": "Rome"}), ("get_current_time", {"timezone": "Tokyo"})],
    ),
    ("What is 1 + 2", [SUM], [("my_adder_tool", {"a": 1, "b": 2})]),
    (
        "What is 3 * 12? Also, what is 11 + 49?",
        [ADD, MULTIPLY],
        [("multiply", {"a": 3, "b": 12}), ("add", {"a": 11, "b": 49})],
    ),
    (
        "add 3 and 4 and multiply 5 by 6",
        [ADD, MULTIPLY],
        [("add", {"a": 3, "b": 4}), ("multiply", {"a": 5, "b": 6})],
    ),
    ("Add 3 and 4, then multiply the result by 10", [ADD, MULTIPLY], [("add", {"a": 3, "b": 4})]),
    ("What is the value of magic_function(3)? Use the tool.", [MAGIC], [("magic_function", {"input": 3})]),
    ("Search for the best pizza in Naples", [SEARCH], [("search", {"query": "the best pizza in Naples"})]),
    (
        "Send an email to bob@x.org with subject 'Hi there' saying 'see you'",
        [EMAIL],
        [("send_email", {"to": "bob@x.org", "subject": "Hi there", "body": "see you"})],
    ),
    (
        "Book a flight from Paris to New York on 2026-12-24 for 2 passengers without a window seat",
        [FLIGHT],
        [
            (
                "book_flight",
                {
                    "origin": "Paris",
                    "destination": "New York",
                    "date": "2026-12-24",
                    "passengers": 2,
                    "window_seat": False,
                },
            )
        ],
    ),
]


@pytest.mark.parametrize(("text", "tools", "expected"), FITTING, ids=[row[0] for row in FITTING])
def test_a_tool_that_fits_is_called_with_arguments_from_the_message(
    post: Post, text: str, tools: list[dict[str, Any]], expected: list[tuple[str, dict[str, Any]]]
) -> None:
    reply = post(text, model="offline/tools", tools=tools)
    assert calls_of(reply) == expected
    assert reply.json()["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    "text", ["Hello!", "Tell me a joke", "What is the capital of France?", "Thanks a lot", ""]
)
def test_no_tool_is_called_when_none_fits(post: Post, text: str) -> None:
    message = message_of(post(text, model="offline/tools", tools=[WEATHER, ADD, MULTIPLY, EMAIL, MAGIC]))
    assert "tool_calls" not in message
    assert message["content"]


def test_tool_choice_none_forbids_a_fitting_call(post: Post) -> None:
    assert calls_of(post("weather in Rome", model="offline/tools", tools=[WEATHER], tool_choice="none")) == []


def test_tool_choice_required_forces_a_call_where_none_fits(post: Post) -> None:
    calls = calls_of(post("Hello!", model="offline/tools", tools=[MAGIC, WEATHER], tool_choice="required"))
    assert len(calls) == 1


def test_a_named_choice_is_called_even_against_a_better_fit(post: Post) -> None:
    choice = {"type": "function", "function": {"name": "magic_function"}}
    calls = calls_of(
        post("weather in Rome, 7 days", model="offline/tools", tools=[WEATHER, MAGIC], tool_choice=choice)
    )
    assert calls == [("magic_function", {"input": 7})]


def test_parallel_calls_can_be_forbidden(post: Post) -> None:
    calls = calls_of(
        post("weather in SF and LA", model="offline/tools", tools=[WEATHER], parallel_tool_calls=False)
    )
    assert calls == [("get_weather", {"location": "SF"})]


def converse(
    post: Post, text: str, tools: list[dict[str, Any]], run: Callable[..., object], **body: Any
) -> list[Any]:
    """Run tools until the model answers in words; gives the calls and, last, the words."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
    seen: list[Any] = []
    for _ in range(5):
        message = message_of(post(model="offline/tools", messages=messages, tools=tools, **body))
        if not message.get("tool_calls"):
            return [*seen, message["content"]]
        messages.append(message)
        for call in message["tool_calls"]:
            arguments = json.loads(call["function"]["arguments"])
            seen.append((call["function"]["name"], arguments))
            result = str(run(call["function"]["name"], **arguments))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    raise AssertionError("the model never came to an end")


def test_a_result_ends_in_words_that_use_it(post: Post) -> None:
    seen = converse(post, "weather in Rome?", [WEATHER], lambda name, location: f"{location} is sunny")
    assert seen == [("get_weather", {"location": "Rome"}), "get_weather says: Rome is sunny"]


def test_a_step_that_needs_a_result_waits_for_it(post: Post) -> None:
    seen = converse(
        post,
        "Add 3 and 4, then multiply the result by 10",
        [ADD, MULTIPLY],
        lambda name, a, b: a + b if name == "add" else a * b,
    )
    assert seen[:2] == [("add", {"a": 3, "b": 4}), ("multiply", {"a": 7, "b": 10})]
    assert "70" in seen[2]


def test_without_parallel_calls_the_second_follows_the_first_result(post: Post) -> None:
    seen = converse(
        post, "weather in SF and LA", [WEATHER], lambda *_, **__: "dry", parallel_tool_calls=False
    )
    assert [item[1]["location"] for item in seen[:2]] == ["SF", "LA"]
    assert len(seen) == 3


def test_call_ids_differ_between_calls_and_between_turns(post: Post) -> None:
    ids = []
    for text in ("weather in SF and LA", "weather in Rome and Oslo"):
        ids += [
            call["id"]
            for call in message_of(post(text, model="offline/tools", tools=[WEATHER]))["tool_calls"]
        ]
    assert len(set(ids)) == 4


def schema(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required or list(properties)}


def json_format(wanted: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "wanted", "schema": wanted}}


SONG = schema(title=STRING, seconds=INTEGER)
INSTANCES: dict[str, tuple[str, dict[str, Any], Any]] = {
    "names and numbers": (
        "Alice is 30 years old and lives in Paris",
        schema(name=STRING, age=INTEGER, city=STRING),
        {"name": "Alice", "age": 30, "city": "Paris"},
    ),
    "enums, flags and given values": (
        "Ship 3 large red shirts without gift wrap, priority=high",
        schema(
            quantity=INTEGER,
            colour={"enum": ["blue", "red"]},
            size={"type": "string", "enum": ["small", "large"]},
            priority=STRING,
            gift={"type": "boolean"},
        ),
        {"quantity": 3, "colour": "red", "size": "large", "priority": "high", "gift": False},
    ),
    "what nobody mentions": (
        "hello",
        schema(
            ["n", "m", "s", "d", "c"],
            n={**INTEGER, "minimum": 5},
            m={"type": "number", "exclusiveMaximum": 0},
            s={**STRING, "minLength": 8},
            d={**INTEGER, "default": 3},
            c={"const": "x"},
            optional=STRING,
        ),
        None,
    ),
    "nullable and optional": (
        "Tell me a joke about cats",
        schema(
            ["setup", "rating"], setup=STRING, rating={"anyOf": [INTEGER, {"type": "null"}]}, punchline=STRING
        ),
        {"setup": "cats", "rating": None},
    ),
    "lists of numbers": (
        "the primes 2, 3 and 5",
        schema(numbers={"type": "array", "items": INTEGER}),
        {"numbers": [2, 3, 5]},
    ),
    "references and nesting": (
        "An album with 'Creep', 240 seconds",
        {**schema(songs={"type": "array", "items": {"$ref": "#/$defs/Song"}}), "$defs": {"Song": SONG}},
        {"songs": [{"title": "Creep", "seconds": 240}]},
    ),
    "a tree that refers to itself": (
        "root 'a'",
        {
            "$ref": "#/$defs/Node",
            "$defs": {
                "Node": schema(
                    ["name"], name=STRING, children={"type": "array", "items": {"$ref": "#/$defs/Node"}}
                )
            },
        },
        {"name": "a"},
    ),
}


@pytest.mark.parametrize("model", ["offline/json", "offline/tools"])
@pytest.mark.parametrize(("text", "wanted", "expected"), INSTANCES.values(), ids=INSTANCES.keys())
def test_a_schema_is_filled_from_the_message(
    post: Post, model: str, text: str, wanted: dict[str, Any], expected: Any
) -> None:
    filled = json.loads(message_of(post(text, model=model, response_format=json_format(wanted)))["content"])
    if expected is not None:
        assert filled == expected
    else:
        assert filled["n"] >= 5
        assert filled["m"] < 0
        assert len(filled["s"]) >= 8
        assert (filled["d"], filled["c"]) == (3, "x")
        assert "optional" not in filled


def test_a_bare_json_object_takes_the_keys_named_in_the_prompt(post: Post) -> None:
    text = "Tell me a joke. Return the result as JSON with 'setup' and 'punchline' keys."
    filled = message_of(post(text, model="offline/tools", response_format={"type": "json_object"}))["content"]
    assert set(json.loads(filled)) == {"setup", "punchline"}


@pytest.mark.parametrize("key", ["value", "schema"])
def test_a_json_object_may_carry_its_schema_as_tgi_and_fireworks_take_it(post: Post, key: str) -> None:
    wanted = {"type": "json_object", key: schema(name=STRING)}
    filled = message_of(post("Alice is here", model="offline/json", response_format=wanted))["content"]
    assert json.loads(filled) == {"name": "Alice"}


def test_a_schema_written_in_the_prompt_is_followed(post: Post) -> None:
    wanted = schema(name=STRING, age=INTEGER)
    text = f"Alice is 30.\n\nHere's a JSON schema to follow:\n{json.dumps(wanted)}\n\nOutput a valid JSON object."
    for model in ("offline/json", "offline/tools"):
        assert json.loads(message_of(post(text, model=model))["content"]) == {"name": "Alice", "age": 30}


CONTEXT = (
    "The lighthouse was built in 1889 by Ada Berg. Its lamp burns whale oil. "
    "Visitors may climb the tower on Sundays."
)
PROMPTS = {
    "context in the system message": [
        {"role": "system", "content": f"Answer from the context.\nContext: {CONTEXT}"},
        {"role": "user", "content": "Who built the lighthouse?"},
    ],
    "all in one message": [
        {
            "role": "user",
            "content": f"Use the context.\n\nContext: {CONTEXT}\n\nQuestion: Who built the lighthouse?",
        }
    ],
    "LlamaIndex's template": [
        {
            "role": "user",
            "content": f"Context information is below.\n---------------------\n{CONTEXT}\n---------------------\n"
            "Given the context information and not prior knowledge, answer the query.\n"
            "Query: Who built the lighthouse?\nAnswer: ",
        }
    ],
    "plain lines": [{"role": "user", "content": f"{CONTEXT}\nWho built the lighthouse?"}],
}


@pytest.mark.parametrize("messages", PROMPTS.values(), ids=PROMPTS.keys())
def test_extractive_finds_the_sentence_in_any_usual_prompt(
    post: Post, messages: list[dict[str, Any]]
) -> None:
    body = post(model="offline/extractive", messages=messages).json()
    assert body["choices"][0]["message"]["content"] == "The lighthouse was built in 1889 by Ada Berg."
    assert body["system_fingerprint"] == "fp_offline_words"


def test_extractive_says_so_when_there_is_no_context(post: Post) -> None:
    message = message_of(post("Who built it?", model="offline/extractive"))
    assert message["content"] == "There is no context to answer from."


def test_extractive_takes_an_embedder_of_ones_own() -> None:
    def longest(texts: list[str]) -> list[list[float]]:
        """Vectors by which the last sentence is nearest to the question."""
        return [[1.0, 0.0], *([0.0, 1.0] for _ in texts[2:]), [1.0, 0.1]]

    body = {"model": "offline/extractive", "messages": PROMPTS["all in one message"]}
    with offline_router(embedder=longest) as url:
        reply = httpx2.post(f"{url}/chat/completions", json=body).json()
    assert reply["choices"][0]["message"]["content"] == "Visitors may climb the tower on Sundays."
    assert reply["system_fingerprint"] == "fp_offline_injected"


@pytest.mark.pinned_set
def test_extractive_uses_minilm_where_it_is_installed() -> None:
    question = "On which day can tourists go up?"  # shares no word with the sentence that answers it
    body = {
        "model": "offline/extractive",
        "messages": [{"role": "user", "content": f"Context: {CONTEXT}\nQuestion: {question}"}],
    }
    with offline_router() as url:
        reply = httpx2.post(f"{url}/chat/completions", json=body, timeout=120).json()
    assert reply["choices"][0]["message"]["content"] == "Visitors may climb the tower on Sundays."
    assert reply["system_fingerprint"] == "fp_offline_minilm"


@pytest.mark.parametrize(("effort", "sentences"), [("none", 0), ("low", 1), ("medium", 2), ("high", 3)])
def test_the_reasoner_thinks_as_long_as_told(post: Post, effort: str, sentences: int) -> None:
    message = message_of(post("What is 7 / 2?", model="offline/reasoner", reasoning_effort=effort))
    assert message["content"] == "7 / 2 = 3.5"
    assert message.get("reasoning", "").count(".") == sentences


def test_the_tool_model_thinks_only_when_asked_to(post: Post) -> None:
    assert "reasoning" not in message_of(post("hi", model="offline/tools"))
    assert message_of(post("hi", model="offline/tools", reasoning_effort="low"))["reasoning"]


REACT = (
    "You have access to the following tools:\n> Tool Name: get_weather\nTool Description: Weather of a city\n"
    'Tool Args: {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}\n\n'
    "Use the format\nThought: ...\nAction: tool name\nAction Input: {...}\n"
)


def test_the_react_manner_is_understood(post: Post) -> None:
    history = [
        {"role": "system", "content": REACT},
        {"role": "user", "content": "What is the weather in Rome?"},
    ]
    step = message_of(post(model="offline/tools", messages=history))["content"]
    assert step.endswith('Action: get_weather\nAction Input: {"city": "Rome"}')
    history += [
        {"role": "assistant", "content": step},
        {"role": "user", "content": "Observation: 30 degrees"},
    ]
    assert message_of(post(model="offline/tools", messages=history))["content"].endswith("Answer: 30 degrees")


def test_the_same_request_gets_the_same_answer(post: Post) -> None:
    bodies = [post("weather in Rome", model="offline/tools", tools=[WEATHER]).json() for _ in range(2)]
    for body in bodies:
        del body["created"]
    assert bodies[0] == bodies[1]
