"""`offline/echo`: repeats the last message of the user."""

from __future__ import annotations

from shared_core.testing.call import Answer, ChatCall


def echo(call: ChatCall) -> Answer:
    """The user's last message, word for word, and what media came with it."""
    message = call.question
    return Answer("\n".join([message.text, *(f"[{item}]" for item in message.media)]).strip("\n"))
