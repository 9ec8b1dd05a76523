"""The whole of hfrouter in one run: `make demo`.

Indexes the README and the pages of this cookbook with all-MiniLM-L6-v2, asks three questions over them through
a LangChain chain and through a LlamaIndex query engine, and lets an agent of each framework call a tool.

With `HF_TOKEN` the live router answers, which costs money; without it, or with `HFROUTER_OFFLINE=1`, the
offline router. What each part does and why is told on the pages beside this file.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Read by libraries when they are imported: no progress bars, no threads left behind by a fork.
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import screen
from demo_models import Chats, WeightsMissing, chats, minilm

from shared_core import HFRouter, RouterError

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from llama_index.core.base.base_query_engine import BaseQueryEngine
    from tally import Receipt

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "cookbook").glob("0*.md"))]

QUESTIONS = (
    "To which hosts is my Hugging Face token sent?",
    "What does a splitter do with a page?",
    "Why httpx2 and not httpx?",
)
PRICE_QUESTION = "What is the price of 250000 tokens at 0.69 dollars per million?"
WORDS_QUESTION = "How many words are in README.md?"

TOKEN_CAP = 600  # tokens of one answer; reasoning counts
AGENT_CALLS = 3  # calls that one agent may make


def main() -> int:
    """Run the demo; returns its exit status."""
    began = time.perf_counter()
    try:
        with chats() as who:
            announce(who)
            run(who, minilm())
    except (RouterError, WeightsMissing) as error:
        print()
        for line in str(error).splitlines():
            screen.say(line)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    print(
        f"\nDone in {time.perf_counter() - began:.0f} s. The pages of cookbook/ show how each part is made."
    )
    return 0


def announce(who: Chats) -> None:
    """Says who will answer, before anybody is asked."""
    screen.heading("hfrouter demo", "live" if who.live else "offline")
    if who.live:
        calls = 2 * len(QUESTIONS) + 2 * AGENT_CALLS
        screen.say("HF_TOKEN is set: chat goes to the live router and costs money.")
        print(f"  address    {HFRouter().base_url}")
        print(f"  model      {who.reader}")
        print(f"  token cap  {TOKEN_CAP} an answer, {calls} answers at most")
        screen.say("With HFROUTER_OFFLINE=1 the demo runs offline and costs nothing.")
    else:
        screen.say(
            "Chat stays on this machine: the offline router answers, an imitation without a language model, and "
            "every answer names the offline model that gave it. Set HF_TOKEN for real ones."
        )


def run(who: Chats, weights: str) -> None:
    """Everything after the announcement."""
    print(f"\nIndexing README.md and {len(PAGES) - 1} cookbook pages with all-MiniLM-L6-v2 …", flush=True)
    began = time.perf_counter()
    from tally import LangChainTally, LlamaIndexTally, summary

    from shared_core.local import LocalEmbedder

    chain, cut = langchain_chain(who, weights)
    engine, parsed = llamaindex_engine(who, weights)
    took = time.perf_counter() - began
    engine_used = LocalEmbedder(weights).describe()  # shared: this loads nothing
    print(f"{cut} passages for LangChain, {parsed} for LlamaIndex, in {took:.1f} s, imports included;")
    print(f"embedded by {engine_used.backend} in {engine_used.precision}, on {engine_used.device}.")

    chained: list[Receipt] = []
    called: list[Receipt] = []
    heard = LlamaIndexTally().listen().receipts
    screen.heading("LangChain", "retriever | prompt | ChatHFRouter | parser")
    for number, question in enumerate(QUESTIONS, 1):
        show(
            f"{number}.", question, chain.stream(question, {"callbacks": [LangChainTally(chained)]}), chained
        )
    screen.heading("LlamaIndex", "index.as_query_engine(llm=HFRouterLLM)")
    for number, question in enumerate(QUESTIONS, 1):
        show(f"{number}.", question, engine.query(question).response_gen, heard)
    queried = len(heard)
    screen.heading("LangChain agent", "create_agent")
    langchain_agent(who, called)
    screen.heading("LlamaIndex agent", "FunctionAgent")
    asyncio.run(llamaindex_agent(who, heard))

    screen.heading("Summary")
    screen.table(
        [
            ("", "model", "provider", "calls", "tokens", "first token"),
            summary("LangChain chain", chained),
            summary("LlamaIndex engine", heard[:queried]),
            summary("LangChain agent", called),
            summary("LlamaIndex agent", heard[queried:]),
        ],
        widths=(18, 19, 14, 6, 12),
    )


def show(number: str, question: str, pieces: Iterator[str], receipts: list[Receipt]) -> None:
    """A question, its answer as it comes, and who gave it."""
    screen.ask(number, question)
    writer = screen.Writer()
    for piece in pieces:
        writer.write(piece)
    writer.end()
    screen.note(str(receipts[-1]))


def prose(page: Path) -> str:
    """A page without its code: questions are asked in words."""
    return re.sub(r"```.*?```\n", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def langchain_chain(who: Chats, weights: str) -> tuple[Runnable[str, str], int]:
    """A chain that answers from the pages, and how many passages they gave."""
    from langchain_core.documents import Document
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnablePassthrough
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_text_splitters import Language, RecursiveCharacterTextSplitter

    from langchain_hfrouter import ChatHFRouter, HFLocalEmbeddings

    splitter = RecursiveCharacterTextSplitter.from_language(
        Language.MARKDOWN, chunk_size=800, chunk_overlap=0
    )
    passages = splitter.split_documents(
        [Document(prose(page), metadata={"page": page.name}) for page in PAGES]
    )
    store = InMemoryVectorStore.from_documents(passages, HFLocalEmbeddings(model=weights))
    prompt = ChatPromptTemplate.from_template(
        "Answer in one or two sentences, from the context alone.\n\nContext:\n{context}\n\nQuestion: {question}"
    )
    context = store.as_retriever(search_kwargs={"k": 4}) | (
        lambda found: "\n\n".join(d.page_content for d in found)
    )
    chat = ChatHFRouter(model=who.reader, base_url=who.base_url, max_tokens=TOKEN_CAP, temperature=0)
    return {"context": context, "question": RunnablePassthrough()} | prompt | chat | StrOutputParser(), len(
        passages
    )


def llamaindex_engine(who: Chats, weights: str) -> tuple[BaseQueryEngine, int]:
    """A query engine that answers from the pages, and how many passages they gave."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter

    from llama_index_hfrouter import HFLocalEmbedding, HFRouterLLM

    index = VectorStoreIndex.from_documents(
        [Document(text=prose(page), metadata={"page": page.name}) for page in PAGES],
        embed_model=HFLocalEmbedding(weights),
        transformations=[SentenceSplitter(chunk_size=160, chunk_overlap=0)],
    )
    llm = HFRouterLLM(model=who.reader, base_url=who.base_url, max_tokens=TOKEN_CAP, temperature=0)
    return index.as_query_engine(llm=llm, streaming=True, similarity_top_k=4), len(index.docstore.docs)


def token_price(tokens: int, usd_per_million: float) -> str:
    """The price of a number of tokens, in dollars.

    Args:
        tokens: How many tokens.
        usd_per_million: What a million of them costs, in dollars.
    """
    return f"{tokens * usd_per_million / 1_000_000:.4f} USD"


def count_words(page: str) -> str:
    """Counts the words of a page of the documentation.

    Args:
        page: The page's file name, such as 01_first_chat.md.
    """
    # The model names a page, and never a path: what it writes is looked up, not opened.
    known = {path.name: path for path in PAGES}
    return f"{len(known[page].read_text().split())} words" if page in known else f"Pages: {', '.join(known)}"


def langchain_agent(who: Chats, receipts: list[Receipt]) -> None:
    """An agent of LangChain prices some tokens."""
    from langchain.agents import create_agent
    from tally import LangChainTally

    from langchain_hfrouter import ChatHFRouter

    chat = ChatHFRouter(model=who.caller, base_url=who.base_url, max_tokens=TOKEN_CAP, temperature=0)
    agent = create_agent(chat, tools=[token_price, count_words])
    screen.ask("", PRICE_QUESTION)
    writer = screen.Writer()
    for kind, event in agent.stream(
        {"messages": [("user", PRICE_QUESTION)]},
        {"callbacks": [LangChainTally(receipts)], "recursion_limit": 2 * AGENT_CALLS},
        stream_mode=["messages", "updates"],
    ):
        if kind == "messages" and event[1]["langgraph_node"] == "model":
            writer.write(event[0].text)
        elif kind == "updates":
            for message in [message for update in event.values() for message in update["messages"]]:
                for call in getattr(message, "tool_calls", ()):
                    show_call(writer, call["name"], call["args"])
                if message.type == "tool":
                    screen.note(f"← {message.text}")
    writer.end()
    screen.note(str(receipts[-1]))


async def llamaindex_agent(who: Chats, receipts: list[Receipt]) -> None:
    """An agent of LlamaIndex counts some words."""
    from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCall, ToolCallResult

    from llama_index_hfrouter import HFRouterLLM

    llm = HFRouterLLM(model=who.caller, base_url=who.base_url, max_tokens=TOKEN_CAP, temperature=0)
    agent = FunctionAgent(llm=llm, tools=[token_price, count_words])
    screen.ask("", WORDS_QUESTION)
    writer = screen.Writer()
    run = agent.run(WORDS_QUESTION, max_iterations=AGENT_CALLS)
    async for event in run.stream_events():
        if isinstance(event, ToolCallResult):
            screen.note(f"← {event.tool_output.content}")
        elif isinstance(event, ToolCall):
            show_call(writer, event.tool_name, event.tool_kwargs)
        elif isinstance(event, AgentStream):
            writer.write(event.delta)
    await run
    writer.end()
    screen.note(str(receipts[-1]))


def show_call(writer: screen.Writer, name: str, arguments: dict[str, Any]) -> None:
    """A call of a tool, below whatever the model said before it."""
    writer.end()
    screen.note(f"→ {name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})")


if __name__ == "__main__":
    raise SystemExit(main())
