"""A service that answers what the emulator never would, served like the emulator.

It implements GetGateway of a newer contract (`newer.py`). The id of the request says what is
wanted: errors of every code, headers and trailers, large and odd responses, or what it saw of the
request.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import (
    BadRequest,
    DebugInfo,
    ErrorInfo,
    Help,
    LocalizedMessage,
    QuotaFailure,
    RequestInfo,
    RetryInfo,
)

from tests.contract.newer import STATUS_PAUSED, newer_message
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError
from triwire.server.asgi import asgi_app
from triwire.server.service import MethodHandler, Service
from triwire.spec import HttpRule, MethodSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from google.protobuf.message import Message

    from triwire.server.service import ServerContext

__all__ = ["EVERY_DETAIL", "ONE_MIB", "PREFIX", "TEXT", "application", "services"]

PREFIX: Final = "/behind/a-proxy"
"""Path below which the same service is served once more."""

TEXT: Final = 'caf\u00e9 \u4e2d\u6587 \U0001f680 "quoted" \\ back / slash \u2028 \x7f'
"""Text that each wire has to carry unchanged, in messages and in errors."""

ONE_MIB: Final = 1024 * 1024

EVERY_DETAIL: Final[tuple[Message, ...]] = (
    ErrorInfo(reason="STUB", domain="example.com", metadata={"key": TEXT}),
    RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
    DebugInfo(stack_entries=["a", "b"], detail="debug"),
    QuotaFailure(violations=[QuotaFailure.Violation(subject="project:1", description="too much")]),
    BadRequest(field_violations=[BadRequest.FieldViolation(field="a.b", description=TEXT)]),
    RequestInfo(request_id="r-1", serving_data="x"),
    Help(links=[Help.Link(description="docs", url="https://example.com")]),
    LocalizedMessage(locale="de", message="schade"),
)

_STATES: Final = ("UNSPECIFIED", "CREATING", "UPDATING", "DELETING", "ERROR", "FAILED", "READY")
# How often each script of `_play` was asked for; scripts end in something that is used once.
_steps: Final[dict[str, int]] = {}

_SPEC: Final = MethodSpec(
    "coreweave.inference.v1alpha1.GatewayService",
    "GetGateway",
    newer_message("GetGatewayRequest"),
    newer_message("GetGatewayResponse"),
    http=HttpRule("GET", "/v1alpha1/inference/gateways/{id}"),
)


async def _after(seconds: float, response: Message) -> Message:
    await asyncio.sleep(seconds)
    return response


def get_gateway(request: Any, context: ServerContext) -> Message | Awaitable[Message]:
    wanted, _, argument = str(request.id).partition(":")
    response: Any = newer_message("GetGatewayResponse")()
    gateway = response.gateway
    match wanted:
        case "fail":
            raise RpcError(Code.from_number(int(argument)), f"the stub says {argument}")
        case "details":
            raise RpcError(Code.RESOURCE_EXHAUSTED, TEXT, details=EVERY_DETAIL)
        case "unknown detail":
            detail = AnyMessage(type_url="type.googleapis.com/acme.v1.Unheard", value=b"\x08\x01")
            raise RpcError(Code.ABORTED, "unheard of", details=(detail,))
        case "no message":
            raise RpcError(Code.DATA_LOSS, "")
        case "bug":
            raise KeyError("a bug of the handler, not for strangers")
        case "headers":
            context.response_headers += [
                ("x-text", "one"),
                ("x-text", "two"),
                ("x-bytes-bin", b"\x00\xff\x10,"),
            ]
            context.response_trailers += [("x-after", "late"), ("x-after-bin", b"\x01\x02")]
            gateway.spec.id = "headers"
        case "seen":
            # Names and values as the server has them, in one fixed order.
            pairs = sorted(
                (name, value if isinstance(value, str) else f"bytes {value.hex()}")
                for name, value in context.headers.pairs
                if name.startswith("x-") or name in {"authorization", "traceparent"}
            )
            gateway.status.endpoints.extend(f"{name}: {value}" for name, value in pairs)
            gateway.spec.name = context.wire
        case "timeout":
            has = context.timeout_seconds is not None
            gateway.spec.name = "has a timeout" if has else "has no timeout"
        case "slow":
            return _after(30, response)
        case "empty":
            response.Clear()
        case "large":
            gateway.spec.name = TEXT
            gateway.status.endpoints.extend(f"{TEXT}{n}" for n in range(ONE_MIB // 40))
        case "stamp":
            gateway.status.created_at.FromNanoseconds(1_700_000_000_123_456_789)
            gateway.status.updated_at.FromJsonString("0001-01-01T00:00:00Z")
        case "failed":
            gateway.spec.id = "failed"
            gateway.status.status = 5
            gateway.status.conditions.add(type="Ready", reason="Broken", message="No luck.")
        case "stale":
            # READY, but older than what the caller has seen.
            gateway.spec.id = "stale"
            gateway.status.status = 6
            gateway.status.updated_at.FromNanoseconds(1_000_000_000_005)
        case "play":
            _play(gateway, argument)
        case "newer":
            gateway.spec.id = "newer"
            gateway.spec.region = "moon"
            gateway.spec.body_based_routing.api_type = 2
            gateway.status.status = STATUS_PAUSED
        case _:
            gateway.spec.id = request.id
    made: Message = response
    return made


def _play(gateway: Any, script: str) -> None:
    """Show the next stage of a script: "READY-1 UPDATING-2 READY-3 nonce", states and seconds.

    The last stage stays. Instead of a state it may be GONE, or a code to fail with.
    """
    stages = script.split()[:-1]
    step = _steps[script] = _steps.get(script, -1) + 1
    state, second = stages[min(step, len(stages) - 1)].split("-")
    if state not in _STATES:
        code = Code.NOT_FOUND if state == "GONE" else Code[state]
        raise RpcError(code, f"the stub plays {state}")
    gateway.spec.id = f"play:{script}"
    gateway.status.status = _STATES.index(state)
    gateway.status.created_at.FromSeconds(1)
    gateway.status.updated_at.FromNanoseconds(1000_000_000_001 + int(second) * 1_000_000_000)
    gateway.status.conditions.add(type="Ready", reason="Played", message=f"Step {second}.")


def services() -> list[Service]:
    """Return the service, for any wire."""
    return [Service(_SPEC.service, (MethodHandler(_SPEC, get_gateway),))]


class _Proxy:
    """Serves an ASGI application at the root and below `PREFIX`, which it cuts.

    Services do not see the User-Agent, which belongs to the protocol: it is handed on under
    another name.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(b"x-seen-" + name, value) for name, value in scope["headers"]]
            kept = [pair for pair in headers if pair[0] == b"x-seen-user-agent"]
            scope = {**scope, "headers": [*scope["headers"], *kept]}
        if scope["type"] == "http" and scope["path"].startswith(f"{PREFIX}/"):
            raw = scope.get("raw_path")
            scope = {
                **scope,
                "path": scope["path"].removeprefix(PREFIX),
                "raw_path": raw and raw.removeprefix(PREFIX.encode()),
            }
        await self._inner(scope, receive, send)


application: Final = _Proxy(
    asgi_app(services(), codec=ProtoJsonCodec(), max_body_bytes=8 * ONE_MIB)
)
