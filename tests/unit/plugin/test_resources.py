from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from triwire.plugin.lifecycle import Editing, Showing, find_editing, find_showing
from triwire.plugin.read import read_api
from triwire.plugin.resources import ResultKind, find_resources

if TYPE_CHECKING:
    from tests.unit.plugin.compiling import Compiled
    from triwire.plugin.model import Api
    from triwire.plugin.resources import Resource

LIBRARY = "bookish/library/v1/library.proto"
FLEET = "bookish/fleet/v1/fleet.proto"
MISC = "bookish/misc/v1/misc.proto"
AWKWARD = "bookish/awkward/v1/awkward.proto"


def resources_of(compiled: Compiled, target: str) -> tuple[Api, dict[str, Resource]]:
    api = compiled.api(target)
    service = api.files[target].services[0]
    return api, {resource.noun: resource for resource in find_resources(api, service)}


def calls_of(resource: Resource) -> dict[str, tuple[str, ResultKind, str]]:
    return {
        call.name: (call.method.name, call.result.kind, call.result.field)
        for call in resource.calls
    }


def test_finds_resources_that_are_returned_as_themselves(compiled: Compiled) -> None:
    _, found = resources_of(compiled, LIBRARY)
    assert {noun: resource.plural for noun, resource in found.items()} == {
        "Book": "Books",
        "Shelf": "Shelves",
    }
    assert calls_of(found["Book"]) == {
        "list": ("ListBooks", ResultKind.ITEMS, "books"),
        "get": ("GetBook", ResultKind.RESPONSE, ""),
        "create": ("CreateBook", ResultKind.RESPONSE, ""),
        "update": ("UpdateBook", ResultKind.RESPONSE, ""),
        "delete": ("DeleteBook", ResultKind.NOTHING, ""),
        "archive": ("ArchiveBook", ResultKind.FIELD, "book"),
        "batch_get": ("BatchGetBooks", ResultKind.ITEMS, "books"),
        "statistics": ("GetBookStatistics", ResultKind.RESPONSE, ""),
    }


def test_finds_resources_in_envelopes(compiled: Compiled) -> None:
    _, found = resources_of(compiled, FLEET)
    assert calls_of(found["Robot"]) == {
        "list": ("ListRobots", ResultKind.ITEMS, "items"),
        "get": ("GetRobot", ResultKind.FIELD, "robot"),
        "create": ("CreateRobot", ResultKind.FIELD, "robot"),
        "update": ("UpdateRobot", ResultKind.FIELD, "robot"),
        "delete": ("DeleteRobot", ResultKind.FIELD, "robot"),
        "parameters": ("GetRobotParameters", ResultKind.RESPONSE, ""),
    }


def test_a_list_is_enough_for_a_resource(compiled: Compiled) -> None:
    _, found = resources_of(compiled, LIBRARY)
    assert calls_of(found["Shelf"]) == {
        "list": ("ListShelves", ResultKind.ITEMS, "shelves"),
        "sort": ("SortShelf", ResultKind.RESPONSE, ""),
    }


def test_methods_without_a_noun_stay_with_the_rpc_client(compiled: Compiled) -> None:
    _, found = resources_of(compiled, LIBRARY)
    assert not any(call.method.name == "Ping" for r in found.values() for call in r.calls)


def test_names_that_the_class_needs_itself_are_not_given_away(compiled: Compiled) -> None:
    _, found = resources_of(compiled, AWKWARD)
    assert list(calls_of(found["Thing"])) == ["get", "property", "overload", "touch", "import"]


def test_pages_are_recognized_by_their_tokens(compiled: Compiled) -> None:
    _, library = resources_of(compiled, LIBRARY)
    _, fleet = resources_of(compiled, FLEET)
    paged = [resource.call("list") for resource in (*library.values(), *fleet.values())]
    assert [call.is_paged for call in paged if call is not None] == [True, False, False]


@pytest.mark.parametrize(
    ("target", "noun", "call", "expected"),
    [
        pytest.param(LIBRARY, "Book", "get", "name", id="the only required field"),
        pytest.param(LIBRARY, "Book", "delete", "name", id="the only field"),
        pytest.param(FLEET, "Robot", "get", "robot_id", id="under another name"),
        pytest.param(AWKWARD, "Thing", "get", "id", id="an int"),
        pytest.param(FLEET, "Robot", "create", "", id="not for create"),
        pytest.param(LIBRARY, "Book", "archive", "", id="not for others"),
    ],
)
def test_finds_the_field_that_names_the_resource(
    compiled: Compiled, target: str, noun: str, call: str, expected: str
) -> None:
    _, found = resources_of(compiled, target)
    resource = found[noun].call(call)
    assert resource is not None
    assert resource.id_field == expected


def test_finds_where_a_resource_shows_its_state(compiled: Compiled) -> None:
    api, found = resources_of(compiled, FLEET)
    assert find_showing(api, found["Robot"]) == Showing(
        get_id="robot_id",
        resource_id="spec.robot_id",
        state="status.status",
        ready=("HEALTH_READY",),
        failed=("HEALTH_FAILED",),
        in_error=("HEALTH_ERROR",),
        deleting=("HEALTH_DELETING",),
        disabled="spec.disabled",
        created_at="status.created_at",
        updated_at="status.updated_at",
        conditions="status.conditions",
        condition_updated_at="last_update_time",
        updated_after="updated_after",
        lists=True,
    )


def test_a_state_enum_need_not_repeat_its_name_in_the_values(compiled: Compiled) -> None:
    api, found = resources_of(compiled, LIBRARY)
    assert find_showing(api, found["Book"]) == Showing(
        get_id="name",
        resource_id="name",
        state="state",
        ready=("ACTIVE",),
        failed=(),
        in_error=(),
        deleting=(),
        disabled="",
        created_at="",
        updated_at="update_time",
        conditions="",
        condition_updated_at="",
        updated_after="",
        # Its List needs to be told the parent.
        lists=False,
    )


def test_what_has_no_get_by_a_text_id_cannot_be_awaited(compiled: Compiled) -> None:
    api, library = resources_of(compiled, LIBRARY)
    assert find_showing(api, library["Shelf"]) is None
    api, awkward = resources_of(compiled, AWKWARD)
    assert find_showing(api, awkward["Thing"]) is None


def test_an_update_that_takes_the_resource_is_edited_as_a_whole(compiled: Compiled) -> None:
    api, found = resources_of(compiled, LIBRARY)
    assert find_editing(api, found["Book"]) == Editing((("book", ""),), "update_mask", "book")


def test_an_update_with_the_fields_of_the_spec_is_mapped_by_name(compiled: Compiled) -> None:
    api, found = resources_of(compiled, FLEET)
    editing = find_editing(api, found["Robot"])
    assert editing is not None
    names = ("robot_id", "label", "tags", "arms", "shift", "wheels", "weight", "diesel", "battery")
    assert editing.fields == tuple((name, f"spec.{name}") for name in names)
    assert (editing.mask, editing.whole) == ("", "")


def test_a_required_field_without_a_source_rules_editing_out(compiled: Compiled) -> None:
    request = compiled.request(FLEET)
    (file,) = (file for file in request.proto_file if file.name == FLEET)
    (update,) = (m for m in file.message_type if m.name == "UpdateRobotRequest")
    (label,) = (field for field in update.field if field.name == "label")
    label.name = "title"
    api = read_api(request.proto_file, [FLEET])
    (robot,) = find_resources(api, api.files[FLEET].services[0])
    assert find_editing(api, robot) is None


def test_variants_of_the_standard_methods(compiled: Compiled) -> None:
    _, found = resources_of(compiled, MISC)
    assert {noun: resource.plural for noun, resource in found.items()} == {
        "Person": "People",
        "Seat": "Seats",
        "Gadget": "Gadgets",
    }
    assert calls_of(found["Person"]) == {
        "list": ("ListPeople", ResultKind.ITEMS, "people"),
        "get": ("GetPerson", ResultKind.RESPONSE, ""),
        # An operation is what one gets; update would promise a person, so it stays with the RPCs.
        "create": ("CreatePerson", ResultKind.RESPONSE, ""),
        "delete": ("DeletePerson", ResultKind.NOTHING, ""),
    }
    assert calls_of(found["Gadget"]) == {
        "get": ("GetGadget", ResultKind.FIELD, "gadget"),
        "update": ("UpdateGadget", ResultKind.FIELD, "gadget"),
        "reset_all": ("ResetAllGadgets", ResultKind.NOTHING, ""),
    }


@pytest.mark.parametrize(
    ("noun", "call", "expected"),
    [
        pytest.param("Person", "get", "name", id="the usual name among others"),
        pytest.param("Person", "delete", "name", id="beside a flag"),
        pytest.param("Seat", "get", "", id="two required"),
        pytest.param("Seat", "delete", "", id="two usual names"),
        pytest.param("Gadget", "get", "gadget_id", id="with the noun"),
    ],
)
def test_an_id_is_taken_only_where_there_is_one(
    compiled: Compiled, noun: str, call: str, expected: str
) -> None:
    _, found = resources_of(compiled, MISC)
    resource = found[noun].call(call)
    assert resource is not None
    assert resource.id_field == expected


def test_the_state_is_output_only_and_best_called_so(compiled: Compiled) -> None:
    api, found = resources_of(compiled, MISC)
    showing = find_showing(api, found["Person"])
    assert showing is not None
    assert (showing.state, showing.ready, showing.failed) == ("state", ("MOOD_READY",), ())


def test_an_id_with_the_noun_is_found_without_it(compiled: Compiled) -> None:
    api, found = resources_of(compiled, MISC)
    showing = find_showing(api, found["Gadget"])
    assert showing is not None
    assert (showing.resource_id, showing.state) == ("meta.id", "")


def test_only_fields_of_the_same_type_are_edited(compiled: Compiled) -> None:
    api, found = resources_of(compiled, MISC)
    assert find_editing(api, found["Gadget"]) == Editing(
        (("gadget_id", "meta.id"), ("sizes", "sizes")), "", ""
    )


def test_without_an_id_or_an_update_nothing_is_edited(compiled: Compiled) -> None:
    api, found = resources_of(compiled, MISC)
    assert find_editing(api, found["Seat"]) is None
    assert find_editing(api, found["Person"]) is None
