"""The admin interface without HTTP; tests/integration has it over sockets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference.emulator.admin import Admin, Refusal
from coreweave_inference.emulator.faults.plan import FaultPlan
from tests.unit.emulator.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = {"name": "a page", "kind": "page"}


@pytest.fixture
def faulty() -> Iterator[Rig]:
    """An emulator with an admin interface."""
    rig = Rig(faults=FaultPlan())
    yield rig
    rig.store.close()


@pytest.fixture
def admin(faulty: Rig) -> Admin:
    assert faulty.faults is not None
    return Admin(faulty.faults, faulty.store)


def ask(admin: Admin, verb: str, path: str, value: Any = None) -> Any:
    body = b"" if value is None else json.dumps(value).encode()
    return admin.answer(verb, path, body)


def names(admin: Admin) -> list[str]:
    _, told = ask(admin, "GET", "/faults")
    return [fault["name"] for fault in told["faults"]]


def test_the_state_tells_faults_clock_and_objects(admin: Admin, faulty: Rig) -> None:
    faulty.gateway()
    faulty.claim()
    faulty.gateway(faulty.client("other"))
    status, state = ask(admin, "GET", "/state")
    assert status == 200
    assert state["objects"] == {
        "cw0001": {"capacity claim": 1, "gateway": 1},
        "cw0002": {"gateway": 1},
    }
    assert state["faults"]["faults"] == []
    assert state["clock"]["offset_seconds"] == 0


def test_faults_are_put_added_and_removed(admin: Admin) -> None:
    assert ask(admin, "PUT", "/faults", {"seed": 3, "faults": [PAGE]})[1]["seed"] == 3
    status, added = ask(admin, "POST", "/faults", {"kind": "drop"})
    assert (status, added) == (201, {"name": "fault-1", "kind": "drop"})
    assert names(admin) == ["a page", "fault-1"]
    assert ask(admin, "DELETE", "/faults/a%20page")[0] == 200
    assert names(admin) == ["fault-1"]
    assert ask(admin, "DELETE", "/faults")[0] == 200
    assert names(admin) == []


def test_the_clock_is_stepped_and_reset(admin: Admin) -> None:
    assert ask(admin, "POST", "/clock", {"step_seconds": -60})[1]["offset_seconds"] == -60
    assert ask(admin, "POST", "/clock", {"step_seconds": 10})[1]["offset_seconds"] == -50
    ask(admin, "POST", "/reset")
    assert ask(admin, "GET", "/state")[1]["clock"]["offset_seconds"] == 0


def test_a_reset_removes_faults_and_keeps_objects_unless_asked(admin: Admin, faulty: Rig) -> None:
    faulty.gateway()
    ask(admin, "PUT", "/faults", {"faults": [PAGE]})
    assert ask(admin, "POST", "/reset")[1]["objects"] == {"cw0001": {"gateway": 1}}
    assert names(admin) == []
    assert ask(admin, "POST", "/reset", {"objects": True})[1]["objects"] == {}


def test_stamps_go_on_after_a_reset(admin: Admin, faulty: Rig) -> None:
    before = faulty.gateway().status.updated_at.ToNanoseconds()
    ask(admin, "POST", "/reset", {"objects": True})
    assert faulty.gateway().status.updated_at.ToNanoseconds() > before


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "text"),
    [
        pytest.param("GET", "/", b"", 404, "unknown path '/': expected /state, /faults", id="root"),
        pytest.param("GET", "/state/x", b"", 404, "unknown path", id="below"),
        pytest.param(
            "PUT", "/state", b"{}", 405, "PUT is not served here: expected GET", id="verb"
        ),
        pytest.param("GET", "/faults/a", b"", 405, "expected DELETE", id="verb of a name"),
        pytest.param("DELETE", "/faults/none", b"", 404, "no fault is named 'none'", id="name"),
        pytest.param("PUT", "/faults", b"{", 400, "expected JSON", id="no JSON"),
        pytest.param("PUT", "/faults", b"\xff", 400, "expected JSON", id="no UTF-8"),
        pytest.param("PUT", "/faults", b"[]", 400, "script: expected an object", id="list"),
        pytest.param(
            "PUT",
            "/faults",
            b'{"faults": [{"kind": "page"}, {"kind": "no"}]}',
            400,
            r"faults\[1\].kind: expected one of",
            id="half good",
        ),
        pytest.param("POST", "/faults", b"", 400, "fault: expected an object", id="nothing"),
        pytest.param("POST", "/faults", b'{"kind": "no"}', 400, "fault.kind: expected", id="kind"),
        pytest.param(
            "POST",
            "/faults",
            b'{"kind": "drop", "name": "a page"}',
            400,
            "two faults are named 'a page'",
            id="taken",
        ),
        pytest.param("POST", "/clock", b"", 400, "body: expected an object", id="no step"),
        pytest.param("POST", "/clock", b"{}", 400, "'step_seconds' is missing", id="empty step"),
        pytest.param(
            "POST", "/clock", b'{"step_seconds": "1"}', 400, "expected a number", id="text step"
        ),
        pytest.param("POST", "/reset", b'{"object": true}', 400, "unknown 'object'", id="reset"),
        pytest.param("POST", "/reset", b'{"objects": 1}', 400, "expected true or false", id="flag"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(  # noqa: PLR0917 - the columns of a table
    admin: Admin, faulty: Rig, verb: str, path: str, body: bytes, status: int, text: str
) -> None:
    faulty.gateway()
    ask(admin, "PUT", "/faults", {"seed": 5, "faults": [PAGE]})
    ask(admin, "POST", "/clock", {"step_seconds": 3})

    def state() -> tuple[Any, ...]:
        _, told = ask(admin, "GET", "/state")
        del told["clock"]["elapsed_seconds"], told["clock"]["now"]
        return tuple(told.items())

    before = state()
    with pytest.raises(Refusal, match=text) as caught:
        admin.answer(verb, path, body)
    assert caught.value.status == status
    assert state() == before
