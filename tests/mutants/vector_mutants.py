"""The table of sabotages, continued: vectors, from the lists of texts that are cut to the models on this machine.

Lives here: those of embedding, the cache and local models. Not here: the rest of the core (`mutants`).
"""

from __future__ import annotations

from mutant import Mutant

__all__ = ["VECTORS"]

VECTORS = (
    Mutant(
        "Vectors: a request may hold one text more than the host takes",
        "shared_core/client/batches.py",
        "and stop - start < most_texts and",
        "and stop - start <= most_texts and",
        ("tests/client/test_embed_calls.py", "tests/client/test_embed_refusals.py"),
    ),
    Mutant(
        "Vectors: a host in trouble that refuses every size has taught one text a request",
        "shared_core/client/spread.py",
        "        yield from self._halves(call, refusal, why)",
        "        self._learn(why, request.texts); yield from self._halves(call, refusal, why)",
        ("tests/client/test_embed_refusals.py",),
    ),
    Mutant(
        "Vectors: what one host has taught about a model holds for every model there",
        "shared_core/client/embedding.py",
        "            LESSONS.of(route.url, route.model),",
        '            LESSONS.of(route.url, ""),',
        ("tests/client/test_embed_refusals.py",),
    ),
    Mutant(
        "Vectors: batches that were sorted by length are entered in the order of the list",
        "shared_core/client/embedding.py",
        "self._ledger.enter([self._row_at[place] for place in request.places], embedded.vectors)",
        "self._ledger.enter(sorted(self._row_at[place] for place in request.places), embedded.vectors)",
        ("tests/client/test_embed_calls.py", "tests/client/test_embed_refusals.py"),
    ),
    Mutant(
        "Vectors: the text that is refused is named by its place in its batch",
        "shared_core/client/spread.py",
        'named = f"Text {request.place(0)} was refused.',
        'named = f"Text {0} was refused.',
        ("tests/client/test_embed_refusals.py",),
    ),
    Mutant(
        "Prompts: what is known of a model overrules its own files",
        "shared_core/local/source.py",
        "        if prompt is None and kind not in said and known is not None:",
        "        if prompt is None and known is not None:",
        ("tests/local/test_local_known_prompts.py",),
    ),
    Mutant(
        "Prompts: a folder is taken for the model that its path names",
        "shared_core/local/source.py",
        "    known = prompts_for(hub_id_of(folder))",
        "    known = prompts_for(hub_id_of(folder) or arguments.model)",
        ("tests/local/test_local_known_prompts.py",),
    ),
    Mutant(
        "Prompts: a stranger's model of a known name has the known one's prompts",
        "shared_core/catalog/prompts.py",
        "    if original is None or (maker not in known.copiers and maker != _maker(original)):",
        "    if original is None:",
        ("tests/catalog/test_catalog_prompts.py",),
    ),
    Mutant(
        "Prompts: who left it open gets none from a server",
        "shared_core/client/vector_router.py",
        "        if before is None:",
        "        if before is None and not model:",
        ("tests/client/test_embed_prompts.py",),
    ),
    Mutant(
        "Prompts: one that the user wrote as nothing is taken for none",
        "shared_core/client/asking.py",
        '    return request, None if prompt is None and prompt_name is None else Before(prompt or "")',
        '    return request, None if not prompt and prompt_name is None else Before(prompt or "")',
        ("tests/client/test_embed_prompts.py",),
    ),
    Mutant(
        "Prompts: LlamaIndex's store mixes vectors with and without",
        "llama_index_hfrouter/embedding_cache.py",
        "    return given if known is None else known.of(kind) or None",
        "    return given",
        ("tests/llama_index/test_li_router_embedding.py",),
    ),
    Mutant(
        "Vectors: queries and documents share their keys in the cache",
        "shared_core/cache/keys.py",
        "fields = [_FORMAT, model, revision, kind, prompt,",
        "fields = [_FORMAT, model, revision, prompt,",
        ("tests/cache/test_cache_keys.py",),
    ),
    Mutant(
        "Vectors: the key of a text depends on the texts before it",
        "shared_core/cache/keys.py",
        "hasher = prefixed.copy()",
        "hasher = prefixed",
        ("tests/cache/test_cache_keys.py",),
    ),
    Mutant(
        "Vectors: what the cache knew and what it did not change places",
        "shared_core/cache/recall.py",
        "        merged[~is_missing] = self.vectors",
        "        merged[~is_missing] = self.vectors[::-1]",
        ("tests/cache/test_cache_recall.py",),
    ),
    Mutant(
        "Vectors: a local list sorted by length is not put back in order",
        "shared_core/local/batches.py",
        "    in_order[order] = vectors",
        "    in_order[:] = vectors",
        ("tests/local/test_front_batches.py",),
    ),
    Mutant(
        "Vectors: a batch of local texts is counted without its padding",
        "shared_core/local/batches.py",
        "max(1, budget // int(lengths[first]))",
        "max(1, budget // int(lengths.min()))",
        ("tests/local/test_front_batches.py",),
    ),
    Mutant(
        "Vectors: calls that are computed together get the rows of the first among them",
        "shared_core/local/merge.py",
        "            first = last",
        "            first = 0",
        ("tests/local/test_merge.py",),
    ),
    Mutant(
        "Vectors: one bad text spoils the calls that came together with it",
        "shared_core/local/merge.py",
        "                self._compute([job])",
        "                job.deliver(error)",
        ("tests/local/test_merge.py",),
    ),
    Mutant(
        "Vectors: places are counted with the padding token on ONNX",
        "shared_core/local/engines/onnx_ops.py",
        "places = self._rows_without(first - 1) if first else self._places",
        "places = self._rows_without(-1) if first else self._places",
        ("tests/local/test_encoders_on_engines.py",),
    ),
    Mutant(
        "Vectors: every block of a long text on ONNX is biased like its first",
        "shared_core/local/engines/onnx_blocks.py",
        'furthest = draw("Add", first, constant',
        'furthest = draw("Add", zero, constant',
        ("tests/local/test_onnx_ops.py",),
    ),
    Mutant(
        "Vectors: places are counted on from the text before on torch",
        "shared_core/local/engines/torch_ops.py",
        "torch.where(counts, before - before[starts], -1)",
        "torch.where(counts, before, -1)",
        ("tests/local/test_encoders_on_engines.py",),
    ),
)
