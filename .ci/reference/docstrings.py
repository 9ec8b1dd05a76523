"""What our docstrings say in ways that a Markdown page does not know: an extension of griffe, which reads them.

Lives here: sessions of the interpreter, and LangChain's lists of arguments. Not here: Google's sections, which griffe
reads by itself.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

__all__ = ["OurDocstrings", "fenced", "listed"]

_ARGUMENTS = re.compile(r"Key init args \((?P<which>.+)\):")
_FLAGS = re.compile(r" +# doctest: *\+.*$")


class OurDocstrings(Extension):
    """Rewrites each docstring before it is read."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = fenced(listed(obj.docstring.value))


def fenced(text: str) -> str:
    """Sessions of the interpreter as blocks of code, without the flags of doctest."""
    lines: list[str] = []
    margin, in_fence = None, False
    for line in [*text.split("\n"), ""]:
        bare = line.lstrip()
        if bare.startswith("```"):
            in_fence = not in_fence
        if margin is not None and not bare:
            lines.append(f"{margin}```")
            margin = None
        elif margin is None and not in_fence and bare.startswith(">>> "):
            margin = line.removesuffix(bare)
            lines.append(f"{margin}```pycon")
        lines.append(_FLAGS.sub("", line) if margin is not None else line)
    return "\n".join(lines[:-1])


def listed(text: str) -> str:
    """LangChain's "Key init args" as a list: each argument with its type, and what is said of it.

    Written as a heading, arguments indented by four ("name: type", or several names), words indented by eight.
    """
    lines: list[str] = []
    inside, names = False, ""
    for line in text.split("\n"):
        if heading := _ARGUMENTS.fullmatch(line):
            inside = True
            lines += [f"**{heading[0]}**", ""]
        elif not inside or not line.strip():
            lines.append(line)
        elif not line.startswith(" "):
            inside = False
            lines.append(line)
        elif line.startswith(" " * 8):  # what is said of an argument begins in the line of its name
            begun = not lines[-1].endswith(" –")
            lines[-1:] = [lines[-1], line[4:]] if begun else [f"{lines[-1]} {line.strip()}"]
        elif line.endswith(","):  # names that go on in the next line
            names += f"{line.strip()} "
        else:
            name, _, kind = (names + line.strip()).partition(":")
            names = ""
            lines.append(f"- **`{name}`**{f' (`{kind.strip()}`)' if kind.strip() else ''} –")
    return "\n".join(lines)
