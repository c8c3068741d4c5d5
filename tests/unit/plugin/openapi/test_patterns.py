"""RE2 to ECMA-262, and CEL expressions that are nothing but a pattern."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.plugin.openapi.patterns import ecma_pattern, literal_pattern, matched_pattern


@pytest.mark.parametrize(
    ("re2", "ecma"),
    [
        (r"^[a-z](?:x|y){2,3}$", r"^[a-z](?:x|y){2,3}$"),
        (r"\d+[\w.]\s", r"[0-9]+[0-9A-Za-z_.][\t\n\f\r ]"),
        (r"\D\W\S", r"[^0-9][^0-9A-Za-z_][^\t\n\f\r ]"),
        (r"\.\/\-\_[\-x]", r"\.\/-_[\-x]"),
        (r"[]a][^]b]", r"[\]a][^\]b]"),
        (r"\bx\B", r"\bx\B"),
    ],
)
def test_a_pattern_becomes(re2: str, ecma: str) -> None:
    assert ecma_pattern(re2) == ecma


@pytest.mark.parametrize(
    "re2",
    [
        "(?i)x",
        "(?P<n>x)",
        r"\Ax\z",
        r"\pL",
        r"\x{10FFFF}",
        r"[[:alpha:]]",
        r"[\D]",
        r"\Qx\E",
        r"\C",
        "(",
        "x\\",
    ],
)
def test_a_pattern_that_ecma_lacks_is_left(re2: str) -> None:
    assert ecma_pattern(re2) is None


@pytest.mark.parametrize(
    ("expression", "pattern"),
    [
        ("this.matches('^a$')", "^a$"),
        (' this.matches( "a\'b" ) ', "a'b"),
        (r"this.matches('\\.\'')", r"\.'"),
        (r"this.matches(r'\.')", r"\."),
        (r"this.matches('\x41')", None),
        ("this.matches('a') && this.matches('b')", None),
        ("!this.matches('a')", None),
        ("this.name.matches('a')", None),
        ("this.matches('a' + 'b')", None),
    ],
)
def test_an_expression_holds(expression: str, pattern: str | None) -> None:
    assert matched_pattern(expression) == pattern


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_a_literal_finds_itself_wherever_it_stands(before: str, text: str, after: str) -> None:
    assert re.search(literal_pattern(text), before + text + after)


@given(st.text(min_size=1, max_size=8), st.text(max_size=8))
def test_a_literal_finds_nothing_else(text: str, other: str) -> None:
    assert (re.search(literal_pattern(text), other) is not None) == (text in other)
