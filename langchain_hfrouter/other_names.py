"""What other packages call the arguments of a chat model.

Lives here: for each such name, what to write instead. Not here: names that we take ourselves (`settings`), and those
of the embedding classes, which stand with them.

An unknown argument becomes part of the request's body, since a provider may know it. A name of this list never is one:
sent along it would lose its meaning without a word, and a token among them would go to the provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from langchain_hfrouter.complaints import unknown_argument

__all__ = ["INSTEAD", "refuse_other_names"]

_OWN_CLIENT = "Pass a client of httpx2 or httpx as http_client=, async_http_client=."
_NO_RESPONSES = (
    "Leave it out: that is OpenAI's Responses API, which the router's chat completions have no part of."
)

INSTEAD: Mapping[str, str] = {
    # ChatHuggingFace and HuggingFaceEndpoint
    "llm": "Leave it out: ChatHFRouter is the whole model. Write model=, or base_url= for a server of your own.",
    "huggingfacehub_api_token": "Write api_key=.",
    "model_id": "Write model=.",
    "repo_id": "Write model=.",
    "endpoint_url": "Write base_url=, an address that ends with /v1.",
    "inference_server_url": "Write base_url=, an address that ends with /v1.",
    "max_new_tokens": "Write max_tokens=.",
    "do_sample": "Leave it out: temperature=0 is the same as False.",
    "return_full_text": "Leave it out: an answer never holds the question.",
    "server_kwargs": "Write its entries as arguments: bill_to=, default_headers=, timeout=.",
    "task": "Leave it out: this class chats. For plain text there is HFRouterLLM.",
    "tokenizer": "Leave it out: the host has it. Tokens are counted by custom_get_token_ids=.",
    "client": _OWN_CLIENT,
    "async_client": _OWN_CLIENT,
    # ChatOpenAI
    "openai_api_key": "Write api_key=.",
    "openai_api_base": "Write base_url=; the router needs none.",
    "openai_organization": "Write bill_to=: the organisation that pays at Hugging Face.",
    "organization": "Write bill_to=: the organisation that pays at Hugging Face.",
    "openai_proxy": "Set HTTPS_PROXY, or pass http_client=httpx2.Client(proxy=...).",
    "request_timeout": "Write timeout=.",
    "stream_chunk_timeout": "Write timeout=Timeouts(gap=...).",
    "max_completion_tokens": "Write max_tokens=.",
    "http_async_client": "Write async_http_client=.",
    "http_socket_options": _OWN_CLIENT,
    "default_query": _OWN_CLIENT,
    "root_client": _OWN_CLIENT,
    "root_async_client": _OWN_CLIENT,
    "disabled_params": "Leave it out: what is None is never sent.",
    "include_response_headers": "Leave it out: response_metadata holds the request id, the provider and the model.",
    "tiktoken_model_name": "Pass custom_get_token_ids= with the tokenizer of your model.",
    "use_responses_api": _NO_RESPONSES,
    "use_previous_response_id": _NO_RESPONSES,
    "context_management": _NO_RESPONSES,
    "include": _NO_RESPONSES,
    "truncation": _NO_RESPONSES,
    "reasoning": "Write reasoning_effort=; a provider's own form goes into extra_body={...}.",
}

_SECRETS = ("api_key", "token", "authorization", "password")


def refuse_other_names(owner: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuses what other packages call an argument of ours, and whatever sounds like a token.

    Args:
        owner: The class.
        names: What was given that it does not have.
        known: The arguments that it has.

    Raises:
        ConfigError: Says what to write instead.

    Example:
        >>> refuse_other_names("ChatHFRouter", ["hub_token"], ["model"])
        Traceback (most recent call last):
        ...
        langchain_hfrouter.errors.ConfigError: ChatHFRouter has no argument hub_token.
        Next: Write api_key= when the object is made.
    """
    for name in names:
        if name in INSTEAD:
            raise unknown_argument(owner, name, known, INSTEAD)
        if name.lower().endswith(_SECRETS):
            raise unknown_argument(owner, name, known, {name: "Write api_key= when the object is made."})
