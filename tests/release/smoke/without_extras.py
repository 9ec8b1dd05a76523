"""What the package says of each extra when nothing but the package is installed, as a JSON object."""

import asyncio
import importlib
import json
import subprocess
import sys
from pathlib import Path

from shared_core import AsyncHFRouter, HFRouter, OpenTelemetry
from shared_core.cache import RedisCache
from shared_core.corpus import embed_corpus
from shared_core.evaluate import Evaluator, MTEBEncoder
from shared_core.local import LocalEmbedder
from shared_core.media import MediaFile
from shared_core.testing import offline_router


def complaint_of(use):
    try:
        use()
    except (ImportError, Exception) as error:
        return f"{type(error).__name__}: {error}"
    return "it worked"


def printed_by(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return f"exit {done.returncode}: {done.stderr}"


def chat_over_aiohttp():
    asyncio.run(
        AsyncHFRouter("a/b", api_key="k", transport="aiohttp").chat([{"role": "user", "content": "x"}])
    )


def run_the_offline_router():
    with offline_router():
        pass


def check_by_a_schema():
    case = {"prompt": "x", "checks": [{"json-schema": {}}]}
    Evaluator(HFRouter(api_key="k")).run_cases([case], [lambda messages: "{}"])


model = Path(sys.argv[1])
complaints = {
    "langchain": complaint_of(lambda: importlib.import_module("langchain_hfrouter")),
    "llama-index": complaint_of(lambda: importlib.import_module("llama_index_hfrouter")),
    "local": complaint_of(lambda: LocalEmbedder(str(model), backend="torch").embed(["x"])),
    "onnx": complaint_of(lambda: LocalEmbedder(str(model), backend="onnx").embed(["x"])),
    "openvino": complaint_of(lambda: LocalEmbedder(str(model), backend="openvino").embed(["x"])),
    "redis": complaint_of(lambda: RedisCache("redis://127.0.0.1:1")),
    "otel": complaint_of(lambda: OpenTelemetry()),
    "parquet": complaint_of(lambda: embed_corpus(["x"], "vectors.parquet", HFRouter("a/b", api_key="k"))),
    "media": complaint_of(lambda: MediaFile("image/png", b"\x89PNG\r\n\x1a\n").image()),
    "offline": complaint_of(run_the_offline_router),
    "cli": printed_by(str(Path(sys.executable).with_name("hfrouter")), "--version"),
    "aiohttp": complaint_of(chat_over_aiohttp),
    "evaluate": complaint_of(check_by_a_schema),
    "mteb": complaint_of(lambda: MTEBEncoder(HFRouter("a/b", api_key="k")).mteb_model_meta),
}
print(json.dumps(complaints))
