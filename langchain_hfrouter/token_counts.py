"""How many tokens a text has, for LangChain classes of models whose tokenizer is not known here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from langchain_hfrouter.errors import ConfigError

__all__ = ["TokenCounts"]


class TokenCounts:
    """Counts by the user's own function, else estimates: nothing is downloaded for it."""

    if TYPE_CHECKING:
        custom_get_token_ids: Callable[[str], list[int]] | None

    def get_token_ids(self, text: str) -> list[int]:
        """The ids of the tokens, by `custom_get_token_ids`.

        Raises:
            ConfigError: None was given. Models behind the router have many tokenizers; none is bundled.
        """
        if self.custom_get_token_ids is None:
            raise ConfigError(
                "The tokenizer of this model is not known here.",
                hint="Pass custom_get_token_ids=, such as a Hugging Face tokenizer's `encode`.",
            )
        return self.custom_get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """Tokens of a text: counted by `custom_get_token_ids`, else estimated at four characters a token.

        The estimate is low for code and for languages with other scripts. It needs no network and no tokenizer.
        """
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return -(-len(text) // 4)
