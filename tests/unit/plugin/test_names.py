from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.plugin.names import Names, escape, method_names, plural, snake_case, words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("GetBook", "get_book", id="CamelCase"),
        pytest.param("GetAPIKey", "get_api_key", id="a run of capitals"),
        pytest.param("HTTPServer", "http_server", id="capitals first"),
        pytest.param("GetV1Book", "get_v1_book", id="a digit"),
        pytest.param("already_snake", "already_snake", id="snake_case"),
        pytest.param("_Odd__Name", "odd_name", id="underscores"),
    ],
)
def test_makes_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


@given(st.lists(st.from_regex(r"[A-Z][a-z]{1,5}", fullmatch=True), min_size=1, max_size=5))
def test_words_of_a_camel_case_name_are_its_words(parts: list[str]) -> None:
    assert words("".join(parts)) == parts


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        pytest.param("Book", "Books", id="s"),
        pytest.param("Box", "Boxes", id="es after x"),
        pytest.param("Batch", "Batches", id="es after ch"),
        pytest.param("Policy", "Policies", id="ies"),
        pytest.param("Key", "Keys", id="s after a vowel and y"),
    ],
)
def test_makes_plurals(noun: str, expected: str) -> None:
    assert plural(noun) == expected


def test_keywords_get_an_underscore() -> None:
    assert [escape(name) for name in ("from", "name")] == ["from_", "name"]
    assert not any(keyword.iskeyword(escape(name)) for name in keyword.kwlist)


def test_the_first_wish_that_is_free_is_granted() -> None:
    names = Names(("taken",))
    assert names.take("taken", "other") == "other"
    assert names.take("taken", "other") == "other_"
    assert names.take("other") == "other__"


def test_method_names_are_different_and_hide_nothing_that_the_class_uses() -> None:
    assert method_names(["GetBook", "get_book", "Import", "Property", "Overload"]) == [
        "get_book",
        "get_book_",
        "import_",
        "property_",
        "overload_",
    ]
