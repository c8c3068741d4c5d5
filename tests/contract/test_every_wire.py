"""Every scenario has one outcome, on every wire and in both colours."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract import (
    claim_scenarios,
    deployment_scenarios,
    error_scenarios,
    gateway_scenarios,
    rpc_scenarios,
    stub_scenarios,
    wait_scenarios,
)
from tests.contract.bad_requests import CASES
from tests.contract.calls import request_of, send
from tests.contract.exceptions import ABSENT, EXCEPTIONS, NOT_PLAYED
from tests.contract.ground import COLOURS, DOCUMENTED, EVERY_WIRE, ORGANIZATIONS
from tests.contract.outcome import normalised
from tests.contract.scenario import failed, scenarios_of
from tests.contract.wanted import invalid

if TYPE_CHECKING:
    from tests.contract.bad_requests import BadRequest
    from tests.contract.conftest import Stages
    from tests.contract.exceptions import Difference
    from tests.contract.outcome import Plain
    from tests.contract.scenario import Cast, Scenario

SCENARIOS = scenarios_of(
    gateway_scenarios.SCENARIOS,
    deployment_scenarios.SCENARIOS,
    claim_scenarios.SCENARIOS,
    error_scenarios.SCENARIOS,
    rpc_scenarios.SCENARIOS,
    stub_scenarios.SCENARIOS,
    wait_scenarios.SCENARIOS,
)

both_colours = pytest.mark.parametrize("colour", COLOURS)


def plain(outcome: object) -> Plain:
    return normalised(outcome, organization="<organization>")


def entries_for(scenario: Scenario, wire: str) -> list[Difference]:
    return [
        entry for entry in EXCEPTIONS if entry.scenario == scenario.name and wire in entry.wires
    ]


def outcome_on(wire: str, scenario: Scenario) -> Plain:
    """Return a scenario's outcome with what `exceptions.py` says of this wire."""
    root: Any = {"outcome": copy.deepcopy(plain(scenario.outcome))}
    for entry in entries_for(scenario, wire):
        holder: Any = root
        last: str | int = "outcome"
        for step in entry.place:
            holder, last = holder[last], step
        assert holder[last] != entry.value, f"an exception that is none: {entry}"
        if entry.value is ABSENT:
            del holder[last]
        else:
            holder[last] = entry.value
    found: Plain = root["outcome"]
    return found


PLAYED = [
    pytest.param(scenario, wire, id=f"{scenario.name}-{wire}")
    for scenario in SCENARIOS
    for wire in EVERY_WIRE
    # The stub knows one spelling.
    if not (wire == DOCUMENTED and scenario.server == "stub")
    and all(entry.value is not NOT_PLAYED for entry in entries_for(scenario, wire))
]


@both_colours
@pytest.mark.parametrize(("scenario", "wire"), PLAYED)
def test_scenario(scenario: Scenario, wire: str, colour: str, stages: Stages) -> None:
    stage = stages(scenario.server, wire)
    assert stage.play(scenario.play, wire=wire, colour=colour) == outcome_on(wire, scenario)


@both_colours
@pytest.mark.parametrize("wire", EVERY_WIRE)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_request(case: BadRequest, wire: str, colour: str, stages: Stages) -> None:
    async def play(cast: Cast) -> object:
        return [
            await failed(send(cast.admin, method, request_of(method, case.request)))
            for method in case.methods
        ]

    # Refused requests leave nothing behind: one organization serves all of them.
    stage = stages("instant", wire)
    found = stage.play(play, wire=wire, colour=colour, organization=ORGANIZATIONS[-2])
    assert found == plain([invalid(*case.violations) for _ in case.methods])


def test_exceptions_name_what_is_there() -> None:
    names = {scenario.name for scenario in SCENARIOS}
    for entry in EXCEPTIONS:
        assert entry.scenario in names
        assert entry.wires
        assert set(entry.wires) < set(EVERY_WIRE), "what differs on every wire is the outcome"
        assert entry.reason
