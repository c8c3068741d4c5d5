"""Path templates against the grammar in google/api/http.proto."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.transcode.httprule import (
    DeepWildcard,
    Literal,
    PathTemplate,
    TemplateError,
    Variable,
    Wildcard,
    parse_template,
)


def test_parses_literals_wildcards_variables_and_a_verb() -> None:
    parsed = parse_template("/v1/{nested.name=shelves/*/**}:archive")
    shape = (Literal("shelves", "shelves"), Wildcard(), DeepWildcard())
    assert parsed.parts == (Literal("v1", "v1"), Variable(("nested", "name"), shape))
    assert parsed.verb == "archive"
    assert parsed.segments == (Literal("v1", "v1"), *shape)


def test_a_variable_without_a_template_is_one_segment() -> None:
    assert parse_template("/{id}").variables == parse_template("/{id=*}").variables


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("/{a}", False, id="implicit star"),
        pytest.param("/{a=*}", False, id="star"),
        pytest.param("/{a=fixed}", False, id="literal"),
        pytest.param("/{a=**}", True, id="double star"),
        pytest.param("/{a=b/*}", True, id="two segments"),
    ],
)
def test_tells_single_from_multi_segment_variables(template: str, *, expected: bool) -> None:
    assert parse_template(template).variables[0].is_multi_segment is expected


def test_decodes_percent_encoded_literals_and_keeps_their_source() -> None:
    assert parse_template("/a%2Fb%3Ac/x").parts[0] == Literal("a/b:c", "a%2Fb%3Ac")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        pytest.param("", "expected '/'", id="empty"),
        pytest.param("v1/a", "expected '/'", id="no leading slash"),
        pytest.param("/", "expected a segment", id="root alone"),
        pytest.param("/v1/", "expected a segment", id="trailing slash"),
        pytest.param("/v1//a", "expected a segment", id="empty segment"),
        pytest.param("/v1/{", "expected a field name", id="open brace"),
        pytest.param("/v1/{}", "expected a field name", id="no field"),
        pytest.param("/v1/{1a}", "expected a field name", id="digit first"),
        pytest.param("/v1/{a.}", "expected a field name", id="dangling dot"),
        pytest.param("/v1/{a=}", "expected a segment", id="empty variable template"),
        pytest.param("/v1/{a=b", "expected '}'", id="not closed"),
        pytest.param("/v1/{a={b}}", "cannot hold another variable", id="nested variable"),
        pytest.param("/v1/{a}b", "expected '/', a verb or the end", id="text after a variable"),
        pytest.param("/v1/*b", "expected '/', a verb or the end", id="text after a star"),
        pytest.param("/v1/a*", "expected '/', a verb or the end", id="star after text"),
        pytest.param("/v1/***", "expected '/', a verb or the end", id="three stars"),
        pytest.param("/v1/a:", "expected a verb", id="empty verb"),
        pytest.param("/v1/a:b:c", "expected '/', a verb or the end", id="two verbs"),
        pytest.param("/v1/a:b/c", "expected '/', a verb or the end", id="verb before the end"),
        pytest.param("/v1/**/a", "'**' must be the last segment", id="double star first"),
        pytest.param("/v1/{a=**}/b", "'**' must be the last segment", id="double star variable"),
        pytest.param("/v1/{a}/{a}", "field 'a' is bound twice", id="bound twice"),
        pytest.param("/v1/a b", "expected '/', a verb or the end", id="space"),
        pytest.param("/v1/a?b", "expected '/', a verb or the end", id="query"),
        pytest.param("/v1/a#b", "expected '/', a verb or the end", id="fragment"),
        pytest.param("/v1/\u00e9", "expected a segment", id="not ASCII"),
        pytest.param("/v1/%zz", "expected a segment", id="bad percent-encoding"),
        pytest.param("/v1/%ff", "no UTF-8", id="percent-encoded bytes that are no text"),
        pytest.param("/v1/../a", "dot segment", id="dot segment"),
        pytest.param("/v1/{a=./b}", "dot segment", id="dot segment in a variable"),
        pytest.param("/v1/%2e%2E", "dot segment", id="percent-encoded dot segment"),
    ],
)
def test_refuses_what_the_grammar_does_not_allow(template: str, problem: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(template)
    assert problem in str(caught.value)
    assert repr(template) in str(caught.value)


def test_says_where_it_stopped() -> None:
    with pytest.raises(TemplateError, match=r"at offset 5, found '\*x'"):
        parse_template("/v1/a*x")


_LITERALS = st.from_regex(r"[A-Za-z0-9_~!$&'()+,;=@-]{1,6}", fullmatch=True)
_SEGMENTS = st.one_of(_LITERALS, st.just("*"))
_FIELDS = st.from_regex(r"[a-z_][a-z0-9_]{0,5}(\.[a-z_][a-z0-9_]{0,5}){0,2}", fullmatch=True)


@st.composite
def _templates(draw: st.DrawFn) -> str:
    fields = draw(st.lists(_FIELDS, unique=True, max_size=3))
    parts = [
        f"{{{name}={'/'.join(draw(st.lists(_SEGMENTS, min_size=1, max_size=3)))}}}"
        for name in fields
    ]
    parts += draw(st.lists(_SEGMENTS, min_size=1, max_size=4))
    parts = draw(st.permutations(parts))
    parts += draw(st.sampled_from([[], ["**"], ["{last_one=a/**}"]]))
    verb = draw(st.one_of(st.just(""), _LITERALS))
    return "/" + "/".join(parts) + (f":{verb}" if verb else "")


def _unparse(template: PathTemplate) -> str:
    def text(segment: object) -> str:
        if isinstance(segment, Literal):
            return segment.source
        return "*" if isinstance(segment, Wildcard) else "**"

    parts = [
        f"{{{'.'.join(part.field_path)}={'/'.join(map(text, part.segments))}}}"
        if isinstance(part, Variable)
        else text(part)
        for part in template.parts
    ]
    return "/" + "/".join(parts) + (f":{template.verb}" if template.verb else "")


@given(_templates())
def test_printing_what_was_parsed_gives_the_template_back(template: str) -> None:
    assert _unparse(parse_template(template)) == template


@given(st.text(alphabet="/{}*.:=%2eFab\u00e9 ", max_size=20))
def test_any_text_is_parsed_or_refused_with_the_one_error(text: str) -> None:
    try:
        parsed = parse_template(text)
    except TemplateError:
        return
    assert parsed.source == text
    assert parsed.segments
