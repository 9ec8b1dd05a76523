"""An instance of a JSON schema, filled from a text.

Numbers go to numbers in order, quotations and names to strings, mentioned words to enums; what the text does
not offer is filled with the schema's default or with something that fits the type. The instance is valid for
the keywords that tool and answer schemas use: type, enum, const, required, bounds, lengths, items, $ref,
anyOf, oneOf, allOf, format.
"""

from __future__ import annotations

import re
from typing import Any

from .words import Reading, gist, telling

Schema = dict[str, Any]

_WHOLE_TEXT = (
    "query",
    "question",
    "prompt",
    "text",
    "message",
    "input",
    "request",
    "task",
    "sentence",
    "instructions",
)
_FORMATS = {
    "date": (r"\d{4}-\d{2}-\d{2}", "2026-01-01"),
    "date-time": (r"\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?", "2026-01-01T00:00:00Z"),
    "time": (r"\d{2}:\d{2}(?::\d{2})?", "00:00:00"),
    "email": (r"[\w.+-]+@[\w-]+\.[\w.]*\w", "someone@example.com"),
    "uri": (r"https?://[^\s\"'<>]*[\w/]", "https://example.com"),
    "uuid": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "00000000-0000-4000-8000-000000000000"),
}
_MISSING = object()


def fill(schema: Schema, text: str, ignoring: frozenset[str] = frozenset()) -> Any:
    """An instance of `schema`, filled from `text`.

    >>> schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    >>> fill(schema, "Is it sunny in Paris?")
    {'city': 'Paris'}
    """
    return _Filler(schema, Reading(text, ignoring)).value(schema, "")


def numbers_needed(schema: Schema) -> int:
    """How many required properties of an object schema are numbers."""
    properties = schema.get("properties", {})
    kinds = [properties.get(key, {}).get("type") for key in schema.get("required", ())]
    return sum(kind in ("integer", "number") for kind in kinds)


class _Filler:
    def __init__(self, root: Schema, reading: Reading) -> None:
        self._root = root
        self._reading = reading
        self._depth = 0

    def value(self, schema: Any, key: str) -> Any:
        """A value for a property that must be there."""
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            mentioned = self._mentioned(schema["enum"])
            return mentioned[0] if mentioned else schema.get("default", schema["enum"][0])
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return self._array(schema, key)
        offered = self._offered(schema, kind, key)
        if offered is not _MISSING:
            return offered
        if "default" in schema:
            return schema["default"]
        return self._invented(schema, kind, key)

    def _resolve(self, given: Any) -> Schema:
        """The schema with references followed, alternatives chosen and parts merged."""
        if not isinstance(given, dict):
            return {}
        schema: Schema = dict(given)
        for _ in range(20):
            if "$ref" in schema:
                found: Any = self._root
                for step in str(schema["$ref"]).lstrip("#/").split("/"):
                    found = found.get(step, {}) if isinstance(found, dict) else {}
                schema = {**found, **{k: v for k, v in schema.items() if k != "$ref"}}
            elif "allOf" in schema:
                merged: Schema = {k: v for k, v in schema.items() if k != "allOf"}
                for part in schema["allOf"]:
                    merged = {**self._resolve(part), **merged}
                schema = merged
            elif "anyOf" in schema or "oneOf" in schema:
                options = [self._resolve(item) for item in schema.get("anyOf") or schema["oneOf"]]
                rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
                schema = {**rest, **self._best(options)}
            else:
                break
        return schema

    def _best(self, options: list[Schema]) -> Schema:
        """The alternative whose words the text shares most; null only when there is nothing else."""
        real = [option for option in options if option.get("type") != "null"] or [{"type": "null"}]
        told = telling(self._reading.text)

        def shared(option: Schema) -> int:
            described = [
                option.get("title", ""),
                option.get("description", ""),
                *option.get("properties", ()),
            ]
            return len(told & telling(" ".join(described)))

        return max(real, key=shared)

    def _nullable(self, schema: Any) -> bool:
        if not isinstance(schema, dict):
            return False
        kind = schema.get("type")
        options = schema.get("anyOf", ())
        return (isinstance(kind, list) and "null" in kind) or any(
            isinstance(option, dict) and option.get("type") == "null" for option in options
        )

    def _object(self, schema: Schema) -> dict[str, Any]:
        properties: Schema = schema.get("properties", {})
        required = [key for key in schema.get("required", ()) if key in properties]
        if self._depth > 6:
            return {}
        self._depth += 1
        filled = {}
        for key in required:
            filled[key] = self._maybe_null(properties[key], key)
        for key in properties:
            if key not in filled:
                offered = self._optional(properties[key], key)
                if offered is not _MISSING:
                    filled[key] = offered
        self._depth -= 1
        return {key: filled[key] for key in properties if key in filled}

    def _maybe_null(self, schema: Any, key: str) -> Any:
        if not self._nullable(schema):
            return self.value(schema, key)
        offered = self._optional(schema, key)
        if offered is not _MISSING:
            return offered
        return schema.get("default") if "default" in schema else None

    def _optional(self, schema: Any, key: str) -> Any:
        """A value for a property that may be left out: only when the text speaks of it."""
        spoken_of = bool(telling(key) & telling(self._reading.text)) or self._reading.named(key) is not None
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"] if self._reading.mentions(str(schema["const"])) else _MISSING
        if "enum" in schema:
            mentioned = self._mentioned(schema["enum"])
            return mentioned[0] if mentioned else _MISSING
        kind = _kind(schema)
        if kind in ("object", "array"):
            return self.value(schema, key) if spoken_of else _MISSING
        if kind in ("integer", "number") and self._reading.numbers:
            return self._offered(schema, kind, key)
        if spoken_of:
            return self.value(schema, key)
        return _MISSING

    def _offered(self, schema: Schema, kind: str, key: str) -> Any:
        """What the text offers for a scalar."""
        named = self._reading.named(key) if key else None
        if kind == "boolean":
            return self._boolean(key, named)
        if kind in ("integer", "number"):
            return self._number(schema, kind, named)
        if kind == "null":
            return None
        if schema.get("format") in _FORMATS:
            match = re.search(_FORMATS[schema["format"]][0], self._reading.text, re.I)
            return match[0] if match else _MISSING
        return self._string(schema, key, named)

    def _boolean(self, key: str, named: str | None) -> Any:
        if named is not None and named.lower() in ("true", "false", "yes", "no"):
            return named.lower() in ("true", "yes")
        shared = telling(key) & telling(self._reading.text)
        if not shared:
            return _MISSING
        word = min(shared)
        return (
            re.search(
                rf"\b(?:no|not|without|don't|never)\b[\w\s]{{0,20}}{re.escape(word)}",
                self._reading.text,
                re.I,
            )
            is None
        )

    def _number(self, schema: Schema, kind: str, named: str | None) -> Any:
        number: float | None = None
        if named is not None and re.fullmatch(r"-?\d+(?:\.\d+)?", named):
            number = float(named)
            if number in self._reading.numbers:
                self._reading.numbers.remove(number)
        else:
            number = self._reading.take_number()
        return _MISSING if number is None else _within(schema, kind, number)

    def _string(self, schema: Schema, key: str, named: str | None) -> Any:
        if named is not None:
            return _sized(schema, named)
        if key.lower() in _WHOLE_TEXT and not self._reading.quotations:
            return _sized(schema, gist(self._reading.text) if key.lower() == "query" else self._reading.text)
        taken = self._reading.take_string()
        return _MISSING if taken is None else _sized(schema, taken)

    def _mentioned(self, values: list[Any]) -> list[Any]:
        found = [
            value
            for value in values
            if value is not None and self._reading.mentions(str(value).replace("_", " "))
        ]
        return found or [v for v in values if isinstance(v, str) and telling(v) & telling(self._reading.text)]

    def _array(self, schema: Schema, key: str) -> list[Any]:
        items = self._resolve(schema.get("items", {"type": "string"}))
        least, most = schema.get("minItems", 0), schema.get("maxItems", 8)
        kind = _kind(items)
        made: list[Any] = []
        if "enum" in items:
            made = self._mentioned(items["enum"])
        elif kind in ("integer", "number"):
            while self._reading.numbers and len(made) < most:
                made.append(self.value(items, key))
        elif kind == "string" and self._reading.strings:
            while self._reading.strings and len(made) < most:
                made.append(self._reading.take_string())
        elif self._depth <= 6:
            made = [self.value(items, key)]
        while len(made) < least:
            made.append(self.value(items, key))
        return made[:most]

    def _invented(self, schema: Schema, kind: str, key: str) -> Any:
        if kind == "boolean":
            return True
        if kind in ("integer", "number"):
            return _within(schema, kind, 0)
        if kind == "null":
            return None
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]][1]
        if schema.get("examples"):
            return schema["examples"][0]
        return _sized(schema, gist(self._reading.text) or key or "text")


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _within(schema: Schema, kind: str, number: float) -> float | int:
    """The number nearest to the given one that the schema's bounds allow."""
    step = 1 if kind == "integer" else 1e-6
    low = max(schema.get("minimum", number), schema.get("exclusiveMinimum", number - 2 * step) + step)
    high = min(schema.get("maximum", number), schema.get("exclusiveMaximum", number + 2 * step) - step)
    number = max(number, low) if "minimum" in schema or "exclusiveMinimum" in schema else number
    number = min(number, high) if "maximum" in schema or "exclusiveMaximum" in schema else number
    multiple = schema.get("multipleOf")
    if multiple:
        number = round(number / multiple) * multiple
    return round(number) if kind == "integer" or number == int(number) else number


def _sized(schema: Schema, text: str) -> str:
    """The text cut or padded to the lengths that the schema allows."""
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    return text.ljust(least, ".")[:most]
