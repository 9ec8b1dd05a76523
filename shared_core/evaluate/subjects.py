"""Who is asked: a model behind the router, or a function that asks any other.

A subject's `ask` is a flow, so that threads and event loops share one run. Models of LangChain and LlamaIndex become
subjects in their adapters, which know those frameworks.
"""

from __future__ import annotations

import inspect
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from shared_core.errors import ConfigError, RouterError
from shared_core.evaluate.answers import Answer
from shared_core.flow import Flow, offload, unheard
from shared_core.types import CHAT_PARAMS

if TYPE_CHECKING:
    from shared_core.client.base import RouterBase
    from shared_core.types import CostEstimate, Message

__all__ = ["FunctionSubject", "RouterSubject", "Subject", "subjects_of"]

_OTHER_REPLIES = frozenset({"n", "stream_options"})


class Subject(Protocol):
    """What can be asked.

    Attributes:
        name: What it is called in tables; no two in one run are called alike.
        key: What its answers are known by in the file of a run.
    """

    name: str
    key: Mapping[str, Any]

    def ask(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Flow[Answer]:
        """One answer.

        Args:
            messages: OpenAI-format messages.
            options: Chat parameters by their OpenAI names ("tools", "response_format", "temperature", ...).

        Raises:
            RouterError: There is none.
        """
        ...


class RouterSubject:
    """A model behind the router, or behind any server that the client speaks to. Answers are streamed, so that the
    time to the first token is known, and never taken from the client's cache.

    Args:
        client: Asks; its retries, fallback, limits and budgets hold.
        model: The model's id, with or without a provider.
        options: Chat parameters for every call, which those of a prompt go before.
        name: What it is called; None is the model's id.
    """

    def __init__(
        self,
        client: RouterBase,
        model: str,
        options: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or model
        # Sorted: in which order options were written down makes them no others.
        self._client, self._model, self._options = client, model, dict(sorted((options or {}).items()))
        self.key: Mapping[str, Any] = {"model": model, "base_url": client.base_url, "options": self._options}

    def ask(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Flow[Answer]:
        """See `Subject.ask`."""
        given = {**self._options, **options, "model": self._model, "cache": False}
        reply = yield from unheard(self._client._chat(messages, given, stream=True))  # type: ignore[arg-type]
        return Answer.from_reply(reply)

    def estimate(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Flow[CostEstimate]:
        """What `ask` may cost; nobody is asked. Tools and schemas are counted with the messages."""
        given = {**self._options, **options}
        further = [str(given[name]) for name in ("tools", "response_format") if given.get(name)]
        counted = [*messages, *({"role": "system", "content": text} for text in further)]
        limit = given.get("max_tokens") or given.get("max_completion_tokens")
        flow = self._client._estimate_cost(counted, self._model, limit, None, refresh=False)  # type: ignore[attr-defined]
        found: CostEstimate = yield from flow
        answers = given.get("n")
        return found.times(answers) if isinstance(answers, int) and answers > 1 else found


class FunctionSubject:
    """A function that answers: any model, chain or agent. It runs in a thread, and may block.

    Args:
        function: Takes messages, and chat parameters as keywords; gives a text or an `Answer`. What it costs is
            known only where it says so: no budget holds it.
        name: What it is called, and its answers are known by in the file of a run; None is the function's name.

    Raises:
        ConfigError: It is an async function, which gives no answer in a thread.

    Example:
        >>> def shout(messages, **options):
        ...     return messages[-1]["content"].upper()
        >>> FunctionSubject(shout).name
        'shout'
    """

    def __init__(self, function: Callable[..., Answer | str], name: str | None = None) -> None:
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        if inspect.iscoroutinefunction(function):
            raise ConfigError(
                f"{self.name} is an async function, and is called in a thread.",
                hint=f"Write lambda messages, **options: asyncio.run({self.name}(messages, **options)).",
            )
        self.key: Mapping[str, Any] = {"function": self.name}
        self._function = function

    def ask(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Flow[Answer]:
        """See `Subject.ask`."""
        return offload(lambda: self._call(messages, options))

    def _passed_on(self, options: Mapping[str, Any], owner: str) -> dict[str, Any]:
        """The options that are given, for a subclass whose framework passes chat parameters on.

        Args:
            options: Chat parameters; those that are None are not given.
            owner: What the framework calls a model.

        Raises:
            ConfigError: One is no chat parameter, or asks for another kind of reply.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if unknown := sorted(given.keys() - (CHAT_PARAMS - _OTHER_REPLIES)):
            raise ConfigError(
                f"{', '.join(unknown)} cannot be passed on to {self.name}.",
                hint=f"Set it on the {owner} itself.",
            )
        return given

    def _call(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Answer:
        started = time.perf_counter()
        try:
            answer = self._function(messages, **options)
        except RouterError as error:
            return Answer.from_error(error, time.perf_counter() - started)
        # Whatever it raises, it has failed, and the others go on; what it had cancelled is its own, and not this run.
        except (Exception, CancelledError) as error:  # noqa: BLE001
            why = " ".join(str(error).split())
            return Answer(error=type(error).__name__, why=why, seconds=time.perf_counter() - started)
        if isinstance(answer, Answer):
            return answer
        if not isinstance(answer, str):
            raise ConfigError(
                f"{self.name} gave {type(answer).__name__}.",
                hint="Return a text, or a shared_core.evaluate.Answer.",
            )
        return Answer(text=answer, seconds=time.perf_counter() - started)


def subjects_of(models: Sequence[Any], client: RouterBase, options: Mapping[str, Any]) -> list[Subject]:
    """Those whom a run asks.

    Args:
        models: Ids, functions and subjects.
        client: Asks for those that are ids.
        options: Chat parameters for those that are ids.

    Raises:
        ConfigError: There are none, one is nothing that can be asked, or two are called alike.
    """
    if isinstance(models, str | Mapping) or not isinstance(models, Iterable) or not models:
        raise ConfigError("There are no models to ask.", hint='Give a list: ["org/name:cheapest", ...].')
    found = [_subject_of(model, client, options) for model in models]
    names = [subject.name for subject in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{name!r} is there twice.", hint="Give each its own name.")
    return found


def _subject_of(model: Any, client: RouterBase, options: Mapping[str, Any]) -> Subject:
    if isinstance(model, str):
        return RouterSubject(client, model, options)
    if callable(getattr(model, "ask", None)):
        return model  # type: ignore[no-any-return]
    if callable(model) and not isinstance(model, type):
        return FunctionSubject(model)
    raise ConfigError(
        f"A {type(model).__name__} cannot be asked.",
        hint="Give a model's id, a function of messages, langchain_hfrouter.LangChainSubject(model) or "
        "llama_index_hfrouter.LlamaIndexSubject(model).",
    )
