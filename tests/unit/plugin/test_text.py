from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.plugin.text import WIDTH, bracketed, clean, docstring, tuple_of, wrapped


def test_keeps_on_one_line_what_fits() -> None:
    assert bracketed("f(", ["a", "b"], ")") == ["f(a, b)"]
    assert bracketed("f(", [], ") -> None:") == ["f() -> None:"]


def test_breaks_at_every_item_what_does_not_fit() -> None:
    long = "a" * 80
    assert bracketed("f(", [long, "b"], ")", levels=2) == ["f(", f"    {long},", "    b,", ")"]


@pytest.mark.parametrize(
    ("length", "lines"),
    [pytest.param(WIDTH, 1, id="fits"), pytest.param(WIDTH + 1, 3, id="one column too long")],
)
def test_the_limit_is_the_width(length: int, lines: int) -> None:
    head = "a" * (length - len("    (b)")) + "("
    assert len(bracketed(head, ["b"], ")", levels=1)) == lines


def test_lays_out_an_item_of_several_lines() -> None:
    item = tuple_of(["a" * 50, "b" * 50], levels=1)
    assert bracketed("f(", [item], ")") == [
        "f(",
        "    (",
        f"        {'a' * 50},",
        f"        {'b' * 50},",
        "    ),",
        ")",
    ]


def test_a_tuple_of_one_has_a_comma() -> None:
    assert tuple_of(["a"], levels=0) == "(a,)"
    assert tuple_of(["f(\n    a,\n)"], levels=0) == "(\n    f(\n        a,\n    ),\n)"
    long = "a" * WIDTH
    assert tuple_of([long], levels=0) == f"(\n    {long},\n)"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(" one\n two\n", "one\ntwo", id="the space after //"),
        pytest.param("\u201cquoted\u201d \u2014 it\u2019s", '"quoted" - it\'s', id="typography"),
        pytest.param("na\u00efve caf\u00e9", "naive cafe", id="accents"),
        pytest.param("\u65e5", "\\u65e5", id="other scripts"),
        pytest.param("a\x00\tb", "a  b", id="control characters"),
    ],
)
def test_comments_become_plain_ascii(source: str, expected: str) -> None:
    assert clean(source) == expected


def test_fills_paragraphs_and_keeps_their_limits() -> None:
    assert wrapped("one\ntwo\n\nthree", 40) == ["one two", "", "three"]


def test_list_items_hang_and_indented_blocks_stay() -> None:
    source = "Text:\n- first item\n  goes on\n- second\n\n    code   stays\n    here"
    assert wrapped(source, 20) == [
        "Text:",
        "- first item goes on",
        "- second",
        "",
        "    code   stays",
        "    here",
    ]
    assert wrapped("- " + "word " * 8, 22)[1].startswith("  word")


@given(st.text(max_size=300))
def test_any_comment_becomes_a_docstring_that_reads_back(source: str) -> None:
    cleaned = "\n".join(wrapped(clean(source), 70)) or "x"
    literal = "\n".join(docstring(cleaned, levels=1))
    assert literal.isascii()
    value = ast.literal_eval(literal)
    assert isinstance(value, str)
    assert value.split() == cleaned.split()


def test_a_docstring_stays_on_one_line_if_it_fits() -> None:
    assert docstring("Short.", levels=1) == ['"""Short."""']
    assert docstring('Ends with "', levels=0) == ['"""Ends with \\""""']
    lines = docstring("word " * 20 + "end", levels=1)
    assert len(lines) == 3
    assert max(map(len, lines)) <= WIDTH - 4
