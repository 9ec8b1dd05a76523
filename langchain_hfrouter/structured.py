"""Structured output: a schema in, parsed answers out, for three methods and every kind of schema.

Lives here: the request for a schema and the parsers. Not here: choosing the default method, which needs the
model's profile (`chat_models`).

The parsers add to LangChain's own what those let pass in silence: a refusal is an error, an answer cut by
`max_tokens` is an error (its JSON may well parse, with half a value in it), and a plain text where a tool call
was asked for is an error instead of None. With `include_raw=True` all of them land in "parsing_error".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from langchain_core.exceptions import LangChainException, OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser
from langchain_core.output_parsers.transform import BaseCumulativeTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.pydantic import is_basemodel_subclass

from langchain_hfrouter.errors import ConfigError, Refused
from langchain_hfrouter.schemas import as_function
from shared_core.errors import RouterError

__all__ = ["answer_parser", "forced_tool", "response_format", "tool_parser", "with_raw"]

# What a parser raises for an answer that does not fit; pydantic's errors are ValueErrors.
_UNPARSED = (ValueError, TypeError, KeyError, LangChainException, RouterError)


def response_format(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """A schema as OpenAI's `response_format`.

    Args:
        schema: A Pydantic (2 or 1) or TypedDict class, a JSON schema, `{"name", "schema"}`, or the finished
            `{"type": ...}` dictionary.
        strict: Sent when it is not None.

    Raises:
        ConfigError: The schema cannot be read.
    """
    if isinstance(schema, Mapping) and schema.get("type") in ("json_schema", "json_object", "text"):
        return dict(schema)
    if isinstance(schema, Mapping) and "name" in schema and "schema" in schema:
        inner = dict(schema)
    else:
        function = as_function(schema, strict=strict)
        inner = {"name": function["name"]}
        if function.get("description"):
            inner["description"] = function["description"]
        inner["schema"] = function.get("parameters", {"type": "object", "properties": {}})
    if strict is not None:
        inner["strict"] = strict
    return {"type": "json_schema", "json_schema": inner}


def forced_tool(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """A schema as OpenAI's tool, whose arguments are the answer.

    Args:
        schema: As of `as_function`.
        strict: As of `as_function`.

    Raises:
        ConfigError: The schema cannot be read, or describes no object.
    """
    function = as_function(schema, strict=strict)
    kind = function.get("parameters", {}).get("type", "object")
    if kind != "object":
        raise ConfigError(
            f"A tool call holds an object, and {function['name']!r} describes: {kind}.",
            hint='Use method="json_schema", or make it a field of a class.',
        )
    return {"type": "function", "function": function}


def _checked(result: list[Generation], *, partial: bool) -> bool:
    """Raises for answers that must not be parsed; returns whether to parse leniently.

    While a stream goes on, nothing is final: checks wait for its last chunk, and parsing is lenient.
    """
    generation = result[0]
    message = generation.message if isinstance(generation, ChatGeneration) else None
    if not isinstance(message, AIMessage):
        return partial
    if partial and not (isinstance(message, AIMessageChunk) and message.chunk_position == "last"):
        return True
    refusal = message.additional_kwargs.get("refusal")
    if refusal:
        raise _refused(f"The model refused to answer: {refusal}", message)
    finish = message.response_metadata.get("finish_reason")
    if finish == "length":
        raise OutputParserException(
            "The answer was cut by max_tokens before it was complete; raise max_tokens.",
            llm_output=message.text,
        )
    if finish == "content_filter" and not (message.text or message.tool_calls):
        raise _refused("A content filter withheld the answer.", message)
    return False


def _refused(text: str, message: AIMessage) -> Refused:
    error = Refused(text, model=message.response_metadata.get("model_name"))
    error.raw_message = message
    return error


def _no_call(message: AIMessage, name: str) -> OutputParserException:
    if message.invalid_tool_calls:
        broken = message.invalid_tool_calls[0]
        why = f"called {broken['name']!r} with arguments that are not a JSON object"
        return OutputParserException(f"The model {why}: {broken['args']}", llm_output=broken["args"])
    if message.tool_calls:
        called = message.tool_calls[0]["name"]
        return OutputParserException(
            f"The model called {called!r} instead of {name!r}.", llm_output=message.text
        )
    return OutputParserException(
        f"The model answered with text instead of calling {name!r}.", llm_output=message.text
    )


class _ToolDict(JsonOutputKeyToolsParser):
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        partial = _checked(result, partial=partial)
        parsed = super().parse_result(result, partial=partial)
        if parsed is None and not partial:
            message = getattr(result[0], "message", None)
            # An empty call is a call: LangChain's parser gives None for it, as for no call at all.
            if isinstance(message, AIMessage) and any(
                call["name"] == self.key_name for call in message.tool_calls
            ):
                return {}
            if isinstance(message, AIMessage):
                raise _no_call(message, self.key_name)
        return parsed


class _ToolObject(_ToolDict):
    model: Any  # the class; pydantic would not hold one of its version 1

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        partial = _checked(result, partial=partial)
        fields = super().parse_result(result, partial=partial)
        if fields is None:
            return None
        try:
            return self.model(**fields)
        except ValueError as error:  # pydantic's errors are
            if partial:
                return None
            raise OutputParserException(
                f"The arguments of the call of {self.key_name!r} do not fit: {error}",
                llm_output=json.dumps(fields, ensure_ascii=False),
            ) from error


class _AnswerDict(JsonOutputParser):
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        return super().parse_result(result, partial=_checked(result, partial=partial))


class _AnswerObject(PydanticOutputParser[Any]):
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        return super().parse_result(result, partial=_checked(result, partial=partial))


def tool_parser(schema: Any, name: str) -> BaseOutputParser[Any]:
    """Parses the call of a tool that stands for the schema: an object for classes of Pydantic, else a dict.

    Args:
        schema: The schema as the user gave it.
        name: The tool's name.
    """
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return _ToolObject(key_name=name, model=schema, first_tool_only=True)
    return _ToolDict(key_name=name, first_tool_only=True)


def answer_parser(schema: Any) -> BaseOutputParser[Any]:
    """Parses the answer's text: an object for classes of Pydantic, else a dict."""
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return _AnswerObject(pydantic_object=schema)
    return _AnswerDict()


class _Quiet(BaseCumulativeTransformOutputParser[Any]):
    """The parsed answer, or None where the parser would raise."""

    parser: Any  # a BaseOutputParser; pydantic would rebuild a generic one

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        try:
            return self.parser.parse_result(result, partial=partial)
        except _UNPARSED:
            return None

    def parse(self, text: str) -> Any:
        return self.parse_result([Generation(text=text)])


class _Error(_Quiet):
    """What the parser raises, or None."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        try:
            self.parser.parse_result(result, partial=partial)
        except _UNPARSED as error:
            return error
        return None


def with_raw(model: Runnable[Any, Any], parser: BaseOutputParser[Any]) -> Runnable[Any, Any]:
    """Model and parser as `{"raw", "parsed", "parsing_error"}`; nothing is raised for what does not parse.

    LangChain's usual way, `with_fallbacks`, cannot keep that promise in a stream: once the first chunk is out,
    an error is raised all the same.
    """
    answer = itemgetter("raw")
    return RunnableMap(raw=model) | RunnablePassthrough.assign(
        parsed=answer | _Quiet(parser=parser), parsing_error=answer | _Error(parser=parser)
    )
