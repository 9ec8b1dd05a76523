"""Who embeds: one row a contender.

Lives here: the locked environment, the import and the constructor of each, as source text, because each runs
inside its own environment. Not here: what is measured (`measures`), what must hold (`claims`).

A constructor sees the folders that `prepare.py` made (`PLAIN`, `OPENVINO`, `ONNX`), `URL` of the server, and
leaves every option that its row does not show at its default.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    """One row of the tables.

    Args:
        name: How the tables call it.
        env: Key of `envs.ENVIRONMENTS`.
        imports: Run first; timed as part of `ready`.
        build: An expression: the object `it`.
        documents: An expression over `it` and `texts`: their vectors.
        query: An expression over `it` and `text`: its vector; "" when there is none to be measured.
        aquery: The same, awaitable.
        backend: Whose arithmetic it is, for the share of the machine's peak.
        precision: Its precision, likewise.
        measures: What it takes part in.
        group: "ours" or "peer".
        package: Whose version is printed.
    """

    name: str
    env: str
    imports: str
    build: str
    documents: str
    query: str = ""
    aquery: str = ""
    backend: str = ""
    precision: str = "float32"
    measures: frozenset[str] = frozenset({"mixed", "even", "short", "query", "ready"})
    group: str = "peer"
    package: str = "sentence-transformers"


def _ours(backend: str, precision: str) -> Contender:
    extra = frozenset({"ready"}) if precision == "float32" else frozenset()
    return Contender(
        f"LocalEmbedder, {backend}, {precision}",
        f"hfrouter_{backend}",
        "from shared_core.local import LocalEmbedder",
        f"LocalEmbedder(PLAIN, backend={backend!r}, precision={precision!r})",
        "it.embed(texts).vectors",
        "it.embed([text], 'query').vectors",
        backend=backend,
        precision=precision,
        measures=frozenset({"mixed", "even", "short", "query"}) | extra,
        group="ours",
        package={"torch": "torch", "onnx": "onnxruntime", "openvino": "openvino"}[backend],
    )


def _ours_in_langchain(backend: str, precision: str) -> Contender:
    return Contender(
        f"HFLocalEmbeddings, {backend}, {precision}",
        f"hfrouter_{backend}",
        "from langchain_hfrouter import HFLocalEmbeddings",
        f"HFLocalEmbeddings(PLAIN, backend={backend!r}, precision={precision!r})",
        "it.embed_documents(texts)",
        "it.embed_query(text)",
        "it.aembed_query(text)",
        precision=precision,
        measures=frozenset({"mixed", "crowd"}),
        group="ours",
        package="langchain-core",
    )


def _ours_in_llama_index(backend: str, precision: str) -> Contender:
    return Contender(
        f"HFLocalEmbedding, {backend}, {precision}",
        f"hfrouter_{backend}",
        "from llama_index_hfrouter import HFLocalEmbedding",
        f"HFLocalEmbedding(PLAIN, backend={backend!r}, precision={precision!r})",
        "it.get_text_embedding_batch(texts)",
        "it.get_query_embedding(text)",
        precision=precision,
        measures=frozenset({"mixed"}),
        group="ours",
        package="llama-index-core",
    )


ST = "SentenceTransformer.encode"
LANGCHAIN = "HuggingFaceEmbeddings"
LLAMA_INDEX = "HuggingFaceEmbedding"
ST_OPENVINO = "sentence-transformers, OpenVINO"
ST_BFLOAT16 = "sentence-transformers, bfloat16"

_ST = "from sentence_transformers import SentenceTransformer"

CONTENDERS: tuple[Contender, ...] = (
    Contender(
        ST,
        "sentence_transformers",
        _ST,
        "SentenceTransformer(PLAIN)",
        "it.encode(texts)",
        "it.encode_query(text)",
        backend="torch",
    ),
    Contender(
        LANGCHAIN,
        "sentence_transformers",
        "from langchain_huggingface import HuggingFaceEmbeddings",
        "HuggingFaceEmbeddings(model_name=PLAIN)",
        "it.embed_documents(texts)",
        "it.embed_query(text)",
        "it.aembed_query(text)",
        measures=frozenset({"mixed", "crowd"}),
        package="langchain-huggingface",
    ),
    Contender(
        LLAMA_INDEX,
        "sentence_transformers",
        "from llama_index.embeddings.huggingface import HuggingFaceEmbedding",
        "HuggingFaceEmbedding(model_name=PLAIN)",
        "it.get_text_embedding_batch(texts)",
        "it.get_query_embedding(text)",
        measures=frozenset({"mixed"}),
        package="llama-index-embeddings-huggingface",
    ),
    Contender(
        ST_BFLOAT16,
        "sentence_transformers",
        _ST,
        "SentenceTransformer(PLAIN).bfloat16()",
        "it.encode(texts, convert_to_tensor=True).float().numpy()",
        "it.encode_query(text, convert_to_tensor=True)",
        backend="torch",
        precision="bfloat16",
        measures=frozenset({"mixed", "even", "short", "query"}),
    ),
    Contender(
        ST_OPENVINO,
        "sentence_transformers_openvino",
        _ST,
        "SentenceTransformer(OPENVINO, backend='openvino')",
        "it.encode(texts)",
        "it.encode_query(text)",
        backend="openvino",
        precision="bfloat16",
    ),
    Contender(
        "fastembed",
        "fastembed",
        "import numpy\nfrom fastembed import TextEmbedding",
        "TextEmbedding('sentence-transformers/all-MiniLM-L6-v2', specific_model_path=ONNX)",
        "numpy.stack(list(it.embed(texts)))",
        "next(iter(it.query_embed(text)))",
        backend="onnx",
        package="fastembed",
    ),
    Contender(
        "light-embed",
        "light_embed",
        "from light_embed import TextEmbedding",
        "TextEmbedding(ONNX, model_config={'onnx_file': 'model.onnx', 'pooling_config_path': '1_Pooling', "
        "'normalize': True})",
        "it.encode(texts)",
        "it.encode(text)",
        backend="onnx",
        package="light-embed",
    ),
    *(
        _ours(backend, precision)
        for backend, precisions in {
            "torch": ("float32", "bfloat16"),
            "onnx": ("float32", "int8"),
            "openvino": ("float32", "bfloat16", "int8"),
        }.items()
        for precision in precisions
    ),
    *(
        _ours_in_langchain(backend, precision)
        for backend in ("torch", "openvino")
        for precision in ("float32", "bfloat16")
    ),
    *(
        _ours_in_llama_index(backend, precision)
        for backend in ("torch", "openvino")
        for precision in ("float32", "bfloat16")
    ),
    Contender(
        "CacheBackedEmbeddings, LocalFileStore",
        "sentence_transformers",
        "from langchain_classic.embeddings import CacheBackedEmbeddings\n"
        "from langchain_classic.storage import LocalFileStore\n"
        "from langchain_core.embeddings import DeterministicFakeEmbedding",
        "CacheBackedEmbeddings.from_bytes_store(DeterministicFakeEmbedding(size=384), LocalFileStore(SCRATCH), "
        "namespace='m', key_encoder='blake2b')",
        "it.embed_documents(texts)",
        measures=frozenset({"hits"}),
        package="langchain-classic",
    ),
    Contender(
        "HFLocalEmbeddings, cache",
        "hfrouter_openvino",
        "from langchain_hfrouter import HFLocalEmbeddings",
        "HFLocalEmbeddings(PLAIN, cache=SCRATCH + '/cache.sqlite')",
        "it.embed_documents(texts)",
        measures=frozenset({"hits"}),
        group="ours",
        package="langchain-core",
    ),
    Contender(
        "OpenAIEmbeddings",
        "sentence_transformers",
        "from langchain_openai import OpenAIEmbeddings",
        "OpenAIEmbeddings(base_url=URL + '/v1', api_key='x', check_embedding_ctx_length=False, chunk_size=64)",
        "it.embed_documents(texts)",
        measures=frozenset({"remote"}),
        package="langchain-openai",
    ),
    Contender(
        "HuggingFaceEndpointEmbeddings, 64 a call by hand",
        "sentence_transformers",
        # It takes no address of a server; its client does, unless it was told to stay offline.
        "import os\n"
        "os.environ.pop('HF_HUB_OFFLINE', None)\n"
        "from huggingface_hub import InferenceClient\n"
        "from langchain_huggingface import HuggingFaceEndpointEmbeddings\n"
        "def at(url):\n"
        "    it = HuggingFaceEndpointEmbeddings(model='org/m', provider='hf-inference', huggingfacehub_api_token='x')\n"
        "    it.client = InferenceClient(model=url, token='x')\n"
        "    return it",
        "at(URL)",
        "[row for at in range(0, len(texts), 64) for row in it.embed_documents(texts[at : at + 64])]",
        measures=frozenset({"remote"}),
        package="langchain-huggingface",
    ),
    Contender(
        "HFRouterEmbeddings",
        "hfrouter_openvino",
        "from langchain_hfrouter import HFRouterEmbeddings",
        "HFRouterEmbeddings(model='m', base_url=URL + '/v1', api_key='x', batch_size=64)",
        "it.embed_documents(texts)",
        measures=frozenset({"remote"}),
        group="ours",
        package="langchain-core",
    ),
)
BY_NAME = {contender.name: contender for contender in CONTENDERS}
