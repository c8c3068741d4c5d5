"""Faults of the connection, without a server; tests/integration has them over sockets."""

from __future__ import annotations

import os
import socket
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference.emulator.child import make_application
from coreweave_inference.emulator.faults.connection import cut
from coreweave_inference.emulator.faults.script import FaultScript
from coreweave_inference.emulator.settings import Behaviour, ServerSettings
from tests.unit.emulator.rig import TOKENS
from tests.unit.server.asgi_driver import Answer, envelope, request
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from coreweave_inference.emulator.openapi import Application

LIST = "/coreweave.inference.v1alpha1.GatewayService/ListGateways"


def make(*faults: dict[str, Any]) -> Application:
    script = FaultScript.from_plain({"faults": list(faults)}).to_json()
    return make_application(ServerSettings(behaviour=Behaviour(), tokens=TOKENS, faults=script))


def listed(application: Application, wire: str) -> Answer:
    token = ("authorization", "Bearer admin")
    if wire == "rest":
        return request(application, "GET", "/v1alpha1/inference/gateways", headers=[token])
    kind = {
        "connect": "application/proto",
        "grpc": "application/grpc",
        "grpc-web": "application/grpc-web+proto",
    }[wire]
    headers = [token, ("content-type", kind), ("te", "trailers")]
    body = b"" if wire == "connect" else envelope(b"")
    return request(application, "POST", LIST, headers=headers, body=body)


every_wire = pytest.mark.parametrize("wire", WIRES)


@every_wire
def test_a_page_of_a_proxy_is_the_whole_answer(wire: str) -> None:
    answer = listed(make({"kind": "page", "status": 404}), wire)
    assert answer.status == 404
    assert answer.headers == [
        ("content-type", "text/html; charset=utf-8"),
        ("content-length", str(len(answer.body))),
    ]
    assert b"404 page not found" in answer.body
    assert not answer.trailers


@every_wire
@pytest.mark.parametrize("at", ["request", "answer"])
def test_a_lost_connection_has_no_answer(wire: str, at: str) -> None:
    answer = listed(make({"kind": "drop", "at": at}), wire)
    assert (answer.status, answer.body) == (0, b"")


@every_wire
def test_an_answer_can_break_off(wire: str) -> None:
    application = make({"kind": "drop", "at": "middle", "where": {"methods": ["ListGateways"]}})
    whole = listed(make(), wire)
    answer = listed(application, wire)
    assert answer.status == whole.status == 200
    assert len(answer.body) <= len(whole.body) // 2
    assert not answer.trailers


@every_wire
def test_a_wrong_clock_shows_in_the_date(wire: str) -> None:
    answer = listed(make({"kind": "clock-step", "seconds": 86400}), wire)
    assert answer.status == 200
    assert answer.header("date").endswith(" GMT")
    assert listed(make(), wire).header("date") == ""


def test_a_fault_is_met_on_its_wire_only() -> None:
    application = make({"kind": "page", "where": {"wires": ["rest"]}})
    assert listed(application, "rest").status == 404
    assert listed(application, "grpc").status == 200


def test_latency_lets_the_call_go_on() -> None:
    faults = ({"kind": "latency", "seconds": 0.001, "at": at} for at in ("request", "answer"))
    assert listed(make(*faults), "rest").status == 200


def test_cutting_ends_the_connection_to_one_peer_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        clients = [socket.create_connection(server.getsockname()) for _ in range(2)]
        accepted = [server.accept()[0] for _ in range(2)]
        assert cut(*clients[0].getsockname())
        assert clients[0].recv(1) == b""
        accepted[1].sendall(b"x")
        assert clients[1].recv(1) == b"x"
        for one in (*clients, *accepted):
            one.close()


def test_cutting_leaves_no_descriptor_behind() -> None:
    def opened() -> int:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 - names of descriptors, not paths

    with (
        tempfile.TemporaryFile(),
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
    ):
        accepted, peer = server.accept()
        before = opened()
        assert cut(*peer)
        assert not cut("127.0.0.1", 1)
        assert opened() == before
        accepted.close()


def test_cutting_what_is_not_connected_does_nothing() -> None:
    assert not cut("127.0.0.1", 1)
