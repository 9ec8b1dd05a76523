"""The benchmark MTEB over our vectors: an encoder that `mteb.evaluate` takes.

MTEB's tasks, its search and its scores; the texts' vectors from the router or from this machine. Needs
`pip install "hfrouter[mteb]"`, which is loaded when MTEB asks for the model's description.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from shared_core.client import HFRouter
from shared_core.errors import ConfigError
from shared_core.evaluate.embeddings.retrieval import Similarity
from shared_core.local import LocalEmbedder
from shared_core.types import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MTEBEncoder"]


class MTEBEncoder:
    """An encoder as MTEB's `EncoderProtocol` says, of MTEB 2.

    Queries are embedded as queries, documents as documents, each with the prompt that the embedder has for them. It
    is put there once: the prompts that MTEB knows belong to its own loaders of models, which take no part here.
    Texts of tasks that know neither (classification, similarity of sentences) are of the kind `symmetric`. How many
    texts go together is decided here: MTEB's `batch_size` is about its own loaders. Vectors come through the
    embedder's cache, so that a benchmark which was broken off is not paid for twice.

    Args:
        embedder: An `HFRouter` with its model, or a `LocalEmbedder`.
        name: "organisation/name" that results are filed under; None is the model's id, or for a folder
            "local/" and the folder's name.
        revision: Of the model, in the same files; None says that it is not known.
        similarity: How near two vectors are: "cosine", or "dot" for models that were trained with it.
        symmetric: What texts are that are neither: most models have no prompt for documents; of those that have one,
            such as e5, many want "query" here.

    Raises:
        ConfigError: An argument cannot work.

    Example:
        >>> encoder = MTEBEncoder(LocalEmbedder("sentence-transformers/all-MiniLM-L6-v2"))
        >>> import mteb  # doctest: +SKIP
        >>> mteb.evaluate(encoder, mteb.get_tasks(tasks=["NFCorpus"]))  # doctest: +SKIP
    """

    def __init__(
        self,
        embedder: HFRouter | LocalEmbedder,
        *,
        name: str | None = None,
        revision: str | None = None,
        similarity: Similarity = "cosine",
        symmetric: Kind = "document",
    ) -> None:
        if not isinstance(embedder, HFRouter | LocalEmbedder):
            raise ConfigError(
                f"A {type(embedder).__name__} cannot be put to MTEB.",
                hint="Give an HFRouter with a model, or a LocalEmbedder.",
            )
        for word, value, words in (("similarity", similarity, Similarity), ("symmetric", symmetric, Kind)):
            if value not in get_args(words):
                raise ConfigError(f"{word}={value!r} is none of {', '.join(get_args(words))}.")
        self._embedder = embedder
        self._name = name or _name_of(embedder)
        if not re.fullmatch(r"[\w.:-]+/[\w.:-]+", self._name):
            raise ConfigError(
                f"MTEB cannot file results under {self._name!r}.", hint='Pass name="organisation/name".'
            )
        self._revision, self._similarity, self._symmetric = revision, similarity, symmetric

    def encode(
        self,
        inputs: Iterable[Mapping[str, Any]],
        *,
        task_metadata: Any,  # noqa: ARG002  # a keyword of the protocol, as are the next two
        hf_split: str,  # noqa: ARG002
        hf_subset: str,  # noqa: ARG002
        prompt_type: Any = None,
        **_: Any,
    ) -> NDArray[np.float32]:
        """Vectors of the texts of MTEB's batches, of shape (texts, dimensions).

        Args:
            inputs: Batches, whose texts stand under "text".
            task_metadata, hf_split, hf_subset: Which task it is; makes no difference here.
            prompt_type: MTEB's `PromptType`, query or document; None for neither.

        Raises:
            ConfigError: The inputs are no texts.
            RouterError: The embedder failed.
        """
        texts: list[str] = []
        for batch in inputs:
            if "text" not in batch:
                raise ConfigError(
                    f"This task is about {', '.join(map(str, batch))}, and not about texts.",
                    hint='Choose tasks with modalities=["text"].',
                )
            texts += batch["text"]
        kind: Kind = (
            self._symmetric if prompt_type is None else "query" if prompt_type == "query" else "document"
        )
        return self._embedder.embed(texts, kind).vectors

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """How near each of the first is to each of the second, by MTEB's own arithmetic."""
        from mteb.similarity_functions import cos_sim, dot_score

        return (cos_sim if self._similarity == "cosine" else dot_score)(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """How near each of the first is to that of the second in its place, by MTEB's own arithmetic."""
        from mteb.similarity_functions import pairwise_cos_sim, pairwise_dot_score

        near = pairwise_cos_sim if self._similarity == "cosine" else pairwise_dot_score
        return near(embeddings1, embeddings2)

    @property
    def mteb_model_meta(self) -> Any:
        """The model's description in MTEB's words: its name, and what else is known here.

        Raises:
            ImportError: MTEB is not installed; the message says how to.
        """
        try:
            from mteb.models.model_meta import ModelMeta, ScoringFunction
        except ImportError as error:
            raise ImportError('MTEB is not installed. Run: pip install "hfrouter[mteb]"') from error
        return ModelMeta.create_empty(
            overwrites={
                "name": self._name,
                "revision": self._revision,
                "similarity_fn_name": ScoringFunction(self._similarity),
                "framework": ["API"] if isinstance(self._embedder, HFRouter) else [],
                "use_instructions": None,
            }
        )


def _name_of(embedder: HFRouter | LocalEmbedder) -> str:
    model = embedder.model
    if not model:
        raise ConfigError("The client has no model.", hint='Write HFRouter("org/name").')
    if re.fullmatch(r"[\w.-]+/[\w.-]+(:[\w.-]+)?", model):
        return model
    # A folder: where it lies is nobody's business.
    return "local/" + (re.sub(r"[^\w.-]", "-", Path(model).name) or "model")
