"""The parts of read-modify-write that need no I/O."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from tests.unit.resource.things import Part, Thing
from triwire.resource.edit import changed_request, mask_changes, update_request

# Thing stands for the request and for the resource alike.
FULL: Any = Thing(
    text="t",
    numbers=[1, 2],
    labels={"a": "b"},
    part=Part(size=1),
    parts_by_name={"x": Part(size=2)},
    maybe=0,
    left="l",
)


def test_copies_what_is_set_by_path() -> None:
    names = ("text", "numbers", "labels", "part", "parts_by_name", "maybe", "left", "right")
    request = update_request(Thing, FULL, [(name, name) for name in names])
    assert request == FULL


def test_presence_is_copied_and_not_only_the_value() -> None:
    request = update_request(Thing, Thing(text="t"), [("maybe", "maybe"), ("part", "part")])
    assert not request.HasField("maybe")
    assert not request.HasField("part")
    assert update_request(Thing, FULL, [("maybe", "maybe")]).HasField("maybe")


def test_an_empty_message_that_is_set_stays_set() -> None:
    request = update_request(Thing, Thing(right={}), [("left", "left"), ("right", "right")])
    assert request.WhichOneof("side") == "right"


def test_reads_below_the_resource_and_under_other_names() -> None:
    request = update_request(Thing, FULL, [("int32", "part.size"), ("from", "text")])
    assert request == Thing(int32=1, **{"from": "t"})


def test_copies_the_whole_resource() -> None:
    assert update_request(Thing, Part(size=3), [("part", "")]) == Thing(part=Part(size=3))


def test_the_resource_is_not_changed_by_changing_the_request() -> None:
    resource = Thing(part=Part(size=1))
    request = update_request(Thing, resource, [("part", "part")])
    request.part.size = 2
    assert resource.part.size == 1


def test_a_function_changes_the_request_in_place() -> None:
    request = Thing()
    assert changed_request("edit", request, lambda r: setattr(r, "text", "x")) is request
    assert request.text == "x"


def test_a_function_returns_another_request() -> None:
    assert changed_request("edit", Thing(), lambda _: Thing(text="y")) == Thing(text="y")


def test_a_function_that_returns_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match=r"return a things.v1.Thing message, got Part"):
        changed_request("edit", Thing(), lambda _: Part())


def test_a_coroutine_function_is_refused_without_a_warning() -> None:
    async def change(request: Any) -> None:
        request.text = "x"

    function: Any = change
    with pytest.raises(TypeError, match=r"^edit\(\): .* got coroutine$"):
        changed_request("edit", Thing(), function)


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({"text": "a"}, {"text": "b"}, ["text"], id="a value"),
        pytest.param({"text": "a"}, {}, ["text"], id="cleared"),
        pytest.param({"maybe": 0}, {}, ["maybe"], id="presence only"),
        pytest.param({"right": {}}, {}, ["right"], id="an empty message"),
        pytest.param({"numbers": [1]}, {"numbers": [1, 2]}, ["numbers"], id="a list"),
        pytest.param({"labels": {"a": "b"}}, {}, ["labels"], id="a map"),
        pytest.param({"part": {"size": 1}}, {"part": {"size": 2}}, ["part"], id="inside"),
        pytest.param({"text": "a"}, {"int32": 1}, ["int32", "text"], id="two, in field order"),
    ],
)
def test_the_mask_names_what_differs(
    before: dict[str, Any], after: dict[str, Any], paths: list[str]
) -> None:
    # A request with a resource in it and a mask: things.v1 needs no message of its own for that.
    class Request:
        mask = FieldMask()
        thing = Thing(**after)

    request: Any = Request
    mask_changes(request, mask="mask", field="thing", before=Thing(**before))
    assert list(request.mask.paths) == paths


def test_a_mask_that_the_caller_made_stays() -> None:
    request = Thing(mask=FieldMask(paths=["own"]), part=Part(size=2))
    mask_changes(request, mask="mask", field="part", before=Part(size=1))
    assert list(request.mask.paths) == ["own"]
