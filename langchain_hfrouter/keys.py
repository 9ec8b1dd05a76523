"""The token, and headers as secret as a token: they stay behind when their model travels.

Pydantic's `SecretStr` hides a token from repr and JSON but pickles and deep-copies it. This one follows the
core's rule instead: a copy knows that there was a token, and says so when it is needed.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import SecretStr

from shared_core.types import ApiKey

__all__ = ["TravelSafeKey", "is_secret", "safe_key", "without_secrets"]

# Where a header's name ends like this, its value is a secret: never written by `dumps`, never pickled.
_SECRET_HEADERS = ("authorization", "cookie", "key", "token")


class TravelSafeKey(SecretStr):
    """An explicit token. Pickling and deep copies leave it behind.

    Args:
        secret_value: The token; "" for no token at all.

    Raises:
        ConfigError: The text holds characters that no token has.
    """

    def __init__(self, secret_value: str) -> None:
        self._key = ApiKey(secret_value)
        super().__init__("**********" if secret_value else "")

    def get_secret_value(self) -> str:
        """The token.

        Raises:
            ConfigError: It was left behind in another process or in the object this was copied from.
        """
        return self._key.reveal()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TravelSafeKey) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self._key,)

    def __copy__(self) -> TravelSafeKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TravelSafeKey:
        return _arrived(self._key.__deepcopy__(memo))


def _arrived(key: ApiKey) -> TravelSafeKey:
    copy = TravelSafeKey.__new__(TravelSafeKey)
    SecretStr.__init__(copy, "" if key.source == "none" else "**********")
    copy._key = key
    return copy


def safe_key(key: Any) -> Any:
    """A token in the box that stays behind; what is no token is left to the field's own check."""
    if isinstance(key, SecretStr) and not isinstance(key, TravelSafeKey):
        key = key.get_secret_value()
    return TravelSafeKey(key) if isinstance(key, str) else key


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
