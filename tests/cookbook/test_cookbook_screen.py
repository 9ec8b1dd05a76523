"""Answers wrap while they stream: within 80 columns, and the same however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from screen import WIDTH, Writer, table


def written(capsys: pytest.CaptureFixture[str], pieces: list[str]) -> str:
    writer = Writer()
    for piece in pieces:
        writer.write(piece)
    writer.end()
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        pytest.param("one two", ["    one two"], id="a short answer is one line"),
        pytest.param("a " * 60, ["    " + "a " * 37 + "a", "    " + "a " * 21 + "a"], id="a long one wraps"),
        pytest.param(
            "x" * 100 + " y", ["    " + "x" * 100, "    y"], id="a word that is too long stands alone"
        ),
        pytest.param("- a\n- b\n", ["    - a", "    - b"], id="line ends are kept"),
        pytest.param("", [], id="nothing is nothing"),
    ],
)
def test_an_answer_wraps(answer, lines, capsys):
    assert written(capsys, [answer]).splitlines() == lines


def test_an_answer_looks_the_same_however_it_is_cut(capsys):
    @given(st.text(alphabet="ab \n", max_size=300), st.integers(1, 7))
    def check(answer: str, size: int) -> None:
        whole = written(capsys, [answer])
        pieces = written(capsys, [answer[i : i + size] for i in range(0, len(answer), size)])
        assert pieces.split() == whole.split() == answer.split()
        assert all(len(line) <= WIDTH or " " not in line.strip() for line in pieces.splitlines())
        assert all(line == line.rstrip() for line in pieces.splitlines())

    check()


def test_a_table_stays_in_its_columns(capsys):
    table([("a", "b", "c"), ("long enough to be cut", "x", "never cut")], widths=(6, 3))
    assert capsys.readouterr().out == "a     b  c\nlong… x  never cut\n"
