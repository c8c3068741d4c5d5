"""Requests from keywords."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue, UInt32Value
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.resource.things import Condition, Part, Thing
from triwire.resource.build import build_request, build_request_by_id

NOW = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOW_MESSAGE = Timestamp(seconds=1782907200, nanos=123456000)
PACKED = AnyMessage(type_url="type.googleapis.com/things.v1.Part", value=b"\x08\x01")
NANOS = Timestamp(seconds=1, nanos=1)


def build(**fields: object) -> Any:
    return build_request(Thing, "make", None, fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, Thing(), id="nothing"),
        pytest.param({"int32": None, "part": None, "texts": None}, Thing(), id="None leaves out"),
        pytest.param({"int32": -1, "uint64": 2**64 - 1}, Thing(int32=-1, uint64=2**64 - 1),
                     id="integers"),
        pytest.param({"double": 1, "bool": True}, Thing(double=1.0, bool=True), id="float, bool"),
        pytest.param({"text": "a", "data": b"\x00"}, Thing(text="a", data=b"\x00"), id="text"),
        pytest.param({"colour": "COLOUR_RED"}, Thing(colour=1), id="an enum by name"),
        pytest.param({"colour": 77}, Thing(colour=77), id="an enum number that is not known"),
        pytest.param({"colours": ("COLOUR_RED", 2)}, Thing(colours=[1, 2]), id="enums"),
        pytest.param({"texts": ["a", "b"]}, Thing(texts=["a", "b"]), id="a list"),
        pytest.param({"texts": (t for t in "ab")}, Thing(texts=["a", "b"]), id="a generator"),
        pytest.param({"numbers": range(2)}, Thing(numbers=[0, 1]), id="a range"),
        pytest.param({"part": Part(size=1)}, Thing(part=Part(size=1)), id="a message"),
        pytest.param({"part": {"size": 1, "colour": "COLOUR_RED"}},
                     Thing(part=Part(size=1, colour=1)), id="a dict"),
        pytest.param({"part": MappingProxyType({"size": 1})}, Thing(part=Part(size=1)),
                     id="a mapping"),
        pytest.param({"part": {"size": None}}, Thing(part=Part()), id="None inside a dict"),
        pytest.param({"part": {}}, Thing(part=Part()), id="an empty dict is a set message"),
        pytest.param({"parts": [{"size": 1}, Part(size=2)]},
                     Thing(parts=[Part(size=1), Part(size=2)]), id="dicts and messages"),
        pytest.param({"part": {"parts": [{"parts": [{"size": 3}]}]}},
                     Thing(part=Part(parts=[Part(parts=[Part(size=3)])])), id="deep"),
        pytest.param({"labels": {"a": "b"}}, Thing(labels={"a": "b"}), id="a map"),
        pytest.param({"parts_by_name": {"a": {"size": 1}, "b": Part(size=2)}},
                     Thing(parts_by_name={"a": Part(size=1), "b": Part(size=2)}),
                     id="a map of dicts"),
        pytest.param({"colours_by_number": {1: "COLOUR_RED"}}, Thing(colours_by_number={1: 1}),
                     id="a map of enums"),
        pytest.param({"time": NOW}, Thing(time=NOW_MESSAGE), id="a datetime"),
        pytest.param({"time": NOW.astimezone(timezone(timedelta(hours=-5)))},
                     Thing(time=NOW_MESSAGE), id="a datetime elsewhere"),
        pytest.param({"time": NANOS}, Thing(time=NANOS), id="a Timestamp keeps nanoseconds"),
        pytest.param({"times": [NOW, NANOS]}, Thing(times=[NOW_MESSAGE, NANOS]), id="times"),
        pytest.param({"part": {"built": NOW}}, Thing(part=Part(built=NOW_MESSAGE)),
                     id="a datetime inside a dict"),
        pytest.param({"times_by_name": {"a": NOW}}, Thing(times_by_name={"a": NOW_MESSAGE}),
                     id="datetimes in a map"),
        pytest.param({"duration": timedelta(seconds=-1.5)},
                     Thing(duration=Duration(seconds=-1, nanos=-500_000_000)),
                     id="a negative timedelta"),
        pytest.param({"mask": ["a", "b"]}, Thing(mask=FieldMask(paths=["a", "b"])), id="a mask"),
        pytest.param({"boxed_text": "a", "boxed_number": 0},
                     Thing(boxed_text=StringValue(value="a"), boxed_number=UInt32Value()),
                     id="wrappers"),
        pytest.param({"boxed_text": StringValue(value="a")},
                     Thing(boxed_text=StringValue(value="a")), id="a wrapper's message"),
        pytest.param({"any": PACKED}, Thing(any=PACKED), id="an Any"),
        pytest.param({"left": "a", "right": None}, Thing(left="a"), id="one of a oneof"),
        pytest.param({"maybe": 0}, Thing(maybe=0), id="a zero that is present"),
        pytest.param({"from_": "a"}, Thing(**{"from": "a"}), id="a keyword of Python"),
        pytest.param({"from": "a"}, Thing(**{"from": "a"}), id="the same without underscore"),
    ],
)  # fmt: skip
def test_builds_what_protobuf_would(fields: dict[str, object], expected: object) -> None:
    built = build(**fields)
    assert built == expected
    assert built.SerializeToString(deterministic=True) == Thing.SerializeToString(
        expected, deterministic=True
    )


def test_takes_python_values_for_json_types() -> None:
    built = build(
        struct={"a": [1, None, "b"], "c": {"d": True}}, value={"x": 1.5}, list=["a", {"b": 1}]
    )
    struct = Struct()
    struct.update({"a": [1, None, "b"], "c": {"d": True}})
    assert built.struct == struct
    assert built.value.struct_value["x"] == 1.5
    assert built.list[0] == "a"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(True, Value(bool_value=True), id="bool"),
        pytest.param("a", Value(string_value="a"), id="str"),
        pytest.param(2, Value(number_value=2), id="int"),
        pytest.param(Value(null_value=NULL_VALUE), Value(null_value=NULL_VALUE), id="null"),
    ],
)
def test_takes_scalars_for_a_json_value(value: object, expected: Value) -> None:
    assert build(value=value).value == expected


def test_a_message_is_passed_on_as_it_is() -> None:
    thing = Thing(int32=1)
    assert build_request(Thing, "make", thing, {}) is thing


def test_a_given_message_is_not_shared_with_the_request() -> None:
    part = Part(size=1)
    built = build(part=part)
    part.size = 2
    assert built.part.size == 1


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_datetime_survives(value: datetime) -> None:
    stamp = build(time=value).time
    back = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        seconds=stamp.seconds, microseconds=stamp.nanos // 1000
    )
    assert back == value
    assert 0 <= stamp.nanos < 1_000_000_000


@given(st.timedeltas(min_value=timedelta(days=-3_650_000), max_value=timedelta(days=3_650_000)))
def test_every_timedelta_survives(value: timedelta) -> None:
    duration = build(duration=value).duration
    microseconds = abs(duration.nanos) // 1000 * (-1 if duration.nanos < 0 else 1)
    assert timedelta(seconds=duration.seconds, microseconds=microseconds) == value
    assert duration.seconds * duration.nanos >= 0


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        pytest.param({"txt": 1}, TypeError,
                     "things.v1.Thing has no field for keyword 'txt': did you mean 'text'? ",
                     id="an unknown keyword"),
        pytest.param({"part": {"sise": 1}}, TypeError,
                     "part: things.v1.Part has no field for key 'sise': did you mean 'size'? "
                     "the fields are size, colour, built, parts", id="an unknown key"),
        pytest.param({"part": {3: 1}}, TypeError, "part: expected field names as keys, got 3",
                     id="a key that is no name"),
        pytest.param({"int32": "1"}, TypeError, "int32: expected an int32, got a value of type str",
                     id="a str for an int"),
        pytest.param({"int32": 1.0}, TypeError, "int32: expected an int32, got 1.0 (float)",
                     id="a float for an int"),
        pytest.param({"int32": True}, TypeError, "int32: expected an int32, got True (bool)",
                     id="a bool for an int"),
        pytest.param({"uint32": -1}, ValueError,
                     "uint32: expected a uint32 (0 to 4294967295), got -1", id="a negative"),
        pytest.param({"int64": 2**63}, ValueError, f"int64: expected an int64 ({-2**63} to "
                     f"{2**63 - 1}), got {2**63}", id="too large"),
        pytest.param({"numbers": [1, True]}, TypeError, "numbers[1]: expected an int32, got True",
                     id="a bool in a list"),
        pytest.param({"double": "x"}, TypeError, "double: expected a float", id="no float"),
        pytest.param({"bool": "yes"}, TypeError, "bool: expected a bool", id="a str for a bool"),
        pytest.param({"text": 3}, TypeError, "text: expected a str, got 3 (int)",
                     id="an int for a str"),
        pytest.param({"text": "\ud800"}, ValueError,
                     "text: expected text that UTF-8 can hold, got str",
                     id="a surrogate"),
        pytest.param({"text": b"\xff"}, ValueError, "text: expected text that UTF-8 can hold",
                     id="bytes that are no text"),
        pytest.param({"data": "x"}, TypeError, "data: expected bytes, got a value of type str",
                     id="a str for bytes"),
        pytest.param({"colour": "RED"}, ValueError,
                     "colour: expected one of COLOUR_UNSPECIFIED, COLOUR_RED, COLOUR_BLUE or an "
                     "int, got 'RED'", id="an unknown enum name"),
        pytest.param({"colour": "colour_red"}, ValueError, "did you mean 'COLOUR_RED'?",
                     id="an enum name in lower case"),
        pytest.param({"colour": "\ud800"}, ValueError,
                     "colour: expected one of COLOUR_UNSPECIFIED, COLOUR_RED, COLOUR_BLUE or an "
                     r"int, got '\ud800'", id="a surrogate for an enum name"),
        pytest.param({"colours": ["\ud800"]}, ValueError, "colours[0]: expected one of",
                     id="a surrogate in a list of enums"),
        pytest.param({"part": {"\ud800": 1}}, TypeError, "part: things.v1.Part has no field",
                     id="a surrogate for a field name inside a dict"),
        pytest.param({"colour": 1.0}, TypeError,
                     "colour: expected a name of things.v1.Colour or an int, got 1.0",
                     id="a float for an enum"),
        pytest.param({"colour": 2**31}, ValueError, "colour: expected an enum number (int32)",
                     id="an enum number out of range"),
        pytest.param({"part": {"colour": "X"}}, ValueError, "part.colour: expected one of",
                     id="an enum name inside a dict"),
        pytest.param({"parts": [{"size": 1}, {"size": "x"}]}, TypeError, "parts[1].size: ",
                     id="inside a list"),
        pytest.param({"parts_by_name": {"a": {"size": "x"}}}, TypeError,
                     "parts_by_name['a'].size: ", id="inside a map"),
        pytest.param({"labels": {1: "x"}}, TypeError, "labels[1] (the key): expected a str",
                     id="a map's key"),
        pytest.param({"labels": {"a": 1}}, TypeError, "labels['a']: expected a str, got 1",
                     id="a map's value"),
        pytest.param({"colours_by_number": {1: "RED"}}, ValueError,
                     "colours_by_number[1]: expected one of", id="an enum name in a map"),
        pytest.param({"labels": [("a", "b")]}, TypeError, "labels: expected a mapping",
                     id="pairs for a map"),
        pytest.param({"texts": "abc"}, TypeError, "texts: expected a sequence, got a value of type",
                     id="a str for a list"),
        pytest.param({"texts": {"a": 1}}, TypeError, "texts: expected a sequence",
                     id="a mapping for a list"),
        pytest.param({"parts": Part()}, TypeError,
                     "parts: expected a sequence, got a things.v1.Part message",
                     id="a message for a list"),
        pytest.param({"part": 3}, TypeError,
                     "part: expected a things.v1.Part message or a mapping of its fields, got 3",
                     id="an int for a message"),
        pytest.param({"part": Condition()}, TypeError, "got a things.v1.Condition message",
                     id="another message"),
        pytest.param({"time": datetime(2026, 1, 1)}, ValueError,  # noqa: DTZ001 - naive on purpose
                     "time: expected a Timestamp or an aware datetime, got the naive datetime",
                     id="a naive datetime"),
        pytest.param({"part": {"built": datetime(2026, 1, 1)}}, ValueError,  # noqa: DTZ001 - same
                     "part.built: ", id="a naive datetime inside a dict"),
        pytest.param({"time": "2026-01-01T00:00:00Z"}, TypeError,
                     "time: expected a Timestamp or an aware datetime, got a value of type str",
                     id="a str for a time"),
        pytest.param({"time": Duration()}, TypeError, "got a google.protobuf.Duration message",
                     id="a Duration for a time"),
        pytest.param({"duration": 3}, TypeError, "duration: expected a Duration or a timedelta",
                     id="an int for a duration"),
        pytest.param({"mask": "a"}, TypeError, "mask: expected a FieldMask or a sequence of paths",
                     id="a str for a mask"),
        pytest.param({"boxed_text": 3}, TypeError, "boxed_text: expected a StringValue or a str",
                     id="an int for a boxed str"),
        pytest.param({"boxed_number": True}, TypeError, "expected a UInt32Value or an int",
                     id="a bool for a boxed int"),
        pytest.param({"boxed_number": -1}, ValueError, "expected a UInt32Value or an int",
                     id="a boxed int out of range"),
        pytest.param({"boxed_bool": 1}, TypeError, "expected a BoolValue or a bool",
                     id="an int for a boxed bool"),
        pytest.param({"struct": [1]}, TypeError, "struct: expected a Struct or a mapping",
                     id="a list for a Struct"),
        pytest.param({"list": "abc"}, TypeError, "list: expected a ListValue or a sequence",
                     id="a str for a ListValue"),
        pytest.param({"left": "a", "right": {}}, ValueError,
                     "only one of oneof 'side' can be set, got 'left' and 'right'",
                     id="two of a oneof"),
        pytest.param({"parts": [{"size": 1}, {"siz": 2}]}, TypeError,
                     "make(): parts[1]: things.v1.Part has no field for key 'siz'",
                     id="an unknown key inside a list"),
    ],
)  # fmt: skip
def test_says_what_is_wrong_and_where(
    fields: dict[str, object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        build(**fields)
    assert type(caught.value) is error
    assert str(caught.value).startswith("make(): ")
    assert text in str(caught.value)


def test_values_of_text_fields_are_not_shown() -> None:
    with pytest.raises(TypeError) as caught:
        build(data="a secret", text={"key": "a secret"}, part="a secret")
    assert "secret" not in str(caught.value)


def test_says_something_even_where_the_walk_finds_nothing() -> None:
    with pytest.raises((TypeError, ValueError), match=r"^make\(\): cannot make a things.v1.Thing"):
        build(parts=(value for value in [3]))


def test_required_keywords_have_to_be_there() -> None:
    with pytest.raises(TypeError, match=r"^make\(\): missing text, part$"):
        build_request(Thing, "make", None, {"part": None}, ("text", "part"))


def test_a_misspelt_required_keyword_is_named() -> None:
    with pytest.raises(TypeError, match=r"missing text, and no such field: txt; the fields are "):
        build_request(Thing, "make", None, {"txt": "a"}, ("text",))


def test_a_message_and_keywords_exclude_each_other() -> None:
    with pytest.raises(TypeError, match=r"both a things.v1.Thing message and the keywords \['te"):
        build_request(Thing, "make", Thing(), {"text": "a"})


def test_another_message_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected a things\.v1\.Thing message .* got Part"):
        build_request(Thing, "make", Part(), {})


@pytest.mark.parametrize(
    ("request_", "fields", "expected"),
    [
        pytest.param("a", {}, Thing(text="a"), id="an id"),
        pytest.param("a", {"int32": 1}, Thing(text="a", int32=1), id="an id and more"),
        pytest.param(Thing(text="a"), {}, Thing(text="a"), id="a message"),
        pytest.param(None, {"text": "a"}, Thing(text="a"), id="a keyword"),
    ],
)
def test_an_id_can_stand_for_the_request(
    request_: object, fields: dict[str, object], expected: object
) -> None:
    found = build_request_by_id(Thing, "get", request_, fields, ("text",), id_field="text")
    assert found == expected


@pytest.mark.parametrize("value", [pytest.param(True, id="bool"), pytest.param(1.5, id="float")])
def test_only_text_and_numbers_are_ids(value: object) -> None:
    with pytest.raises(TypeError, match=r"expected a things\.v1\.Thing message"):
        build_request_by_id(Thing, "get", value, {}, ("text",), id_field="text")


@given(
    st.dictionaries(
        st.sampled_from([*Thing.DESCRIPTOR.fields_by_name, "unknown", "from_"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=3)
            | st.binary(max_size=3)
            | st.datetimes()
            | st.timedeltas()
            | st.sampled_from([Part(size=1), Condition(), Timestamp(), Value()]),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["size", "built", "parts", "x"]) | st.integers(),
                    inner,
                    max_size=2,
                )
            ),
            max_leaves=4,
        ),
        max_size=3,
    )
)
def test_whatever_comes_is_a_request_or_an_error_with_the_method(fields: dict[str, object]) -> None:
    try:
        built = build(**fields)
    except (TypeError, ValueError) as error:
        assert str(error).startswith("make(): ")  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(built, Thing)
