"""The standard suite over HFRouterLLM.

LlamaIndex has no suite of its own for LLM classes, so `suite/` is one: a class of checks for each area that
must work. To try another LLM class, subclass the same suites in a module of its own and override the
fixtures `make_llm` (kind of offline model and options to an LLM) and, for another server, `server`.
"""

from __future__ import annotations

from li_agents import AgentsSuite
from li_basics import BasicsSuite
from li_events import EventsSuite
from li_rag import RagSuite
from li_structured import StructuredSuite
from li_tools import ToolsSuite


class TestBasics(BasicsSuite):
    pass


class TestEvents(EventsSuite):
    pass


class TestTools(ToolsSuite):
    pass


class TestStructured(StructuredSuite):
    pass


class TestAgents(AgentsSuite):
    pass


class TestRag(RagSuite):
    pass
