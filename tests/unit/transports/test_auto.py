"""What the answer to a probe shows about a wire."""

from __future__ import annotations

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from triwire.errors import Code, RpcError
from triwire.spec import HttpRule, Idempotency, MethodSpec, StreamKind
from triwire.transports.auto.wire import PROBED, check_probe, no_wire_error, verdict

GET = HttpRule("GET", "/v1/x")


@pytest.mark.parametrize("wire", PROBED)
def test_whoever_speaks_the_protocol_may_say_what_he_likes(wire: str) -> None:
    assert verdict(wire, None) == "open"
    for code in Code:
        assert verdict(wire, RpcError(code, "no", from_server=True)) == "open"


@pytest.mark.parametrize("wire", PROBED)
@pytest.mark.parametrize(
    ("code", "connect", "grpc"),
    [
        (Code.UNAVAILABLE, "unknown", "blocked"),
        (Code.DEADLINE_EXCEEDED, "unknown", "blocked"),
        (Code.FAILED_PRECONDITION, "unknown", "unknown"),
        (Code.RESOURCE_EXHAUSTED, "unknown", "unknown"),
        (Code.CANCELLED, "unknown", "unknown"),
        (Code.UNIMPLEMENTED, "blocked", "blocked"),
        (Code.UNKNOWN, "blocked", "blocked"),
        (Code.INTERNAL, "blocked", "blocked"),
        (Code.PERMISSION_DENIED, "blocked", "blocked"),
        (Code.UNAUTHENTICATED, "blocked", "blocked"),
    ],
)
def test_only_an_answer_of_somebody_else_blocks_a_wire(
    wire: str, code: Code, connect: str, grpc: str
) -> None:
    expected = grpc if wire == "grpc" else connect
    assert verdict(wire, RpcError(code, "inferred")) == expected


@pytest.mark.parametrize(
    ("kind", "idempotency", "http"),
    [
        (StreamKind.UNARY, Idempotency.UNKNOWN, HttpRule("POST", "/v1/x", body="*")),
        (StreamKind.UNARY, Idempotency.IDEMPOTENT, HttpRule("DELETE", "/v1/x")),
        (StreamKind.UNARY, Idempotency.NO_SIDE_EFFECTS, None),
        (StreamKind.SERVER_STREAM, Idempotency.NO_SIDE_EFFECTS, GET),
    ],
)
def test_a_method_that_may_have_side_effects_is_no_probe(
    kind: StreamKind, idempotency: Idempotency, http: HttpRule | None
) -> None:
    method = MethodSpec(
        "s.S", "M", StringValue, StringValue, kind, idempotency=idempotency, http=http
    )
    with pytest.raises(ValueError, match="probe M will not do"):
        check_probe(method)
    with pytest.raises(ValueError, match="pass probe="):
        check_probe(None)


def test_a_method_without_side_effects_is_a_probe() -> None:
    method = MethodSpec("s.S", "M", StringValue, StringValue, http=GET)
    assert check_probe(method) is method


def test_the_error_tells_what_each_wire_said() -> None:
    error = no_wire_error({"connect": RpcError(Code.UNKNOWN, "a page")})
    assert "connect: UNKNOWN: a page" in error.message
