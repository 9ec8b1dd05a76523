"""What others wrote, shown as text and as nothing else: on terminals and in HTML.

Models, providers, users and the Hub name things as they like. Every room that shows a name to a person takes it
through here.
"""

from __future__ import annotations

import html
import re

__all__ = ["cell", "clean", "escaped", "one_line"]

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")

_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """Text without what is no character, what terminals obey, and what turns the direction of all that follows.

    Example:
        >>> clean("one\\r\\ntwo\\x1b[2J\\u202e")
        'one\\ntwo�[2J�'
    """
    return _CONTROLS.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def cell(value: object) -> object:
    """A value of CSV: programs that open CSV take some texts for formulas, and this for a text.

    Example:
        >>> cell("=1+1"), cell(-1)
        ("'=1+1", -1)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value


def escaped(value: object) -> str:
    """The same, without anything that HTML or an SVG would take for its own.

    Example:
        >>> escaped('</script><b title="x">')
        '&lt;/script&gt;&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(clean(str(value)))


def one_line(value: object) -> str:
    """A name or a short text within a line of HTML; its direction of writing stays its own.

    Example:
        >>> one_line("a\\n<b>")
        '<bdi>a &lt;b&gt;</bdi>'
    """
    return f"<bdi>{escaped(' '.join(str(value).split()))}</bdi>"
