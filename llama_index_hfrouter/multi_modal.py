"""`HFLocalMultiModalEmbedding`: pictures and texts in one space, computed on this machine.

Lives here: which pictures may be opened, and LlamaIndex's methods for them. Not here: texts
(`local_embedding`), decoding (`shared_core.local`).

LlamaIndex hands over pictures as files in memory or as strings that are paths, and such a string may come from
the caller's program or from a node that somebody else wrote. Only what lies in a folder that the program named is
opened; an address never is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llama_index.core.base.embeddings.base import Embedding
from llama_index.core.embeddings.multi_modal_base import MultiModalEmbedding
from llama_index.core.schema import ImageType
from pydantic import ConfigDict

from llama_index_hfrouter.local_embedding import HFLocalEmbedding
from shared_core.errors import ConfigError

if TYPE_CHECKING:
    from typing import Unpack

    from llama_index_hfrouter.embedding_arguments import MultiModalArguments

__all__ = ["HFLocalMultiModalEmbedding"]

_AT_ONCE = 32
"""Pictures that are decoded at one time: 2048 photographs would fill the memory of most machines."""


class HFLocalMultiModalEmbedding(HFLocalEmbedding, MultiModalEmbedding):
    """A CLIP-like sentence-transformers model: a text finds a picture, and a picture others like it.

    A picture is a BytesIO, or a `pathlib.Path`, bytes or a PIL image. A plain string, as LlamaIndex's own
    signatures have it, is taken for a path only where `image_folder` is set and the file lies in it: nodes and
    queries carry paths too, and whoever writes those must not choose what is opened. An address is refused.
    (Pictures of nodes with `image_url` are fetched by LlamaIndex before they come here.)

    Args:
        model_name: A folder with such a model, or a Hub id like "sentence-transformers/clip-ViT-B-32".
        image_folder: Where strings may point to: relative ones start there, and links out of it do not count
            as in it. None opens no string.
        others: All arguments of `HFLocalEmbedding`.

    Raises:
        ConfigError: As `HFLocalEmbedding`; at use, a picture cannot be read, may not be opened, or the model
            reads texts only.

    Example:
        >>> embedding = HFLocalMultiModalEmbedding("sentence-transformers/clip-ViT-B-32", image_folder="photos")
        >>> vector = embedding.get_image_embedding("cat.jpg")  # doctest: +SKIP
        >>> query = embedding.get_query_embedding("a cat on a mat")  # doctest: +SKIP
    """

    model_config = ConfigDict(defer_build=True)

    image_folder: str | None = None

    if TYPE_CHECKING:

        def __init__(
            self, model_name: str | None = None, **arguments: Unpack[MultiModalArguments]
        ) -> None: ...

    else:

        def __init__(self, model_name: str | None = None, **options: Any) -> None:
            if isinstance(options.get("image_folder"), Path):
                options["image_folder"] = str(options["image_folder"])
            super().__init__(model_name, **options)

    @classmethod
    def class_name(cls) -> str:
        """The key that serialised objects carry; never changes."""
        return "HFLocalMultiModalEmbedding"

    # -- pictures --------------------------------------------------------------------------------------

    def _get_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return self._get_image_embeddings([img_file_path])[0]

    async def _aget_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return await asyncio.to_thread(self._get_image_embedding, img_file_path)

    def _get_image_embeddings(self, img_file_paths: Sequence[ImageType]) -> list[Embedding]:
        pictures = [self._picture(image) for image in img_file_paths]
        vectors: list[Embedding] = []
        for start in range(0, len(pictures), _AT_ONCE):
            vectors += self._embedder.embed_images(pictures[start : start + _AT_ONCE]).tolist()
        return vectors

    async def _aget_image_embeddings(self, img_file_paths: Sequence[ImageType]) -> list[Embedding]:
        return await asyncio.to_thread(self._get_image_embeddings, img_file_paths)

    def _picture(self, image: ImageType) -> BytesIO | Path:
        """What the core opens; it refuses strings, so a string must have become a path by now."""
        if not isinstance(image, str):
            return image
        if self.image_folder is None:
            raise ConfigError(
                "A picture is named by a string, and strings are opened only in a folder that was named for it.",
                hint="Set image_folder= to the folder of the pictures, or pass a pathlib.Path or a BytesIO.",
            )
        path = _file_in(Path(self.image_folder), image)
        if path is None:
            raise ConfigError(
                "A string names no picture in image_folder.",
                hint="Check the path; addresses are never fetched, and links out of the folder not followed.",
            )
        return path


def _file_in(folder: Path, name: str) -> Path | None:
    """The file of that name, if it really lies in the folder."""
    try:
        folder = folder.resolve()
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except (OSError, ValueError):  # a NUL, a lone surrogate, a name that is too long
        return None
