# Generated from tests/unit/plugin/test_generated_aio.py by scripts/unasync.py. DO NOT EDIT.
"""The generated code at work, over the memory wire."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.unit.plugin.books import Fleet, Library
from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.testing import ManualClock, MemoryTransport

if TYPE_CHECKING:
    from tests.unit.plugin.running import Generated


@pytest.fixture
def library(generated: dict[str, Generated]) -> Library:
    assert generated
    return Library(sys.modules["bookish.library.v1.library_pb2"])


@pytest.fixture
def fleet(generated: dict[str, Generated]) -> Fleet:
    assert generated
    return Fleet(sys.modules["bookish.fleet.v1.fleet_pb2"])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def books(library: Library, generated: dict[str, Generated]) -> Generated:
    module = generated["library_triwire"]
    transport = MemoryTransport([module.library_service(library)])
    return module.Books(Caller(transport))


@pytest.fixture
def robots(fleet: Fleet, generated: dict[str, Generated], clock: ManualClock) -> Generated:
    module = generated["fleet_triwire"]
    transport = MemoryTransport([module.fleet_service(fleet)])
    return module.Robots(Caller(transport, clock=clock))


def test_creates_from_keywords(books: Generated, library: Library) -> None:
    book = books.create(
        parent="shelves/a",
        book={
            "name": "b",
            "title": "T",
            "price": {"units": 3, "currency": "CURRENCY_EURO"},
            "binding": {"parts": [{"name": "spine"}]},
            "update_time": datetime(2026, 1, 1, tzinfo=UTC),
        },
    )
    (request,) = library.requests
    expected = library.messages.CreateBookRequest(
        parent="shelves/a",
        book=library.messages.Book(
            name="b",
            title="T",
            price={"units": 3, "currency": 1},
            binding={"parts": [{"name": "spine"}]},
            update_time={"seconds": 1767225600},
        ),
    )
    assert request == expected
    assert book == expected.book


def test_creates_from_a_message(books: Generated, library: Library) -> None:
    request = library.messages.CreateBookRequest(book={"name": "b"})
    assert (books.create(request)).name == "b"
    assert library.requests == [request]


def test_gets_by_id_by_keyword_and_by_message(books: Generated, library: Library) -> None:
    library.books["b"] = library.messages.Book(name="b")
    found = [
        books.get("b"),
        books.get(name="b"),
        books.get("b", view="FULL"),
        books.get(library.messages.GetBookRequest(name="b")),
    ]
    assert [book.name for book in found] == ["b"] * 4
    assert [request.view for request in library.requests] == ["", "", "FULL", ""]


@pytest.mark.parametrize(
    ("arguments", "keywords", "text"),
    [
        pytest.param((), {}, r"^get\(\): missing name$", id="nothing"),
        pytest.param((3.5,), {}, "GetBookRequest message or its fields", id="a float"),
        pytest.param(("b",), {"name": "b"}, "both as an argument", id="twice"),
        pytest.param(("b",), {"viw": ""}, "did you mean 'view'", id="unknown"),
        pytest.param((3,), {}, r"name: expected a str, got 3", id="an int"),
    ],
)
def test_refuses_wrong_arguments_before_any_call(
    books: Generated,
    library: Library,
    arguments: tuple[object, ...],
    keywords: dict[str, object],
    text: str,
) -> None:
    with pytest.raises(TypeError, match=text):
        books.get(*arguments, **keywords)
    assert library.requests == []


def test_lists_every_page(books: Generated, library: Library) -> None:
    for name in "abcde":
        library.books[name] = library.messages.Book(name=name)
    assert [book.name for book in books.list(parent="shelves/a")] == list("abcde")
    assert [request.page_token for request in library.requests] == ["", "2", "4"]
    assert {request.parent for request in library.requests} == {"shelves/a"}


def test_a_list_starts_at_the_page_that_is_asked_for(books: Generated, library: Library) -> None:
    for name in "abcde":
        library.books[name] = library.messages.Book(name=name)
    start = "4"
    request = library.messages.ListBooksRequest(parent="s", page_token=start)
    assert [book.name for book in books.list(request)] == ["e"]
    assert request.page_token == start


def test_deletes_and_returns_nothing(books: Generated, library: Library) -> None:
    library.books["b"] = library.messages.Book(name="b")
    assert books.delete("b") is None
    assert library.books == {}


def test_plain_methods_return_what_they_are_about(books: Generated, library: Library) -> None:
    library.books["b"] = library.messages.Book(name="b")
    assert (books.archive(name="b")).name == "b"
    assert [book.name for book in books.batch_get(names=["b", "b"])] == ["b", "b"]
    assert (books.statistics(name="abc")).lent == 3


def test_edit_names_what_was_changed_in_the_mask(books: Generated, library: Library) -> None:
    library.books["b"] = library.messages.Book(name="b", title="T", authors=["x"], subtitle="")

    def change(request: Generated) -> None:
        request.book.title = "U"
        request.book.authors.append("y")
        request.book.ClearField("subtitle")

    book = books.edit("b", change)
    assert list(library.requests[-1].update_mask.paths) == ["title", "authors", "subtitle"]
    assert (book.title, list(book.authors), book.HasField("subtitle")) == ("U", ["x", "y"], False)


def test_edit_sends_the_mask_and_the_request_that_the_caller_made(
    books: Generated, library: Library
) -> None:
    library.books["b"] = library.messages.Book(name="b", title="T")

    def change(_: Generated) -> Generated:
        return library.messages.UpdateBookRequest(
            book={"name": "b", "title": "V"}, update_mask={"paths": ["title"]}
        )

    assert (books.edit("b", change)).title == "V"
    assert list(library.requests[-1].update_mask.paths) == ["title"]


def test_edit_maps_a_spec_to_the_request_by_name(robots: Generated, fleet: Fleet) -> None:
    spec = {
        "robot_id": "r",
        "label": "old",
        "tags": {"a": "b"},
        "arms": {"left": fleet.messages.Arm(length=3)},
        "shift": {"seconds": 60},
        "wheels": [{"size": 1}, {"size": 2}],
        "weight": 0,
        "battery": {"capacity": 5},
        "owner": "o",
    }
    fleet.robots = [fleet.messages.Robot(spec=fleet.messages.RobotSpec(**spec))]

    def change(request: Generated) -> None:
        request.label = "new"

    robot = robots.edit("r", change)
    assert robot.spec.label == "new"
    del spec["owner"]
    spec["label"] = "new"
    assert fleet.requests[-1] == fleet.messages.UpdateRobotRequest(**spec)


def test_edit_refuses_a_function_that_returns_something_else(
    robots: Generated, fleet: Fleet
) -> None:
    fleet.robots = [fleet.messages.Robot()]
    with pytest.raises(TypeError, match=r"edit\(\): expected the function .* got int"):
        robots.edit("r", id)
    assert len(fleet.requests) == 1


def test_resources_come_out_of_their_envelopes(robots: Generated, fleet: Fleet) -> None:
    fleet.robots = [fleet.messages.Robot(spec={"label": "x"})]
    assert [robot.spec.label for robot in robots.list()] == ["x"]
    assert (robots.get("r")).spec.label == "x"
    created = robots.create(label="y", shift=timedelta(minutes=1), arms={"left": {"length": 1}})
    assert created.spec.label == "y"
    assert (robots.delete("r")).spec.robot_id == "r"
    assert list((robots.parameters()).colours) == ["red"]


def test_the_rpc_client_shows_the_metadata(books: Generated, library: Library) -> None:
    library.books["b"] = library.messages.Book(name="b")
    response = books.rpc.get_book(library.messages.GetBookRequest(name="b"))
    assert response.message.name == "b"
    assert response.headers["seen"] == "1"


def test_waits_until_a_resource_is_ready_and_until_it_is_gone(
    robots: Generated, fleet: Fleet, clock: ManualClock
) -> None:
    states = [
        fleet.messages.Robot(spec={"robot_id": "r"}, status={"status": name})
        for name in ("HEALTH_CREATING", "HEALTH_READY", "HEALTH_READY")
    ]
    fleet.robots = list(states)
    robot = robots.wait_until_ready(states[0], timeout_seconds=60, poll_seconds=3)
    assert robot == states[1]
    robots.wait_until_deleted("r", timeout_seconds=60)
    assert clock.slept == pytest.approx([3, 2], rel=0.11)


def test_a_failed_resource_ends_the_wait(robots: Generated, fleet: Fleet) -> None:
    condition = {"type": "Ready", "reason": "NoOil", "message": "fill up"}
    status = {"status": "HEALTH_FAILED", "conditions": [condition]}
    fleet.robots = [fleet.messages.Robot(status=status)]
    with pytest.raises(RpcError, match="robot r is HEALTH_FAILED: Ready NoOil fill up") as caught:
        robots.wait_until_ready("r", timeout_seconds=60)
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.details == (fleet.messages.Condition(**condition),)


def test_keywords_of_python_are_given_with_an_underscore(
    generated: dict[str, Generated],
) -> None:
    module = generated["awkward_triwire"]
    messages = sys.modules["bookish.awkward.v1.awkward_pb2"]
    seen: list[Generated] = []

    class Things:
        def __getattr__(self, name: str) -> Generated:
            def answer(request: Generated, _: object) -> Generated:
                seen.append(request)
                return messages.Thing(id=7)

            return answer

    transport = MemoryTransport([module.http_gateway_service(Things())])
    things = module.Things(Caller(transport))
    thing = things.import_(from_="a", self_="b", request="c", class_=3, words={"in": "d"})
    assert thing.id == 7
    assert (things.get(5)).id == 7
    expected = messages.ImportRequest(self="b", request="c", words={"in": "d"})
    setattr(expected, "from", "a")
    setattr(expected, "class", 3)
    assert seen == [expected, messages.GetThingRequest(id=5)]
