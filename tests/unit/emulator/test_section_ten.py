"""What no source says: one test at least for each row of docs/emulator.md.

Rows whose behaviour is tested elsewhere name the test in the table; a test below checks that
every test that the table names exists.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import QuotaFailure, ResourceInfo

from coreweave_inference.emulator.settings import Behaviour
from coreweave_inference.v1alpha1 import (
    STATUS_CREATING,
    STATUS_DELETING,
    STATUS_READY,
    STATUS_UPDATING,
    Deployment,
    Gateway,
    ListGatewaysRequest,
)
from tests.unit.emulator.rig import (
    START_NS,
    Rig,
    claim_fields,
    deployment_fields,
    failure,
    fields_of,
    nanos,
)
from triwire.errors import Code

if TYPE_CHECKING:
    from pathlib import Path


def stamp(ns: int) -> Timestamp:
    return Timestamp(seconds=ns // 10**9, nanos=ns % 10**9)


def update(rig: Rig, gateway: Gateway, **fields: Any) -> Gateway:
    values: dict[str, Any] = {
        "id": gateway.spec.id,
        "name": "edge",
        "core_weave_auth": {},
        "path_based_routing": {},
        **fields,
    }
    return rig.client().gateways.update(**values)


# a. updatedAfter: exclusive, nanoseconds, status changes move updatedAt


def test_updated_after_is_exclusive_to_the_nanosecond(rig: Rig) -> None:
    gateways = rig.client().gateways
    first, second = rig.gateway(name="first"), rig.gateway(name="second")
    assert nanos(first.status.updated_at) == START_NS
    assert nanos(second.status.updated_at) == START_NS + 1

    def names(after_ns: int) -> list[str]:
        return [found.spec.name for found in gateways.list(updated_after=stamp(after_ns))]

    assert names(START_NS - 1) == ["first", "second"]
    assert names(START_NS) == ["second"]
    assert names(START_NS + 1) == []


def test_updated_after_finds_what_changed_its_status_since(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway()
    rig.clock.advance(10)
    after = gateway.status.updated_at
    assert [found.spec.id for found in client.gateways.list(updated_after=after)] == [
        gateway.spec.id
    ]
    ready = client.gateways.get(id=gateway.spec.id)
    assert client.gateways.list(updated_after=ready.status.updated_at) == []


@pytest.mark.parametrize(
    ("seconds", "nanoseconds", "found"),
    [
        pytest.param(-62_135_596_800, 0, 1, id="year-1"),
        pytest.param(253_402_300_799, 999_999_999, 0, id="year-9999"),
        pytest.param(-1, 0, 1, id="before-the-epoch"),
    ],
)
def test_updated_after_may_be_any_timestamp(
    rig: Rig, seconds: int, nanoseconds: int, found: int
) -> None:
    rig.gateway()
    after = Timestamp(seconds=seconds, nanos=nanoseconds)
    assert len(rig.client().gateways.list(updated_after=after)) == found


@pytest.mark.parametrize(
    ("seconds", "nanoseconds"),
    [
        pytest.param(0, -1, id="nanos-negative"),
        pytest.param(0, 10**9, id="nanos-large"),
        pytest.param(253_402_300_800, 0, id="late"),
        pytest.param(-(2**63), 0, id="early"),
    ],
)
def test_updated_after_that_is_no_time_is_refused(rig: Rig, seconds: int, nanoseconds: int) -> None:
    request = ListGatewaysRequest(updated_after=Timestamp(seconds=seconds, nanos=nanoseconds))
    error = failure(lambda: rig.client().gateways.list(request), Code.INVALID_ARGUMENT)
    assert fields_of(error) == ["updated_after"]


# b. list order


def test_lists_are_in_the_order_of_creation_whatever_changes(rig: Rig) -> None:
    client = rig.client()
    gateways = [rig.gateway(name=f"g{number}") for number in range(4)]
    update(rig, gateways[1], name="g1")
    rig.clock.advance(10)
    assert [found.spec.name for found in client.gateways.list()] == ["g0", "g1", "g2", "g3"]


# c. tombstones


def test_what_is_gone_leaves_no_trace_in_lists(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway()
    deleted = client.gateways.delete(id=gateway.spec.id)
    assert client.gateways.list(updated_after=gateway.status.updated_at) == [deleted]
    rig.clock.advance(10)
    assert client.gateways.list(updated_after=gateway.status.updated_at) == []


# d. duplicate name


def test_names_need_not_be_unique(rig: Rig) -> None:
    gateway = rig.gateway(name="same")
    rig.gateway(name="same")
    rig.deployment(gateway.spec.id, name="same")
    rig.deployment(gateway.spec.id, name="same")
    rig.claim(name="same")
    rig.claim(name="same")


def test_names_are_unique_per_kind_and_organization_if_asked() -> None:
    rig = Rig(Behaviour(unique_names=True))
    gateway = rig.gateway(name="same")
    error = failure(lambda: rig.gateway(name="SAME"), Code.ALREADY_EXISTS)
    info = error.details[0]
    assert isinstance(info, ResourceInfo)
    assert info.resource_name == "SAME"
    rig.deployment(gateway.spec.id, name="same")
    rig.gateway(rig.client("other"), name="same")
    other = rig.gateway(name="different")
    failure(lambda: update(rig, other, name="same"), Code.ALREADY_EXISTS)
    update(rig, gateway, name="Same")


# e. create with the same id


def test_create_with_the_same_id_and_content_is_refused(rig: Rig) -> None:
    claims = rig.client().capacity_claims
    fields = claim_fields(id="abcdef01-2345-4678-89ab-cdef01234567")
    created = claims.create(**fields)
    failure(lambda: claims.create(**fields), Code.ALREADY_EXISTS)
    assert claims.get(id=created.spec.id) == created


def test_one_id_may_serve_one_resource_of_each_kind(rig: Rig) -> None:
    identity = "abcdef01-2345-4678-89ab-cdef01234567"
    gateway = rig.gateway(id=identity)
    rig.deployment(gateway.spec.id, id=identity)
    rig.claim(id=identity)


# i. omitted optional fields


def test_an_update_resets_what_it_leaves_out(rig: Rig) -> None:
    gateway = rig.gateway()
    deployment = rig.deployment(
        gateway.spec.id,
        runtime={
            "engine": "vllm",
            "version": "0.8.5",
            "engine_config": {"seed": "1"},
            "engine_env": {"VLLM_USE_V1": "1"},
        },
        autoscaling={"min": 1, "max": 2, "priority": 5, "concurrency": 9},
        traffic={"weight": 10},
        disabled=True,
    )
    fields = deployment_fields(gateway.spec.id, id=deployment.spec.id)
    spec = rig.client().deployments.update(**fields).spec
    plain = rig.deployment(gateway.spec.id).spec
    plain.id = spec.id
    assert spec == plain


# j. switching auth and routing: tests/unit/emulator/test_gateways.py


# k. renaming


def test_gateways_and_deployments_can_be_renamed(rig: Rig) -> None:
    gateway = rig.gateway()
    assert update(rig, gateway, name="renamed").spec.name == "renamed"
    deployment = rig.deployment(gateway.spec.id)
    fields = deployment_fields(gateway.spec.id, id=deployment.spec.id, name="renamed")
    assert rig.client().deployments.update(**fields).spec.name == "renamed"


# l. delete of a claim in use; second delete


def test_a_claim_can_be_deleted_while_deployments_use_reserved_capacity(rig: Rig) -> None:
    claim = rig.claim()
    gateway = rig.gateway()
    rig.deployment(
        gateway.spec.id,
        autoscaling={"min": 1, "max": 1, "capacity_classes": ["CAPACITY_CLASS_RESERVED"]},
    )
    assert rig.client().capacity_claims.delete(id=claim.spec.id).status.status == STATUS_DELETING


def test_a_second_delete_answers_the_same_and_changes_nothing(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway()
    first = client.gateways.delete(id=gateway.spec.id)
    rig.clock.advance(9)
    assert client.gateways.delete(id=gateway.spec.id) == first
    rig.clock.advance(1)
    failure(lambda: client.gateways.delete(id=gateway.spec.id), Code.NOT_FOUND)


# m. update while something is under way


def test_updates_are_taken_while_creating_and_updating_but_not_while_deleting(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway()
    assert update(rig, gateway).status.status == STATUS_CREATING
    rig.clock.advance(10)
    assert update(rig, gateway).status.status == STATUS_UPDATING
    assert update(rig, gateway).status.status == STATUS_UPDATING
    client.gateways.delete(id=gateway.spec.id)
    error = failure(lambda: update(rig, gateway), Code.FAILED_PRECONDITION)
    violation: Any = error.details[0]
    assert violation.violations[0].type == "BEING_DELETED"


def test_an_update_that_changes_nothing_is_an_update(rig: Rig) -> None:
    gateway = rig.gateway(zones=[])
    rig.clock.advance(10)
    updated = update(rig, gateway)
    assert updated.spec == gateway.spec
    assert updated.status.status == STATUS_UPDATING
    assert nanos(updated.status.updated_at) > nanos(gateway.status.updated_at)


# n. concurrency control


def test_the_last_of_two_writers_wins(rig: Rig) -> None:
    gateway = rig.gateway()
    read_by_both = rig.client().gateways.get(id=gateway.spec.id)
    update(rig, read_by_both, name="one")
    update(rig, read_by_both, name="two")
    assert rig.client().gateways.get(id=gateway.spec.id).spec.name == "two"


# o. conditions


def test_conditions_are_two_with_reasons_seen_in_the_wild_and_a_zone(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway(zones=["US-WEST-04A", "US-EAST-01A"])
    rig.clock.advance(10)
    found = client.gateways.get(id=gateway.spec.id)
    assert [
        (condition.type, condition.reason, condition.zone) for condition in found.status.conditions
    ] == [
        ("ResourcesApplied", "AsExpected", "US-EAST-01A"),
        ("Ready", "AsExpected", "US-EAST-01A"),
    ]


# r. quotas


def test_there_is_no_quota_unless_asked() -> None:
    rig = Rig(Behaviour(max_resources=2))
    first, second = rig.gateway(), rig.gateway()
    error = failure(rig.gateway, Code.RESOURCE_EXHAUSTED)
    details = error.details[0]
    assert isinstance(details, QuotaFailure)
    assert details.violations[0].subject == "organizations/cw0001"
    # By kind and organization; an id that exists is told first.
    rig.deployment(first.spec.id)
    rig.gateway(rig.client("other"))
    failure(lambda: rig.gateway(id=first.spec.id), Code.ALREADY_EXISTS)
    rig.client().gateways.delete(id=second.spec.id)
    rig.gateway()


# t. case of zones


def test_zones_are_upper_case_only(rig: Rig) -> None:
    failure(lambda: rig.gateway(zones=["us-east-04a"]), Code.INVALID_ARGUMENT)


# v. order of versions


def test_versions_are_sorted_newest_first(rig: Rig) -> None:
    def key(version: str) -> tuple[Any, ...]:
        core, _, build = version.partition("+")
        numbers, _, pre = core.partition("-")
        return (*map(int, numbers.split(".")), pre == "", pre, build)

    found = rig.client().deployments.parameters().runtime_parameters.runtime_versions
    for versions in found.values():
        ordered = sorted(versions.versions, key=key, reverse=True)
        assert list(versions.versions) == ordered
    assert any(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in found["vllm"].versions)


# w. READY deployment on a gateway that is not READY


def test_a_deployment_becomes_ready_before_its_gateway(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway()
    rig.clock.advance(1)
    deployment = rig.deployment(gateway.spec.id)
    rig.clock.advance(9)
    update(rig, gateway)
    rig.clock.advance(1)
    found: Deployment = client.deployments.get(id=deployment.spec.id)
    assert found.status.status == STATUS_READY
    assert client.gateways.get(id=gateway.spec.id).status.status == STATUS_UPDATING


# The table itself


def test_the_table_has_a_row_for_every_letter_and_names_tests_and_switches_that_exist(
    repository: Path,
) -> None:
    from coreweave_inference.cli import parser

    text = (repository / "docs" / "emulator.md").read_text(encoding="utf-8")
    rows = {
        row.split("|")[1].strip(): row for row in text.splitlines() if re.match(r"\| [a-x] \|", row)
    }
    assert list(rows) == list("abcdefghijklmnopqrstuvwx")
    sources = [path.read_text(encoding="utf-8") for path in (repository / "tests").rglob("*.py")]
    code = "\n".join(sources)
    commands: Any = parser()
    emulator = commands._subparsers._group_actions[0].choices["emulator"]
    for letter, row in rows.items():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 6, f"row {letter} has {len(cells)} cells"
        tests, switch = cells[4], cells[5]
        names = re.findall(r"`(test_\w+)`", tests)
        assert names or "no test" in tests, f"row {letter} names no test"
        for name in names:
            assert f"def {name}(" in code, f"row {letter} names {name}, which does not exist"
        for flag in re.findall(r"`(--[\w-]+)", switch):
            assert flag in emulator.format_help(), f"row {letter} names {flag}"


def test_the_table_of_faults_has_every_kind_with_a_test_that_exists(repository: Path) -> None:
    from coreweave_inference.emulator.faults.kinds import KINDS

    text = (repository / "docs" / "emulator.md").read_text(encoding="utf-8")
    section = text.partition("## Faults")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| ([^|]*) \|$", section, re.MULTILINE)
    kinds = {name: tests for name, tests in rows if name in KINDS}
    assert list(kinds) == list(KINDS)
    path = repository / "tests" / "integration" / "test_emulator_faults.py"
    code = path.read_text(encoding="utf-8")
    for kind, tests in kinds.items():
        names = re.findall(r"`(test_\w+)`", tests)
        assert names, f"{kind} names no test"
        for name in names:
            assert f"def {name}(" in code, f"{kind} names {name}, which does not exist"
