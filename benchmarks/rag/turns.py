"""The turn in either framework, over a store of the framework's own and over one matrix.

Lives here: the two stores, the chain and the query engine, each as a program would write it, and what is called to
time a part alone. Not here: clocks (`worker`), whose parts they are made of (`contenders`).

Frameworks are imported inside the functions: this file is read in environments that have only one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

NEAREST = 4
PROMPT = "Answer with a sentence of the context.\n\nContext:\n{context}\n\nQuestion: {question}"


@dataclass(frozen=True)
class Turn:
    """One way to a whole turn, and its parts.

    Args:
        whole: The text that answers a question.
        search: The texts nearest to a vector.
    """

    whole: Callable[[str], str]
    search: Callable[[Sequence[float]], list[str]]


@dataclass(frozen=True)
class Parts:
    """A contender at work.

    Args:
        own: The turn over the framework's own store in memory.
        matrix: The turn over one matrix, as fast as a search can be.
        embed: The vector of a question.
        answer: The text that the chat model alone gives for a finished prompt.
    """

    own: Turn
    matrix: Turn
    embed: Callable[[str], Sequence[float]]
    answer: Callable[[str], str]


def nearest(vectors: Any, vector: Sequence[float]) -> list[int]:
    """The rows of a matrix nearest to a vector, the nearest first; all have length 1."""
    import numpy as np

    found = vectors @ np.asarray(vector, np.float32)
    best = np.argpartition(found, -NEAREST)[-NEAREST:]
    return [int(row) for row in best[np.argsort(-found[best])]]


def langchain(embeddings: Any, chat: Any, texts: list[str], vectors: Any) -> Parts:
    """A retriever, a prompt, a model and a parser, joined by `|`."""
    from langchain_core.documents import Document
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnablePassthrough
    from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

    documents = [Document(page_content=text) for text in texts]

    class Matrix(VectorStore):
        """One matrix behind LangChain's interface."""

        def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:  # noqa: ARG002
            return self.similarity_search_by_vector(embeddings.embed_query(query))

        def similarity_search_by_vector(
            self,
            embedding: list[float],
            k: int = 4,  # noqa: ARG002
            **kwargs: Any,  # noqa: ARG002
        ) -> list[Document]:
            return [documents[row] for row in nearest(vectors, embedding)]

        @classmethod
        def from_texts(cls, *args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError

    own = InMemoryVectorStore(embeddings)
    for row, text in enumerate(texts):
        own.store[str(row)] = {"id": str(row), "vector": vectors[row].tolist(), "text": text, "metadata": {}}

    def joined(found: list[Document]) -> str:
        return "\n".join(document.page_content for document in found)

    def turn(store: Any) -> Turn:
        retriever = store.as_retriever(search_kwargs={"k": NEAREST})
        chain = (
            {"context": retriever | joined, "question": RunnablePassthrough()}
            | ChatPromptTemplate.from_template(PROMPT)
            | chat
            | StrOutputParser()
        )
        return Turn(
            chain.invoke,
            lambda vector: [
                found.page_content for found in store.similarity_search_by_vector(vector, k=NEAREST)
            ],
        )

    return Parts(
        turn(own), turn(Matrix()), embeddings.embed_query, lambda prompt: str(chat.invoke(prompt).content)
    )


def llama_index(embeddings: Any, chat: Any, texts: list[str], vectors: Any) -> Parts:
    """A `VectorStoreIndex` and its query engine."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.llms import ChatMessage
    from llama_index.core.schema import TextNode
    from llama_index.core.vector_stores.types import (
        BasePydanticVectorStore,
        VectorStoreQuery,
        VectorStoreQueryResult,
    )

    nodes = [
        TextNode(text=text, id_=str(row), embedding=vectors[row].tolist()) for row, text in enumerate(texts)
    ]

    class Matrix(BasePydanticVectorStore):
        """One matrix behind LlamaIndex's interface."""

        stores_text: bool = True

        @property
        def client(self) -> Any:
            return None

        def add(self, nodes: Any, **kwargs: Any) -> list[str]:
            raise NotImplementedError

        def delete(self, ref_doc_id: str, **kwargs: Any) -> None:
            raise NotImplementedError

        def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:  # noqa: ARG002
            assert query.query_embedding is not None
            rows = nearest(vectors, query.query_embedding)
            return VectorStoreQueryResult(
                nodes=[nodes[row] for row in rows],
                similarities=[1.0] * len(rows),
                ids=[str(row) for row in rows],
            )

    def turn(index: Any) -> Turn:
        engine = index.as_query_engine(llm=chat, similarity_top_k=NEAREST)

        def search(vector: Sequence[float]) -> list[str]:
            asked = VectorStoreQuery(query_embedding=list(vector), similarity_top_k=NEAREST)
            ids = index.vector_store.query(asked).ids or []
            return [texts[int(each)] for each in ids]

        return Turn(lambda question: str(engine.query(question)), search)

    return Parts(
        turn(VectorStoreIndex(nodes, embed_model=embeddings)),
        turn(VectorStoreIndex.from_vector_store(Matrix(), embed_model=embeddings)),
        embeddings.get_query_embedding,
        lambda prompt: str(chat.chat([ChatMessage(role="user", content=prompt)]).message.content),
    )


FRAMEWORKS = {"LangChain": langchain, "LlamaIndex": llama_index}
