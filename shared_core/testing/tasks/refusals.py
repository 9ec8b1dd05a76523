"""Each provider's way of saying no: a field is missing or wrong, the job failed, is gone, or is not wanted.

Bodies follow recordings where there are any (fal, replicate, together, hf-inference); the others are written
after the providers' documentation, and their words are not to be relied on.
"""

from __future__ import annotations

from typing import Any

from shared_core.testing.refusals import Refusal, openai_error

__all__ = ["FAL", "HF", "NOVITA", "OPENAI", "REPLICATE", "TOGETHER", "WAVESPEED", "ZAI", "Words"]


class Words:
    """Refusals in OpenAI's form, and what the other providers change about them."""

    def body(self, status: int, message: str, field: str = "", code: str | None = None) -> object:
        """The body of an error."""
        kind = "invalid_request_error" if status < 500 else "server_error"
        return openai_error(message, kind=kind, param=field or None, code=code)

    def missing(self, field: str) -> Refusal:
        """A field that must be there."""
        return Refusal(400, self.body(400, f"Missing required parameter: '{field}'.", field))

    def wrong(self, field: str, kind: str) -> Refusal:
        """A field of the wrong type; `kind` is the right one."""
        return Refusal(400, self.body(400, f"Invalid type for '{field}': expected {kind}.", field))

    def invalid(self, field: str, message: str) -> Refusal:
        """A field whose value is not taken."""
        return Refusal(400, self.body(400, message, field))

    def unreadable(self, message: str) -> Refusal:
        """A body that is not JSON."""
        return Refusal(400, self.body(400, f"The request body is not valid JSON: {message}"))

    def unknown_model(self, name: str) -> Refusal:
        """A model that is not served."""
        return Refusal(404, self.body(404, f"The model `{name}` does not exist.", "model", "model_not_found"))

    def lost(self) -> Refusal:
        """A job that is not known."""
        return Refusal(404, self.body(404, "Not found"))

    def failed(self, message: str) -> Refusal:
        """A job that failed, where that is told at once."""
        return Refusal(500, self.body(500, message))

    def unsafe(self) -> Refusal:
        """A prompt that the provider does not serve."""
        text = "Your request was rejected by the safety system."
        return Refusal(400, self.body(400, text, "prompt", "content_policy_violation"))


class _Fal(Words):
    """FastAPI's `detail`."""

    def _detail(self, kind: str, message: str, field: str) -> Refusal:
        return Refusal(422, {"detail": [{"loc": ["body", *field.split(".")], "msg": message, "type": kind}]})

    def body(self, status: int, message: str, field: str = "", code: str | None = None) -> object:
        del status, field, code
        return {"detail": message}

    def missing(self, field: str) -> Refusal:
        return self._detail("value_error.missing", "field required", field)

    def wrong(self, field: str, kind: str) -> Refusal:
        short = {"a string": "str", "an integer": "int", "a number": "float", "a boolean": "bool"}.get(
            kind, kind
        )
        return self._detail(f"type_error.{short}", f"{short} type expected", field)

    def invalid(self, field: str, message: str) -> Refusal:
        if message == "Unsupported data URL":
            return Refusal(400, {"detail": message})
        return self._detail("value_error", message, field)

    def unknown_model(self, name: str) -> Refusal:
        return Refusal(404, {"detail": f"Application '{name.rpartition('/')[2]}' not found"})

    def lost(self) -> Refusal:
        return Refusal(404, {"detail": "Request not found"})


class _Replicate(Words):
    """problem+json."""

    def problem(
        self, status: int, title: str, detail: str, fields: list[dict[str, str]] | None = None
    ) -> Refusal:
        """A problem, with the fields it is about."""
        body: dict[str, Any] = {"detail": detail, "status": status, "title": title}
        if fields is not None:
            body["invalid_fields"] = fields
        return Refusal(status, body, {"content-type": "application/problem+json"})

    def _field(self, kind: str, field: str, text: str) -> Refusal:
        told = {"type": kind, "field": field, "description": text}
        return self.problem(422, "Input validation failed", f"- {text}\n", [told])

    def missing(self, field: str) -> Refusal:
        place, _, name = field.rpartition(".")
        return self._field("required", place, f"{place + ': ' if place else ''}{name} is required")

    def wrong(self, field: str, kind: str) -> Refusal:
        return self._field("invalid_type", field, f"{field}: Invalid type. Expected: {kind.split()[-1]}")

    def invalid(self, field: str, message: str) -> Refusal:
        return self._field("invalid_value", field, f"{field}: {message}")

    def unreadable(self, message: str) -> Refusal:
        return self.problem(400, "Bad request", message)

    def additional(self, name: str) -> Refusal:
        """A field that there is none of."""
        return self._field(
            "additional_property_not_allowed", "", f"Additional property {name} is not allowed"
        )

    def unknown_model(self, name: str) -> Refusal:
        del name
        return self.problem(404, "Not found", "The requested resource could not be found.")

    def lost(self) -> Refusal:
        return self.unknown_model("")


class _Wavespeed(Words):
    """`{"code", "message", "data"}`."""

    def body(self, status: int, message: str, field: str = "", code: str | None = None) -> object:
        del field, code
        return {"code": status, "message": message, "data": None}

    def lost(self) -> Refusal:
        return Refusal(404, self.body(404, "prediction not found"))


class _Together(Words):
    """OpenAI's form beside an id."""

    def body(self, status: int, message: str, field: str = "", code: str | None = None) -> object:
        kind = "invalid_request_error" if status < 500 else "server_error"
        return {"id": "offline-00000000", **openai_error(message, kind=kind, param=field or None, code=code)}

    def missing(self, field: str) -> Refusal:
        return Refusal(400, self.body(400, "Invalid request", field))

    def unknown_model(self, name: str) -> Refusal:
        text = f"Unable to access model {name}. Please visit the models page to see the list of supported models."
        return Refusal(404, self.body(404, text, "model", "model_not_available"))

    def unsafe(self) -> Refusal:
        text = "The image generation request was blocked because the prompt may contain unsafe content."
        return Refusal(422, self.body(422, text, "prompt", "content_policy"))


class _Zai(Words):
    """`{"error": {"code", "message"}}`, the code a number in a string."""

    def body(self, status: int, message: str, field: str = "", code: str | None = None) -> object:
        del field
        return {"error": {"code": code or ("1214" if status < 500 else "1234"), "message": message}}

    def unknown_model(self, name: str) -> Refusal:
        return Refusal(400, self.body(400, f"Unknown Model: {name}", code="1211"))

    def unsafe(self) -> Refusal:
        text = "System detected potentially unsafe or sensitive content in input or generation."
        return Refusal(400, self.body(400, text, code="1301"))


class _Novita(Words):
    """`{"code", "reason", "message", "metadata"}`."""

    def body(self, status: int, message: str, field: str = "", code: str | None = None) -> object:
        del field
        reason = code or ("INVALID_REQUEST_BODY" if status < 500 else "INTERNAL_ERROR")
        return {"code": status, "reason": reason.upper(), "message": message, "metadata": {}}


class _HF(Words):
    """`{"error": ...}`, the error a list where fields are missing."""

    def body(self, status: int, message: str, field: str = "", code: str | None = None) -> object:
        del status, field, code
        return {"error": message}

    def missing(self, field: str) -> Refusal:
        return Refusal(400, {"error": [f"Error in `{field}`: field required"]})

    def wrong(self, field: str, kind: str) -> Refusal:
        short = {"a string": "str", "an integer": "integer", "a number": "float", "a list": "list"}.get(
            kind, kind
        )
        return Refusal(400, {"error": [f"Error in `{field}`: {short} type expected"]})

    def unreadable(self, message: str) -> Refusal:
        return Refusal(400, {"error": f"Invalid JSON: {message}"})

    def unknown_model(self, name: str) -> Refusal:
        return Refusal(404, {"error": f"Model {name} does not exist"})

    def refused(self, status: int, message: str, kind: str = "") -> Refusal:
        """A refusal in so many words, with TGI's `error_type` where there is one."""
        return Refusal(status, {"error": message} | ({"error_type": kind} if kind else {}))


FAL, REPLICATE, WAVESPEED, TOGETHER = _Fal(), _Replicate(), _Wavespeed(), _Together()
ZAI, NOVITA, HF, OPENAI = _Zai(), _Novita(), _HF(), Words()
