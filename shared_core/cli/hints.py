"""What errors advise, in the words of a shell.

Lives here: which option, command or variable does what a hint says in Python. Not here: how errors are printed (`out`).
"""

from __future__ import annotations

__all__ = ["in_a_shell"]

_IN_A_SHELL = {
    "`router.models()`": "`hfrouter models`",
    "`grant()`": "`hfrouter budget grant`",
    "`base_url`": "`--base-url`",
    "`endpoints_url`": "`--endpoints-url`",
    "`max_tokens`": "`--max-tokens`",
    "Lower max_tokens": "Lower `--max-tokens`",
    "`timeout=` (a number of seconds, or `Timeouts(...)` for one part)": "`--timeout` or HFROUTER_TIMEOUT (seconds)",
    "`timeout`": "`--timeout`",
    "with `provider=`": "with `-m org/name:provider`",
    "`bill_to=`": "HFROUTER_BILL_TO",
    "Pass `wait_for_model=True`": "Set HFROUTER_WAIT_FOR_MODEL=true",
    ", or call `warm(model)` beforehand": "",
    "Pass this server's own key as `api_key=`, or set HFROUTER_API_KEY": "Set HFROUTER_API_KEY to this server's key",
    "pass api_key=": "set HFROUTER_API_KEY",
    "The part that arrived is in `.partial`; send": "Send",
}


def in_a_shell(hint: str) -> str:
    """A hint for somebody who types commands.

    Example:
        >>> in_a_shell("Check the network, the proxy and `base_url`.")
        'Check the network, the proxy and `--base-url`.'
    """
    for in_python, typed in _IN_A_SHELL.items():
        hint = hint.replace(in_python, typed)
    return hint
