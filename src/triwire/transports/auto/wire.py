"""What the answer to a probe shows about a wire. Pure; docs/client.md has the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from triwire.errors import Code, RpcError
from triwire.spec import Idempotency, StreamKind

if TYPE_CHECKING:
    from triwire.spec import MethodSpec

__all__ = ["PROBED", "check_probe", "no_wire_error", "verdict"]

#: In order of preference.
PROBED: Final = ("connect", "grpc", "rest")

# Says nothing of the wire, but of the server or the way to it.
_OUTAGES: Final = frozenset({Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.FAILED_PRECONDITION})


def verdict(wire: str, error: RpcError | None) -> Literal["open", "blocked", "unknown"]:
    """Judge a wire by the outcome of a probe.

    Args:
        wire: The wire that was probed.
        error: What the probe ended in, or None for a response.

    Returns:
        "open" if a server answered that speaks this protocol, whatever it said; "blocked" if
        something answered that does not; "unknown" if nothing can be said: no wire is passed
        over because of an outage, a timeout, a refused certificate or a limit of this side.
    """
    if error is None or error.from_server:
        return "open"
    if error.code in {Code.CANCELLED, Code.RESOURCE_EXHAUSTED}:
        return "unknown"
    if error.code in _OUTAGES:
        # gRPC is probed when something has answered over HTTP/1.1 at the same address: what is
        # closed, reset or kept waiting then is HTTP/2.
        is_http2 = wire == "grpc" and error.code is not Code.FAILED_PRECONDITION
        return "blocked" if is_http2 else "unknown"
    return "blocked"


def check_probe(probe: MethodSpec[Any, Any] | None) -> MethodSpec[Any, Any]:
    """Refuse a method that must not be called just to see what happens.

    Raises:
        ValueError: none is given, it streams, it may have side effects, or REST cannot carry it.
    """
    if probe is None:
        raise ValueError("transport 'auto' needs a method to probe with: pass probe=")
    is_safe = probe.idempotency is Idempotency.NO_SIDE_EFFECTS or (
        probe.http is not None and probe.http.verb == "GET"
    )
    if probe.stream_kind is not StreamKind.UNARY or not is_safe or probe.http is None:
        message = (
            f"probe {probe.name} will not do: expected a unary method without side effects "
            "that has an HTTP rule"
        )
        raise ValueError(message)
    return probe


def no_wire_error(failures: dict[str, RpcError]) -> RpcError:
    """Return the error for a network that lets no wire through."""
    said = "; ".join(f"{wire}: {error}" for wire, error in failures.items())
    return RpcError(Code.UNIMPLEMENTED, f"no wire gets through to the server: {said}")
