"""What the emulator never answers: every code, all details, metadata, large and odd responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from coreweave_inference.v1alpha1 import (
    STATUS_UPDATING,
    Gateway,
    GatewaySpec,
    GatewayStatus,
    GetGatewayRequest,
)
from tests.contract.outcome import Failure, nanoseconds
from tests.contract.scenario import Scenario, failed
from tests.contract.stub import EVERY_DETAIL, ONE_MIB, TEXT
from triwire.errors import Code

if TYPE_CHECKING:
    from tests.contract.scenario import Cast

__all__ = ["SCENARIOS"]


async def every_code(cast: Cast) -> object:
    return [await failed(cast.admin.gateways.get(f"fail:{code:d}")) for code in Code]


async def every_detail(cast: Cast) -> object:
    error = await failed(cast.admin.gateways.get("details"))
    return [error, error.retry_delay_seconds]


async def unknown_detail(cast: Cast) -> object:
    return await failed(cast.admin.gateways.get("unknown detail"))


async def no_message(cast: Cast) -> object:
    return await failed(cast.admin.gateways.get("no message"))


async def bug(cast: Cast) -> object:
    return await failed(cast.admin.gateways.get("bug"))


async def headers(cast: Cast) -> object:
    return await cast.admin.gateways.rpc.get_gateway(GetGatewayRequest(id="headers"))


async def seen(cast: Cast) -> object:
    """What the server sees of the client's headers, text and bytes, in one order."""
    view = cast.admin.with_options(
        headers=[
            ("x-text", "one"),
            ("x-text", "two"),
            ("X-Upper", "a: b, c"),
            ("x-bytes-bin", b"\x00\xff,"),
        ]
    )
    got = await view.gateways.get("seen")
    return [
        line
        for line in got.status.endpoints
        if not line.startswith(("x-forwarded", "x-request-id", "x-envoy", "x-seen"))
    ]


async def timeouts(cast: Cast) -> object:
    return [
        (await cast.admin.with_options(timeout_seconds=seconds).gateways.get("timeout")).spec.name
        for seconds in (10, None)
    ]


async def too_late(cast: Cast) -> object:
    return await failed(cast.admin.with_options(timeout_seconds=0.2).gateways.get("slow"))


async def empty(cast: Cast) -> object:
    """A response without the resource is a resource without fields."""
    return await cast.admin.gateways.get("empty")


async def large(cast: Cast) -> object:
    got = await cast.admin.gateways.get("large")
    lines = list(got.status.endpoints)
    return [
        got.spec.name,
        got.ByteSize() > ONE_MIB,
        lines == [f"{TEXT}{number}" for number in range(len(lines))],
    ]


async def text_in_the_request(cast: Cast) -> object:
    """Text that a URL has to escape; over REST it travels in the path."""
    return (await cast.admin.gateways.get(f"x {TEXT} ?#%25&=+;")).spec.id


async def stamps(cast: Cast) -> object:
    """Nanoseconds and the first instant that a Timestamp can hold."""
    status = (await cast.admin.gateways.get("stamp")).status
    return [str(nanoseconds(status.created_at)), str(nanoseconds(status.updated_at))]


async def newer(cast: Cast) -> object:
    """Enum values and fields that this client's contract does not have."""
    gateway = await cast.admin.gateways.get("newer")
    return {
        "gateway": gateway,
        "unknown fields of the spec": len(UnknownFieldSet(gateway.spec)),
    }


async def newer_is_waited_for(cast: Cast) -> object:
    """A status of the future is not READY, and not a failure."""
    return await failed(cast.patient.gateways.wait_until_ready("newer", timeout_seconds=60))


async def failed_resource(cast: Cast) -> object:
    return await failed(cast.patient.gateways.wait_until_ready("failed", timeout_seconds=30))


async def stale_ready(cast: Cast) -> object:
    """A READY that is older than the resource at hand is not believed; for an id any one counts."""
    seen = Gateway(
        spec=GatewaySpec(id="stale"),
        status=GatewayStatus(status=STATUS_UPDATING, updated_at=Timestamp(seconds=1000, nanos=6)),
    )
    wait = cast.patient.gateways.wait_until_ready
    return [
        await failed(wait(seen, timeout_seconds=60)),
        (await wait("stale", timeout_seconds=30)).spec.id,
    ]


_DETAILS: Final = Failure(
    "RESOURCE_EXHAUSTED",
    TEXT,
    (
        {
            "@type": "google.rpc.ErrorInfo",
            "reason": "STUB",
            "domain": "example.com",
            "metadata": {"key": TEXT},
        },
        {
            "@type": "google.rpc.RetryInfo",
            "retry_delay": {"seconds": 1, "nanos": 500_000_000},
        },
        {"@type": "google.rpc.DebugInfo", "stack_entries": ["a", "b"], "detail": "debug"},
        {
            "@type": "google.rpc.QuotaFailure",
            "violations": [{"subject": "project:1", "description": "too much"}],
        },
        {
            "@type": "google.rpc.BadRequest",
            "field_violations": [{"field": "a.b", "description": TEXT}],
        },
        {"@type": "google.rpc.RequestInfo", "request_id": "r-1", "serving_data": "x"},
        {
            "@type": "google.rpc.Help",
            "links": [{"description": "docs", "url": "https://example.com"}],
        },
        {"@type": "google.rpc.LocalizedMessage", "locale": "de", "message": "schade"},
    ),
)
assert len(_DETAILS.details) == len(EVERY_DETAIL)

SCENARIOS: Final = (
    Scenario(
        "every code",
        every_code,
        [Failure(code.name, f"the stub says {code:d}") for code in Code],
        "stub",
    ),
    Scenario("every kind of google.rpc detail", every_detail, [_DETAILS, 1.5], "stub"),
    Scenario(
        "a detail of a type that nobody knows",
        unknown_detail,
        Failure(
            "ABORTED",
            "unheard of",
            (
                {
                    "@type": "google.protobuf.Any",
                    "type_url": "type.googleapis.com/acme.v1.Unheard",
                    "value": "<bytes 0801>",
                },
            ),
        ),
        "stub",
    ),
    Scenario("an error without a message", no_message, Failure("DATA_LOSS", ""), "stub"),
    Scenario("a bug of the server", bug, Failure("INTERNAL", "internal error"), "stub"),
    Scenario(
        "headers and trailers of a response",
        headers,
        {
            "message": {"gateway": {"spec": {"id": "headers"}}},
            "headers": {"x-bytes-bin": ["<bytes 00ff102c>"], "x-text": ["one", "two"]},
            "trailers": {"x-after": ["late"], "x-after-bin": ["<bytes 0102>"]},
        },
        "stub",
    ),
    Scenario(
        "headers of a request",
        seen,
        [
            "authorization: Bearer <token>",
            "x-bytes-bin: bytes 00ff2c",
            "x-text: one",
            "x-text: two",
            "x-upper: a: b, c",
        ],
        "stub",
    ),
    Scenario(
        "the server learns of the timeout",
        timeouts,
        ["has a timeout", "has no timeout"],
        "stub",
    ),
    Scenario(
        "an answer that does not come in time",
        too_late,
        Failure("DEADLINE_EXCEEDED", "no answer within 0.2 s", from_server=False),
        "stub",
    ),
    Scenario("a response without its resource", empty, {}, "stub"),
    Scenario("a response of more than 1 MiB of text", large, [TEXT, True, True], "stub"),
    Scenario(
        "text in a request that URLs cannot hold",
        text_in_the_request,
        f"x {TEXT} ?#%25&=+;",
        "stub",
    ),
    Scenario(
        "instants to the nanosecond",
        stamps,
        ["1700000000123456789", "-62135596800000000000"],
        "stub",
    ),
    Scenario(
        "enum values and fields from a newer server",
        newer,
        {
            "gateway": {
                "spec": {"id": "newer", "body_based_routing": {"api_type": 2}},
                "status": {"status": 7},
            },
            "unknown fields of the spec": 1,
        },
        "stub",
    ),
    Scenario(
        "waiting for what has failed",
        failed_resource,
        Failure(
            "FAILED_PRECONDITION",
            "gateway failed is STATUS_FAILED: Ready Broken No luck.",
            (
                {
                    "@type": "coreweave.inference.v1alpha1.Condition",
                    "type": "Ready",
                    "reason": "Broken",
                    "message": "No luck.",
                },
            ),
            from_server=False,
        ),
        "stub",
    ),
    Scenario(
        "a READY that is older than what was seen",
        stale_ready,
        [
            Failure(
                "DEADLINE_EXCEEDED",
                "gateway stale was not ready within 60 s; last seen as STATUS_UPDATING, and since "
                "then in older states only",
                from_server=False,
            ),
            "stale",
        ],
        "stub",
    ),
    Scenario(
        "waiting while the status is one of the future",
        newer_is_waited_for,
        Failure(
            "DEADLINE_EXCEEDED",
            "gateway newer was not ready within 60 s; last seen as 7",
            from_server=False,
        ),
        "stub",
    ),
)
