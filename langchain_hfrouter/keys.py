"""The token, and headers as secret as a token: they stay behind when their model travels.

Pydantic's `SecretStr` hides a token from repr and JSON but pickles and deep-copies it. This one follows the
core's rule instead: a copy knows that there was a token, and says so when it is needed.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import SecretStr

from shared_core.types import ApiKey, KeyFunction

__all__ = ["TravelSafeKey", "core_key", "is_secret", "safe_key", "without_secrets"]

# Where a header's name ends like this, its value is a secret: never written by `dumps`, never pickled.
_SECRET_HEADERS = ("authorization", "cookie", "key", "token")


class TravelSafeKey(SecretStr):
    """An explicit token, or a function that gives it. Pickling and deep copies leave a token behind; of functions,
    pickling those that are not found by their name.

    Args:
        secret_value: The token; "" for no token at all; or the function.

    Attributes:
        key: The same for the core.

    Raises:
        ConfigError: The text holds characters that no token has.
    """

    def __init__(self, secret_value: str | KeyFunction) -> None:
        self.key = ApiKey(secret_value)
        super().__init__("**********" if secret_value else "")

    def get_secret_value(self) -> str:
        """The token; a function is asked for it.

        Raises:
            ConfigError: It was left behind in another process or in the object this was copied from, or the function
                gave none.
        """
        key = self.key
        return (key if key.function is None else key.taken(key.function())).reveal()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TravelSafeKey) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.key,)

    def __copy__(self) -> TravelSafeKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TravelSafeKey:
        return _arrived(self.key.__deepcopy__(memo))


def _arrived(key: ApiKey) -> TravelSafeKey:
    copy = TravelSafeKey.__new__(TravelSafeKey)
    SecretStr.__init__(copy, "" if key.source == "none" else "**********")
    copy.key = key
    return copy


def safe_key(key: Any) -> Any:
    """A token in the box that stays behind; what is no token is left to the field's own check."""
    if isinstance(key, SecretStr) and not isinstance(key, TravelSafeKey):
        key = key.get_secret_value()
    return TravelSafeKey(key) if isinstance(key, str) or callable(key) else key


def core_key(key: Any) -> ApiKey | None:
    """The key that a field holds, for the core.

    Raises:
        ConfigError: It was left behind.
    """
    if key is None:
        return None
    boxed: TravelSafeKey = safe_key(key)  # a field may have been set behind pydantic's back
    boxed.key.reveal()
    return boxed.key


def is_secret(header: str) -> bool:
    """Whether a header's value must not be shown, by the header's name."""
    return header.lower().endswith(_SECRET_HEADERS)


def without_secrets(fields: dict[str, Any]) -> dict[str, Any]:
    """A model's fields without secret headers.

    Their loss is told like that of an explicit token: by a `ConfigError` at the first call.
    """
    headers = fields.get("default_headers")
    if not headers or not any(map(is_secret, headers)):
        return fields
    kept = {name: value for name, value in headers.items() if not is_secret(name)}
    return {**fields, "default_headers": kept, "api_key": copy.deepcopy(TravelSafeKey("left-behind"))}
