"""LangChain alone: a chat, a stream and vectors."""

import json
import os

from langchain_hfrouter import ChatHFRouter, HFRouterEmbeddings

chat = ChatHFRouter(model="offline/echo", base_url=os.environ["OFFLINE"], api_key="any")
embeddings = HFRouterEmbeddings("offline/embed-8", base_url=os.environ["OFFLINE"], api_key="any")
print(
    json.dumps(
        {
            "text": chat.invoke("from the wheel").text,
            "stream": "".join(chunk.text for chunk in chat.stream("in pieces")),
            "numbers": len(embeddings.embed_query("one")),
        }
    )
)
