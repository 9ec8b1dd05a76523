"""LlamaIndex alone: a completion, a stream and vectors."""

import json
import os

from llama_index_hfrouter import HFRouterEmbedding, HFRouterLLM

llm = HFRouterLLM(model="offline/echo", base_url=os.environ["OFFLINE"], api_key="any")
embedding = HFRouterEmbedding("offline/embed-8", base_url=os.environ["OFFLINE"], api_key="any")
print(
    json.dumps(
        {
            "text": llm.complete("from the wheel").text,
            "stream": "".join(piece.delta for piece in llm.stream_complete("in pieces")),
            "numbers": len(embedding.get_text_embedding("one")),
        }
    )
)
