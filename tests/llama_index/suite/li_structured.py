"""Structured output: four forms, the system prompt, LlamaIndex's own programs, broken answers."""

from __future__ import annotations

import pytest
from li_events import Recorded
from llama_index.core.llms import ChatMessage
from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, Field


class Person(BaseModel):
    """A person."""

    name: str = Field(description="The name.")
    age: int = Field(description="The age in years.")


PROMPT = PromptTemplate("{who} is 42 years old.")


async def predict(llm):
    return llm.structured_predict(Person, PROMPT, who="Ann")


async def apredict(llm):
    return await llm.astructured_predict(Person, PROMPT, who="Ann")


async def stream(llm):
    return list(llm.stream_structured_predict(Person, PROMPT, who="Ann"))[-1]


async def astream(llm):
    return [one async for one in await llm.astream_structured_predict(Person, PROMPT, who="Ann")][-1]


FORMS = (predict, apredict, stream, astream)


def form_name(form):
    return form.__name__


class StructuredSuite(Recorded):
    @pytest.mark.parametrize("kind", ["tools", "json"])
    @pytest.mark.parametrize("form", FORMS, ids=form_name)
    async def test_every_form_gives_an_instance(self, make_llm, form, kind):
        assert await form(make_llm(kind)) == Person(name="Ann", age=42)

    @pytest.mark.parametrize("form", FORMS, ids=form_name)
    async def test_every_form_keeps_the_system_prompt(self, make_llm, server, form):
        await form(make_llm("tools", system_prompt="Be exact."))
        assert server.requests[0].json["messages"][0] == {"role": "system", "content": "Be exact."}

    @pytest.mark.parametrize("form", FORMS, ids=form_name)
    async def test_every_form_forces_the_tool_or_the_schema(self, make_llm, server, form):
        await form(make_llm("tools"))
        body = server.requests[0].json
        assert body.get("tool_choice") == "required" or body["response_format"]["type"] == "json_schema"

    @pytest.mark.parametrize("form", [stream, astream], ids=form_name)
    async def test_streams_show_the_object_growing(self, make_llm, form):
        llm = make_llm("tools")
        if form is stream:
            seen = list(llm.stream_structured_predict(Person, PROMPT, who="Ann"))
        else:
            seen = [one async for one in await llm.astream_structured_predict(Person, PROMPT, who="Ann")]
        assert len(seen) > 1
        assert isinstance(seen[-1], Person)

    async def test_the_structured_llm_answers_chats(self, make_llm):
        structured = make_llm("tools").as_structured_llm(Person)
        messages = [ChatMessage("Ann is 42 years old.")]
        for response in (structured.chat(messages), await structured.achat(messages)):
            assert response.raw == Person(name="Ann", age=42)

    @pytest.mark.filterwarnings("ignore:The `json` method is deprecated")
    async def test_the_structured_llm_streams(self, make_llm):
        structured = make_llm("tools").as_structured_llm(Person)
        chunks = [
            chunk async for chunk in await structured.astream_chat([ChatMessage("Ann is 42 years old.")])
        ]
        assert chunks[-1].raw == Person(name="Ann", age=42)

    async def test_llamaindex_s_function_program(self, make_llm):
        program = FunctionCallingProgram.from_defaults(
            output_cls=Person, llm=make_llm("tools"), prompt_template_str="{who} is 42 years old."
        )
        assert program(who="Ann") == await program.acall(who="Ann") == Person(name="Ann", age=42)
        assert list(program.stream_call(who="Ann is a person. Ann"))[-1].age == 42

    async def test_llamaindex_s_text_program(self, make_llm):
        program = LLMTextCompletionProgram.from_defaults(
            output_cls=Person, llm=make_llm("json"), prompt_template_str="{who} is 42 years old."
        )
        assert program(who="Ann") == await program.acall(who="Ann") == Person(name="Ann", age=42)

    @pytest.mark.parametrize("form", FORMS, ids=form_name)
    async def test_an_answer_that_does_not_fit_is_an_error(self, make_llm, form):
        with pytest.raises(ValueError, match=r"echo|Ann"):
            await form(make_llm("echo"))

    @pytest.mark.parametrize("form", FORMS, ids=form_name)
    async def test_every_form_tells_its_start_and_its_end_once(self, make_llm, recorder, form):
        await form(make_llm("tools"))
        names = recorder.names()
        for name in ("LLMStructuredPredictStartEvent", "LLMStructuredPredictEndEvent", "LLMChatEndEvent"):
            assert names.count(name) == 1

    def test_the_caller_s_arguments_are_not_changed(self, make_llm):
        kwargs = {"temperature": 0.5, "tool_choice": "auto"}
        make_llm("tools").structured_predict(Person, PROMPT, kwargs, who="Ann")
        assert kwargs == {"temperature": 0.5, "tool_choice": "auto"}
