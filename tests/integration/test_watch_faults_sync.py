# Generated from tests/integration/test_watch_faults_aio.py by scripts/unasync.py. DO NOT EDIT.
"""A watch on each wire catches up with each single fault of the emulator, over sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import InferenceClient
from coreweave_inference.emulator.faults.kinds import KINDS
from triwire._io import SystemClock
from triwire.dial.wires import WIRES
from triwire.watch import Added, Deleted, WatchOptions

if TYPE_CHECKING:
    from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import Gateway
    from tests.emulator_process import RunningEmulator
    from tests.integration.conftest import LoadFaults
    from triwire.watch import ObjectEvent, Watch

# Everything as in production, but twenty to a hundred times faster.
QUICK = WatchOptions(
    mode="incremental",
    visibility_bound_seconds=0.4,
    fast_interval_seconds=0.1,
    idle_interval_seconds=0.2,
    min_relist_interval_seconds=0.5,
    relist_interval_seconds=1.0,
    max_relist_interval_seconds=1.0,
    max_relist_duty=1.0,
    backoff_initial_seconds=0.02,
    backoff_max_seconds=0.2,
)
GIVE_UP_SECONDS = 60.0

READS = {"methods": ["List*", "GetGateway"]}
HALF = {"probability": 0.5}
# One entry for each kind, and more where a kind has more than one face. The numbers stay within
# the visibility bound, or are what the watch repairs.
FAULTS = [
    pytest.param({"kind": "latency", "seconds": [0, 0.1], "where": READS}, id="latency"),
    pytest.param({"kind": "drop", "where": READS, "when": HALF}, id="drop"),
    pytest.param({"kind": "drop", "at": "answer", "where": READS, "when": HALF}, id="drop-answer"),
    pytest.param({"kind": "drop", "at": "middle", "where": READS, "when": HALF}, id="drop-middle"),
    pytest.param({"kind": "page", "where": READS, "when": HALF}, id="page"),
    pytest.param(
        {"kind": "error", "code": "UNAVAILABLE", "where": READS, "when": HALF}, id="error"
    ),
    pytest.param(
        {
            "kind": "error",
            "code": "RESOURCE_EXHAUSTED",
            "retry_delay_seconds": 0.1,
            "where": READS,
            "when": {"count": 8},
        },
        id="error-limited",
    ),
    pytest.param(
        {"kind": "error", "code": "UNAUTHENTICATED", "where": READS, "when": {"count": 8}},
        id="error-unauthenticated",
    ),
    pytest.param(
        {
            "kind": "error",
            "code": "NOT_FOUND",
            "where": {"methods": ["List*"]},
            "when": {"every": 3},
        },
        id="error-list-not-found",
    ),
    pytest.param({"kind": "stale-read", "seconds": [0, 0.15], "where": READS}, id="stale-read"),
    pytest.param({"kind": "shown-precision", "unit": "s"}, id="shown-precision"),
    pytest.param({"kind": "inclusive-filter"}, id="inclusive-filter"),
    pytest.param({"kind": "request-rounding", "unit": "s"}, id="request-rounding"),
    pytest.param(
        {"kind": "request-rounding", "unit": "s", "rounding": "ceil"}, id="request-rounding-up"
    ),
    pytest.param({"kind": "ignored-filter"}, id="ignored-filter"),
    pytest.param({"kind": "truncated-list", "when": HALF}, id="truncated-list"),
    pytest.param({"kind": "empty-list", "when": HALF}, id="empty-list"),
    pytest.param({"kind": "shuffled-list"}, id="shuffled-list"),
    pytest.param({"kind": "repeated-items"}, id="repeated-items"),
    pytest.param({"kind": "late-write", "seconds": [0, 0.2]}, id="late-write"),
    pytest.param({"kind": "stored-precision", "unit": "s"}, id="stored-precision"),
    pytest.param({"kind": "equal-stamp"}, id="equal-stamp"),
    pytest.param({"kind": "skewed-stamp", "seconds": [-0.1, 0.1]}, id="skewed-stamp"),
    pytest.param(
        {"kind": "skewed-stamp", "seconds": 600, "when": {"count": 1}}, id="skewed-stamp-future"
    ),
    pytest.param({"kind": "unbumped-change"}, id="unbumped-change"),
    pytest.param({"kind": "clock-step", "seconds": -5}, id="clock-step-back"),
    pytest.param({"kind": "clock-step", "seconds": 5}, id="clock-step-ahead"),
]


class View:
    """What one watch has told.

    Args:
        client: Its client, which the view then owns.

    Attributes:
        names: Name of each gateway by id.
    """

    def __init__(self, client: InferenceClient) -> None:
        self.names: dict[str, str] = {}
        self._client = client
        self._watch: Watch[ObjectEvent[Gateway]] = client.gateways.watch(options=QUICK)

    def close(self) -> None:
        """Close the watch and its client."""
        self._watch.close()
        self._client.close()

    def take(self) -> None:
        """Take what has come; each event must be legal."""
        for event in self._watch.drain():
            assert isinstance(event, Added) == (event.key not in self.names), event
            if isinstance(event, Deleted):
                del self.names[event.key]
            else:
                self.names[event.key] = event.object.spec.name


def level(views: list[View], wanted: dict[str, str]) -> None:
    """Wait until all views show this."""
    clock = SystemClock()
    end = clock.monotonic_seconds() + GIVE_UP_SECONDS
    while True:
        for view in views:
            view.take()
        if all(view.names == wanted for view in views):
            return
        shown = [view.names for view in views]
        assert clock.monotonic_seconds() < end, f"expected {wanted}, got {shown}"
        clock.sleep(0.01)


def fields(name: str) -> Any:
    return {"name": name, "zones": ["RNO2A"], "core_weave_auth": {}, "path_based_routing": {}}


def test_every_kind_of_fault_is_among_them() -> None:
    faults: list[Any] = [one.values[0] for one in FAULTS]
    assert {fault["kind"] for fault in faults} == set(KINDS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_watch_on_each_wire_catches_up(
    faulty_emulator: RunningEmulator, load_faults: LoadFaults, fault: dict[str, Any]
) -> None:
    url, token = faulty_emulator.url, faulty_emulator.admin_token
    with InferenceClient(url, token=token) as writer:
        stays, changes, goes = (
            writer.gateways.create(**fields(name)).spec.id for name in ("stays", "changes", "goes")
        )
        wanted = {stays: "stays", changes: "changes", goes: "goes"}
        views = [View(InferenceClient(url, token=token, transport=wire)) for wire in WIRES]
        try:
            level(views, wanted)
            load_faults(fault, seed=1)
            comes = writer.gateways.create(**fields("comes")).spec.id
            writer.gateways.update(id=changes, **fields("changed"))
            writer.gateways.delete(goes)
            del wanted[goes]
            wanted |= {comes: "comes", changes: "changed"}
            level(views, wanted)
            # And again, with the watch in the middle of it.
            writer.gateways.update(id=stays, **fields("stayed"))
            writer.gateways.update(id=comes, **fields("came"))
            wanted |= {stays: "stayed", comes: "came"}
            level(views, wanted)
        finally:
            for view in views:
                view.close()
