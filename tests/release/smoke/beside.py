"""langchain-huggingface and ours in one process: both are imported, and ours answers."""

import json
import os
from importlib.metadata import version

from langchain_huggingface import ChatHuggingFace, HuggingFaceEndpoint

from langchain_hfrouter import ChatHFRouter

ours = ChatHFRouter(model="offline/echo", base_url=os.environ["OFFLINE"], api_key="any")
endpoint = HuggingFaceEndpoint(endpoint_url=os.environ["OFFLINE"], huggingfacehub_api_token="hf_any")
theirs = ChatHuggingFace(llm=endpoint, model_id="offline/echo")
print(
    json.dumps(
        {
            "ours": ours.invoke("from the wheel").text,
            "theirs": theirs.invoke("from the wheel").text,
            "hub": version("huggingface_hub"),
        }
    )
)
