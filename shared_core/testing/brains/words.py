"""What can be read off a sentence without understanding it: telling words, names, numbers, quotations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])|(?<=\()-?\d+(?:\.\d+)?")
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:.]+\S*)?|\d{1,2}:\d{2}|\S+@\S+|https?://\S+")
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)|「([^」]+)」")
_NAME = re.compile(r"[^\W\d_a-z][\w'’.-]*(?:(?:,? | of | the )[^\W\d_a-z][\w'’-]*)*")
_AFTER = re.compile(r"\b(?:in|for|of|about|at|from|to|named|called|on)\s+([\w'-]+(?:\s+[\w'-]+){0,3})", re.I)


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


COMMON = _words(
    """a about above after again all also am an and any are as at be because been before being below
    between both but by call can could current currently did do does doing down during each few for from
    further get give given had has have having he hello her here hers hey hi him his how i if in input
    into is it its itself just let like make me more most my need no nor not now of off ok okay on once
    only or other our out output over own parameter param please provide provided result return returned
    returning returns same set she should so some specific string such tell than thank thanks that the
    their them then there these they this those three through to tool tools too two under until up us
    use used user uses using value very want was we were what what's when where whether which while who
    whom why will with would yes you your function argument arguments int integer number take takes
    taking"""
)
"""Words that tell nothing about what a tool is for."""

_OPENERS = COMMON | _words(
    """add answer apply ask book build calculate check compare compute convert count create delete
    describe display divide draw explain extract fetch fill find generate greet list look lookup
    multiply name open paint place play query read record repeat run save schedule search send show
    solve subtract summarise summarize today tomorrow translate update write yesterday"""
)
"""Words that open a sentence with a capital without being a name."""

_MEANINGS = {"+": "add", "*": "multiply", "×": "multiply", "÷": "divide", "/": "divide"}
_SAME = {
    "plus": "add",
    "sum": "add",
    "adder": "add",
    "addition": "add",
    "total": "add",
    "times": "multiply",
    "product": "multiply",
    "minus": "subtract",
    "difference": "subtract",
    "divided": "divide",
    "forecast": "weather",
    "temperature": "weather",
    "picture": "image",
    "photo": "image",
    "diagram": "image",
    "mail": "email",
}


def stem(word: str) -> str:
    """A word without its commonest endings, so that `searches` meets `search` and `adding` meets `add`."""
    word = _SAME.get(word, word)
    for ending in ("ations", "ation", "ings", "ing", "ers", "er", "ies", "es", "ed", "or", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return _SAME.get(word, word)


def telling(text: str) -> set[str]:
    """The stems of the words that tell something; an operator between numbers counts as its word."""
    words = _WORD.findall(_CAMEL.sub(" ", text.replace("_", " ")).lower())
    found = {stem(word) for word in words if word not in COMMON and not word.isdigit() and len(word) > 1}
    for match in re.finditer(r"\d\s*([-+*/×÷])\s*-?\d", text):
        found.add(stem(_MEANINGS.get(match[1], "subtract")))
    return found


def numbers(text: str) -> list[float]:
    """The numbers, in order; those inside words, dates, times and addresses do not count."""
    plain = _STAMP.sub(" ", _without_quotes(text))
    return [float(item) for item in _NUMBER.findall(plain.replace(",000", "000"))]


def quoted(text: str) -> list[str]:
    """What stands in quotation marks, in order."""
    return [next(filter(None, groups)) for groups in _QUOTED.findall(text)]


def names(text: str) -> list[str]:
    """Runs of capitalised words, and runs of letters of scripts without capitals, in order."""
    found = []
    for match in _NAME.finditer(_without_quotes(text)):
        words = match[0].split(" ")
        while words and words[0].strip(",.'’").lower() in _OPENERS:
            words.pop(0)
        name = " ".join(words).strip(" ,.?!'’")
        if len(name) > 1 and not name.lower().startswith(("i'm", "i’m")):
            found.append(name)
    return found


def objects(text: str) -> list[str]:
    """What follows a preposition: `paris` in `the weather in paris?`."""
    found = []
    for match in _AFTER.finditer(_without_quotes(text)):
        kept: list[str] = []
        for word in match[1].split():
            if word.lower() in COMMON | {"today", "tomorrow", "now"} and kept:
                break
            if word.lower() not in COMMON:
                kept.append(word)
        if kept and not kept[0].isdigit():
            found.append(" ".join(kept))
    return found


def gist(text: str) -> str:
    """The text without the request around it: `a joke about cats` of `Tell me a joke about cats.`"""
    words = text.strip().rstrip(".?! ").split()
    while words and words[0].strip(",").lower() in _OPENERS - {"a", "an", "the"}:
        words.pop(0)
    return " ".join(words) or text.strip()


def _without_quotes(text: str) -> str:
    return _QUOTED.sub(" ; ", text)


@dataclass(slots=True)
class Reading:
    """What a text offers to fill a schema with; taking something uses it up.

    Attributes:
        text: The text itself.
        ignoring: Stems that are no values, such as those of the name of the tool that is called.
        numbers: Numbers not yet taken.
        strings: Quotations, then names, then what follows prepositions, not yet taken.
    """

    text: str
    ignoring: frozenset[str] = frozenset()
    numbers: list[float] = field(init=False)
    strings: list[str] = field(init=False)
    quotations: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = numbers(self.text)
        self.quotations = quoted(self.text)
        self.strings = [*self.quotations]
        for item in [*names(self.text), *objects(self.text)]:
            told = telling(item)
            if told and told <= self.ignoring:
                continue
            if not any(
                item.lower() in known.lower() or known.lower() in item.lower() for known in self.strings
            ):
                self.strings.append(item)

    def take_number(self) -> float | None:
        """The next number, None when there is none left."""
        return self.numbers.pop(0) if self.numbers else None

    def take_string(self) -> str | None:
        """The next string, None when there is none left."""
        taken = self.strings.pop(0) if self.strings else None
        if taken in self.quotations:
            self.quotations.remove(taken)
        return taken

    def named(self, key: str) -> str | None:
        """The value that the text itself assigns, as in `limit=5`, `unit: celsius` or `"city": "Paris"`."""
        spelt = re.escape(key.replace("_", " ")).replace(r"\ ", "[ _]")
        pattern = rf"(?<!\w)[\"'`]?{spelt}[\"'`]?\s*[=:]\s*(?:\"([^\"]*)\"|'([^']*)'|(-?[\w.@/-]*\w))"
        match = re.search(pattern, self.text, re.I)
        return next((group for group in match.groups() if group is not None), None) if match else None

    def mentions(self, word: str) -> bool:
        """Whether a word or phrase occurs, whatever its case."""
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.text, re.I) is not None
