"""Each fault of the emulator over sockets, on each wire where it shows."""

from __future__ import annotations

import http.client
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import Code, InferenceClient, RpcError
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.timestamp_pb2 import Timestamp

    from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import Gateway
    from tests.emulator_process import RunningEmulator
    from tests.integration.conftest import LoadFaults


MISSING = "11111111-1111-4111-8111-111111111111"
SECOND = 1_000_000_000


@pytest.fixture
def load(load_faults: LoadFaults) -> LoadFaults:
    return load_faults


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(faulty_emulator: RunningEmulator, wire: str) -> Iterator[InferenceClient]:
    with InferenceClient(
        faulty_emulator.url,
        token=faulty_emulator.admin_token,
        transport=wire,
        retry=None,
        timeout_seconds=30,
    ) as made:
        yield made


def create(client: InferenceClient, name: str = "edge") -> Gateway:
    return client.gateways.create(
        name=name, zones=["US-EAST-04A"], core_weave_auth={}, path_based_routing={}
    )


def rename(client: InferenceClient, gateway: Gateway, name: str) -> Gateway:
    return client.gateways.update(
        id=gateway.spec.id,
        name=name,
        zones=["US-EAST-04A"],
        core_weave_auth={},
        path_based_routing={},
    )


def names(client: InferenceClient, after: Timestamp | None = None) -> list[str]:
    found = client.gateways.list(updated_after=after) if after else client.gateways.list()
    return [one.spec.name for one in found]


def failure(call: Callable[[], object]) -> RpcError:
    with pytest.raises(RpcError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("at", ["request", "answer"])
def test_latency_delays_the_call_before_or_after_its_effect(
    client: InferenceClient, faulty_emulator: RunningEmulator, load: LoadFaults, at: str
) -> None:
    load({"kind": "latency", "seconds": [0.05, 0.06], "at": at})
    began = time.monotonic()
    create(client)
    assert time.monotonic() - began >= 0.05
    load({"kind": "latency", "seconds": 600, "at": at, "where": {"methods": ["Create*"]}})
    # On a busy machine a call may not even arrive within the first of these.
    for seconds in (0.3, 3, 30):
        with pytest.raises(RpcError) as caught:
            create(client.with_options(timeout_seconds=seconds), "late")
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        if faulty_emulator.admin("GET", "/faults")["faults"][0]["happened"]:
            break
    assert set(names(client)) == ({"edge"} if at == "request" else {"edge", "late"})


@pytest.mark.parametrize("at", ["request", "answer"])
def test_a_lost_connection_is_a_failed_call(
    client: InferenceClient, load: LoadFaults, at: str
) -> None:
    load({"kind": "drop", "at": at, "where": {"methods": ["Create*"]}})
    error = failure(lambda: create(client))
    assert error.code is Code.UNAVAILABLE
    assert not error.from_server
    # gRPC may send the next call over the connection that is just being closed.
    patient = client.with_options(retry="method")
    assert names(patient) == ([] if at == "request" else ["edge"])


def test_an_answer_that_breaks_off_is_a_failed_call(
    client: InferenceClient, load: LoadFaults
) -> None:
    create(client)
    load({"kind": "drop", "at": "middle", "where": {"methods": ["List*"]}, "when": {"count": 1}})
    error = failure(client.gateways.list)
    assert error.code is Code.UNAVAILABLE
    assert not error.from_server
    assert names(client.with_options(retry="method")) == ["edge"]


def test_a_page_of_a_proxy_is_no_answer_of_the_service(
    client: InferenceClient, load: LoadFaults
) -> None:
    load({"kind": "page"})
    error = failure(lambda: client.gateways.get(MISSING))
    assert not error.from_server
    load({"kind": "page", "status": 503, "body": "upstream", "content_type": "text/plain"})
    error = failure(lambda: client.gateways.get(MISSING))
    assert error.code is Code.UNAVAILABLE
    assert not error.from_server


@pytest.mark.parametrize("code", [one.name for one in Code])
def test_an_error_has_its_code_and_its_pushback(
    client: InferenceClient, load: LoadFaults, wire: str, code: str
) -> None:
    error = {"kind": "error", "code": code, "message": "not today"}
    load({**error, "retry_delay_seconds": 1.5, "quota": True})
    found = failure(client.gateways.list)
    assert (found.code, found.message) == (Code[code], "not today")
    assert found.from_server
    assert found.retry_delay_seconds == 1.5
    assert [type(one).__name__ for one in found.details] == ["RetryInfo", "QuotaFailure"]
    load({**error, "retry_after": "7", "pushback_ms": 250})
    found = failure(client.gateways.list)
    assert found.retry_delay_seconds == (0.25 if wire in {"grpc", "grpc-web"} else 7)


def test_an_error_after_the_effect_leaves_it(client: InferenceClient, load: LoadFaults) -> None:
    load(
        {"kind": "error", "code": "UNKNOWN", "at": "answer", "where": {"methods": ["Create*"]}},
    )
    assert failure(lambda: create(client)).code is Code.UNKNOWN
    assert names(client) == ["edge"]


def test_a_lagging_replica_answers_with_what_was(client: InferenceClient, load: LoadFaults) -> None:
    gateway = create(client)
    lag = {"kind": "stale-read", "seconds": 600, "where": {"methods": ["List*", "GetGateway"]}}
    load(lag)
    rename(client, gateway, "core")
    create(client, "new")
    assert names(client) == ["edge"]
    assert client.gateways.get(gateway.spec.id).spec.name == "edge"
    client.gateways.delete(gateway.spec.id)
    assert names(client) == ["edge"]
    load()
    assert names(client) == ["new"]


@pytest.mark.parametrize(("unit", "digits"), [("us", 3), ("ms", 6), ("s", 9)])
def test_stamps_are_shown_as_coarse_as_asked(
    client: InferenceClient, load: LoadFaults, wire: str, unit: str, digits: int
) -> None:
    gateway = create(client)
    load({"kind": "shown-precision", "unit": unit, "where": {"wires": [wire]}})
    shown = client.gateways.get(gateway.spec.id).status.updated_at
    assert shown.ToNanoseconds() % 10**digits == 0
    other = next(one for one in WIRES if one != wire)
    load({"kind": "shown-precision", "unit": unit, "where": {"wires": [other]}})
    exact = client.gateways.get(gateway.spec.id).status.updated_at.ToNanoseconds()
    assert 0 <= exact - shown.ToNanoseconds() < 10**digits


def test_a_filter_can_include_its_bound(client: InferenceClient, load: LoadFaults) -> None:
    create(client)
    after = client.gateways.list()[0].status.updated_at
    assert names(client, after) == []
    load({"kind": "inclusive-filter"})
    assert names(client, after) == ["edge"]


@pytest.mark.parametrize(("rounding", "found"), [("floor", ["edge"]), ("ceil", [])])
def test_a_bound_can_be_rounded(
    client: InferenceClient, load: LoadFaults, rounding: str, found: list[str]
) -> None:
    create(client)
    after = client.gateways.list()[0].status.updated_at
    after.nanos -= 1
    assert names(client, after) == ["edge"]
    load({"kind": "request-rounding", "unit": "min", "rounding": rounding})
    assert names(client, after) == found


def test_a_filter_can_be_ignored(client: InferenceClient, load: LoadFaults) -> None:
    create(client)
    after = client.gateways.list()[0].status.updated_at
    load({"kind": "ignored-filter"})
    assert names(client, after) == ["edge"]


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        pytest.param({"kind": "truncated-list", "keep": 0.5}, "abc", id="truncated"),
        pytest.param({"kind": "empty-list"}, "", id="empty"),
        pytest.param({"kind": "shuffled-list"}, "befcda", id="shuffled"),
        pytest.param({"kind": "repeated-items", "share": 1}, "aabbccddeeff", id="repeated"),
        pytest.param({"kind": "ignored-filter"}, "abcdef", id="none of these"),
    ],
)
def test_answers_can_be_damaged(
    client: InferenceClient, load: LoadFaults, fault: dict[str, Any], found: str
) -> None:
    for name in "abcdef":
        create(client, name)
    load(fault, seed=1)
    assert "".join(names(client)) == found


def test_a_late_write_is_answered_before_it_is_seen(
    client: InferenceClient, load: LoadFaults
) -> None:
    gateway = create(client)
    load({"kind": "late-write", "seconds": 600})
    assert rename(client, gateway, "core").spec.name == "core"
    create(client, "new")
    assert names(client) == ["edge"]
    assert client.gateways.get(gateway.spec.id).spec.name == "edge"
    load()
    assert names(client) == ["core", "new"]


def test_stamps_can_tie(client: InferenceClient, load: LoadFaults) -> None:
    load({"kind": "stored-precision", "unit": "min", "rounding": "floor"})
    stamps = [create(client).status.updated_at.ToNanoseconds() for _ in range(3)]
    assert all(stamp % (60 * SECOND) == 0 for stamp in stamps)
    load({"kind": "equal-stamp"})
    stamps = [create(client).status.updated_at.ToNanoseconds() for _ in range(3)]
    assert len(set(stamps)) == 1


def test_a_writers_clock_can_be_wrong(client: InferenceClient, load: LoadFaults) -> None:
    right = create(client).status.updated_at.ToNanoseconds()
    load({"kind": "skewed-stamp", "seconds": 3600, "where": {"methods": ["CreateGateway"]}})
    wrong = create(client).status.updated_at.ToNanoseconds()
    assert wrong - right > 3590 * SECOND


def test_a_change_can_leave_its_stamp(client: InferenceClient, load: LoadFaults) -> None:
    create(client)
    gateway = client.gateways.list()[0]
    load({"kind": "unbumped-change"})
    changed = rename(client, gateway, "core")
    assert changed.status.updated_at == gateway.status.updated_at
    assert names(client, gateway.status.updated_at) == []
    assert names(client) == ["core"]


def test_the_servers_clock_can_step(
    client: InferenceClient, faulty_emulator: RunningEmulator, load: LoadFaults
) -> None:
    load()
    gateway = create(client)
    faulty_emulator.admin("POST", "/clock", {"step_seconds": -3600})
    changed = rename(client, gateway, "core").status.updated_at.ToNanoseconds()
    assert changed < gateway.status.updated_at.ToNanoseconds() - 3590 * SECOND
    assert faulty_emulator.admin("GET", "/state")["clock"]["offset_seconds"] == -3600


def test_a_fault_happens_to_other_wires_only_if_it_says_so(
    faulty_emulator: RunningEmulator, load: LoadFaults
) -> None:
    load({"kind": "error", "code": "ABORTED", "where": {"wires": ["rest", "grpc"]}})
    for wire in WIRES:
        with InferenceClient(
            faulty_emulator.url, token=faulty_emulator.admin_token, transport=wire, retry=None
        ) as client:
            if wire in {"rest", "grpc"}:
                assert failure(client.gateways.list).code is Code.ABORTED
            else:
                client.gateways.list()


def test_a_script_from_a_file_works_without_an_admin_interface(
    start_emulator: Callable[..., RunningEmulator], tmp_path: Any
) -> None:
    script = tmp_path / "faults.json"
    script.write_text('{"faults": [{"kind": "error", "code": "DATA_LOSS"}]}')
    emulator = start_emulator("--faults", str(script))
    assert emulator.admin_url == ""
    with InferenceClient(emulator.url, token=emulator.admin_token, retry=None) as client:
        assert failure(client.gateways.list).code is Code.DATA_LOSS


def _raw(emulator: RunningEmulator, verb: str, headers: dict[str, str], body: bytes = b"") -> int:
    _, _, port = emulator.admin_url.rpartition(":")
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
    try:
        connection.request(verb, "/faults", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_admin_interface_takes_json_of_a_known_size(faulty_emulator: RunningEmulator) -> None:
    assert _raw(faulty_emulator, "GET", {}) == 200
    assert _raw(faulty_emulator, "PUT", {"content-type": "text/plain"}, b"{}") == 415
    assert _raw(faulty_emulator, "PUT", {"content-length": "x"}) == 411
    assert _raw(faulty_emulator, "PUT", {"content-length": "99999999"}) == 413
    assert _raw(faulty_emulator, "PATCH", {}) == 405


def test_a_caller_that_resets_its_connection_is_not_reported(
    start_emulator: Callable[..., RunningEmulator],
) -> None:
    emulator = start_emulator("--admin-port", "0")
    _, _, port = emulator.admin_url.rpartition(":")
    for begun in (b"", b"GET /sta", b"PUT /faults HTTP/1.1\r\ncontent-length: 5\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as caller:
            caller.sendall(begun)
            # Wait no time for the rest: closing sends a reset instead of an end.
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert "faults" in emulator.admin("GET", "/state")
    emulator.stop()
    assert not emulator.stderr, "".join(emulator.stderr)
