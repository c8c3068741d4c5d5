"""Faults in an emulator whose time stands still: what its callers see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference.emulator.faults.plan import FaultPlan
from coreweave_inference.emulator.faults.script import FaultScript
from coreweave_inference.emulator.settings import Behaviour
from tests.unit.emulator.rig import START_NS, Rig, deployment_fields, failure, nanos
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import Gateway

    Make = Callable[..., Rig]

SECOND = 1_000_000_000


@pytest.fixture
def make() -> Iterator[Make]:
    """Make emulators with faults, and transitions of 10 seconds unless told otherwise."""
    rigs: list[Rig] = []

    def made(*faults: dict[str, Any], transition_seconds: float = 10) -> Rig:
        script = FaultScript.from_plain({"faults": list(faults)})
        behaviour = Behaviour(transition_seconds=transition_seconds)
        rigs.append(Rig(behaviour, faults=FaultPlan(script)))
        return rigs[-1]

    yield made
    for rig in rigs:
        rig.store.close()


def names(rig: Rig, **request: Any) -> list[str]:
    return [one.spec.name for one in rig.client().gateways.list(**request)]


def rename(rig: Rig, gateway: Gateway, name: str) -> Gateway:
    return rig.client().gateways.update(
        id=gateway.spec.id,
        name=name,
        zones=["US-EAST-04A"],
        core_weave_auth={},
        path_based_routing={},
    )


def test_an_error_comes_before_everything_else(make: Make) -> None:
    rig = make({"kind": "error", "code": "UNAVAILABLE", "message": "maintenance"})
    error = failure(lambda: rig.client("unknown").gateways.get("nonsense"), Code.UNAVAILABLE)
    assert error.message == "maintenance"


def test_an_error_before_the_effect_prevents_it(make: Make) -> None:
    where = {"methods": ["Create*"]}
    rig = make({"kind": "error", "code": "INTERNAL", "where": where})
    failure(rig.gateway, Code.INTERNAL)
    assert names(rig) == []


def test_an_error_after_the_effect_does_not(make: Make) -> None:
    where = {"methods": ["Create*"]}
    rig = make({"kind": "error", "code": "INTERNAL", "at": "answer", "where": where})
    failure(rig.gateway, Code.INTERNAL)
    assert names(rig) == ["edge"]


def test_a_refusal_of_the_service_comes_before_an_error_of_the_answer(make: Make) -> None:
    rig = make({"kind": "error", "code": "INTERNAL", "at": "answer"})
    failure(lambda: rig.client().gateways.get(_MISSING), Code.NOT_FOUND)


_MISSING = "11111111-1111-4111-8111-111111111111"


def test_an_error_can_say_how_long_to_wait_and_why(make: Make) -> None:
    fault = {"kind": "error", "code": "RESOURCE_EXHAUSTED", "retry_delay_seconds": 1.5}
    rig = make({**fault, "quota": True})
    error = failure(rig.client().with_options(retry=None).gateways.list, Code.RESOURCE_EXHAUSTED)
    assert error.retry_delay_seconds == 1.5
    assert [type(one).__name__ for one in error.details] == ["RetryInfo", "QuotaFailure"]


def test_a_lagging_replica_shows_what_was(make: Make) -> None:
    where = {"methods": ["List*", "Get*"]}
    rig = make({"kind": "stale-read", "seconds": 2, "where": where})
    gateway = rig.gateway()
    assert names(rig) == []
    failure(lambda: rig.client().gateways.get(gateway.spec.id), Code.NOT_FOUND)
    rig.clock.advance(2)
    assert names(rig) == ["edge"]
    rename(rig, gateway, "core")
    assert names(rig) == ["edge"]
    assert rig.client().gateways.get(gateway.spec.id).spec.name == "edge"
    rig.clock.advance(2)
    assert names(rig) == ["core"]


def test_a_lagging_replica_shows_what_was_deleted(make: Make) -> None:
    rig = make({"kind": "stale-read", "seconds": 2}, transition_seconds=0)
    gateway = rig.gateway()
    rig.clock.advance(5)
    rig.client().gateways.delete(gateway.spec.id)
    assert names(rig) == ["edge"]
    rig.clock.advance(2)
    assert names(rig) == []


def test_a_lagging_replica_filters_by_what_it_shows(make: Make) -> None:
    rig = make({"kind": "stale-read", "seconds": 2})
    gateway = rig.gateway()
    rig.clock.advance(3)
    after = rename(rig, gateway, "core").status.updated_at
    since = START_NS + SECOND
    assert names(rig, updated_after=_timestamp(since)) == []
    rig.clock.advance(2)
    assert names(rig, updated_after=_timestamp(since)) == ["core"]
    assert names(rig, updated_after=after) == []


def _timestamp(ns: int) -> Any:
    from google.protobuf.timestamp_pb2 import Timestamp

    return Timestamp(seconds=ns // SECOND, nanos=ns % SECOND)


def test_a_deployment_that_moved_is_on_its_old_gateway_for_a_lagging_replica(make: Make) -> None:
    rig = make({"kind": "stale-read", "seconds": 2, "where": {"methods": ["ListDeployments"]}})
    one, two = rig.gateway(), rig.gateway()
    deployment = rig.deployment(one.spec.id)
    rig.clock.advance(5)
    fields = deployment_fields(two.spec.id)
    rig.client().deployments.update(id=deployment.spec.id, **fields)

    def on(gateway: Gateway) -> int:
        return len(rig.client().deployments.list(parent_gateway_id=gateway.spec.id))

    assert (on(one), on(two)) == (1, 0)
    rig.clock.advance(2)
    assert (on(one), on(two)) == (0, 1)


def test_writers_see_what_lagging_replicas_do_not(make: Make) -> None:
    rig = make({"kind": "stale-read", "seconds": 60})
    gateway = rig.gateway()
    rename(rig, gateway, "core")
    failure(lambda: rig.gateway(id=gateway.spec.id), Code.ALREADY_EXISTS)


def test_a_late_write_is_stamped_now_and_seen_later(make: Make) -> None:
    rig = make({"kind": "late-write", "seconds": 3, "where": {"methods": ["Create*"]}})
    gateway = rig.gateway()
    assert nanos(gateway.status.updated_at) == START_NS
    rig.clock.advance(2.9)
    assert names(rig) == []
    rig.clock.advance(0.1)
    assert names(rig) == ["edge"]


def test_steps_of_the_lifecycle_can_be_late(make: Make) -> None:
    rig = make({"kind": "late-write", "seconds": 3, "where": {"methods": ["Step*"]}})
    gateway = rig.gateway()
    rig.clock.advance(10)
    assert _status(rig, gateway) == "STATUS_CREATING"
    rig.clock.advance(3)
    assert _status(rig, gateway) == "STATUS_READY"


def _status(rig: Rig, gateway: Gateway) -> str:
    from coreweave_inference_gen.coreweave.inference.v1alpha1.status_pb2 import Status

    return Status.Name(rig.client().gateways.get(gateway.spec.id).status.status)


def test_a_step_that_a_refused_call_finds_due_counts_once(make: Make) -> None:
    rig = make({"kind": "late-write", "seconds": 3, "where": {"methods": ["StepGateway"]}})
    gateway = rig.gateway()
    rig.clock.advance(10)
    failure(lambda: rig.client().gateways.get(_MISSING), Code.NOT_FOUND)
    rig.clock.advance(3)
    assert _status(rig, gateway) == "STATUS_READY"
    assert rig.faults is not None
    # ResourcesApplied and READY.
    assert rig.faults.describe()["faults"][0]["matched"] == 2


def test_coarse_stamps_tie(make: Make) -> None:
    rig = make({"kind": "stored-precision", "unit": "s"})
    stamps = {nanos(rig.gateway().status.updated_at) for _ in range(3)}
    assert stamps == {START_NS // SECOND * SECOND}


def test_equal_stamps_tie_to_the_nanosecond(make: Make) -> None:
    rig = make({"kind": "equal-stamp", "when": {"every": 2}})
    stamps = [nanos(rig.gateway().status.updated_at) for _ in range(4)]
    assert stamps[0] == stamps[1] != stamps[2] == stamps[3]


def test_skewed_writers_stamp_out_of_order(make: Make) -> None:
    rig = make({"kind": "skewed-stamp", "seconds": -30, "when": {"every": 2}})
    first, second = (nanos(rig.gateway().status.updated_at) for _ in range(2))
    assert second - first == 1 - 30 * SECOND


def test_a_right_stamp_is_later_than_a_wrong_one_of_its_resource(make: Make) -> None:
    rig = make({"kind": "skewed-stamp", "seconds": 600, "where": {"methods": ["CreateGateway"]}})
    gateway = rig.gateway()
    changed = rename(rig, gateway, "core")
    assert nanos(changed.status.updated_at) == nanos(gateway.status.updated_at) + 1


def test_an_unbumped_change_is_invisible_to_the_filter(make: Make) -> None:
    rig = make({"kind": "unbumped-change", "where": {"methods": ["Update*"]}})
    gateway = rig.gateway()
    changed = rename(rig, gateway, "core")
    assert changed.status.updated_at == gateway.status.updated_at
    assert names(rig) == ["core"]
    assert names(rig, updated_after=gateway.status.updated_at) == []


def test_an_inclusive_filter_answers_with_the_bound_too(make: Make) -> None:
    rig = make({"kind": "inclusive-filter"})
    gateway = rig.gateway()
    assert names(rig, updated_after=gateway.status.updated_at) == ["edge"]
    assert names(rig, updated_after=_timestamp(START_NS + 1)) == []


def test_a_rounded_bound_skips_or_repeats(make: Make) -> None:
    up = make({"kind": "request-rounding", "unit": "s", "rounding": "ceil"})
    up.gateway()
    assert names(up, updated_after=_timestamp(START_NS - 1)) == []
    down = make({"kind": "request-rounding", "unit": "s"})
    down.gateway()
    assert names(down, updated_after=_timestamp(START_NS)) == ["edge"]


def test_an_ignored_filter_answers_with_everything(make: Make) -> None:
    rig = make({"kind": "ignored-filter"})
    rig.gateway()
    assert names(rig, updated_after=_timestamp(START_NS + SECOND)) == ["edge"]


def test_a_bound_that_is_no_time_is_refused_even_if_ignored(make: Make) -> None:
    rig = make({"kind": "ignored-filter"})
    bad = _timestamp(START_NS)
    bad.nanos = -1
    with pytest.raises(RpcError) as caught:
        rig.client().gateways.list(updated_after=bad)
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        pytest.param({"kind": "truncated-list", "keep": 0.5}, ["a", "b"], id="truncated"),
        pytest.param({"kind": "empty-list"}, [], id="empty"),
        pytest.param({"kind": "repeated-items", "share": 1}, list("aabbccxd"), id="repeated"),
    ],
)
def test_answers_of_list_are_damaged(make: Make, fault: dict[str, Any], found: list[str]) -> None:
    rig = make(fault)
    gateways = [rig.gateway(name=name) for name in ("a", "b", "c", "x")]
    rename(rig, gateways[-1], "d")
    assert names(rig) == found


def test_a_former_state_is_repeated_for_as_long_as_a_scan_lasts(make: Make) -> None:
    rig = make({"kind": "repeated-items", "share": 1})
    rename(rig, rig.gateway(), "core")
    assert names(rig) == ["edge", "core"]
    rig.clock.advance(1)
    assert names(rig) == ["core", "core"]


def test_shown_stamps_can_be_coarser_on_one_wire(make: Make) -> None:
    rig = make({"kind": "shown-precision", "unit": "ms", "where": {"wires": ["rest"]}})
    assert rig.gateway().status.updated_at.nanos == START_NS % SECOND
    rig = make({"kind": "shown-precision", "unit": "ms", "where": {"wires": ["memory"]}})
    gateway = rig.gateway()
    shown = START_NS % SECOND // 1_000_000 * 1_000_000
    assert gateway.status.updated_at.nanos == shown
    assert gateway.status.conditions[0].last_update_time.nanos == shown
    # What is stored is exact.
    assert names(rig, updated_after=gateway.status.updated_at) == ["edge"]


def test_a_clock_that_stepped_back_stamps_in_the_past(make: Make) -> None:
    rig = make()
    assert rig.faults is not None
    gateway = rig.gateway()
    rig.faults.step_clock(-60)
    changed = rename(rig, gateway, "core")
    assert nanos(changed.status.updated_at) - START_NS == 1 - 60 * SECOND
    rig.faults.reset_clock()
    assert nanos(rig.gateway().status.updated_at) >= START_NS


def test_a_clock_that_is_ahead_does_not_hasten_the_lifecycle(make: Make) -> None:
    rig = make()
    assert rig.faults is not None
    gateway = rig.gateway()
    rig.faults.step_clock(3600)
    assert _status(rig, gateway) == "STATUS_CREATING"
