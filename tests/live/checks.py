"""What must be true of any server of this API, found out by reading."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf.json_format import MessageToDict

from coreweave_inference import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from coreweave_inference import AsyncInferenceClient

__all__ = ["CHECKS", "Check", "MistakenError"]

_KINDS: Final = ("gateways", "deployments", "capacity_claims")
_MOST_READ: Final = 3
_FAR_AHEAD: Final = datetime(2200, 1, 1, tzinfo=UTC)
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


class MistakenError(Exception):
    """The server does not do what the contract says, or this client does not understand it."""


def _expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise MistakenError(f"{what}: expected {wanted!r}, got {found!r}")


async def _listed(client: AsyncInferenceClient) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for kind in _KINDS:
        resources = await getattr(client, kind).list()
        found[kind] = {item.spec.id: MessageToDict(item.spec) for item in resources}
        _expect(len(found[kind]), len(resources), f"ids of {kind} that differ")
    return found


async def parameters(client: AsyncInferenceClient) -> object:
    """The parameters of every service can be read."""
    return [MessageToDict(await getattr(client, kind).parameters()) for kind in _KINDS]


async def lists(client: AsyncInferenceClient) -> object:
    """Every List answers, with an id in each resource and none twice."""
    found = await _listed(client)
    _expect([kind for kind in _KINDS if "" in found[kind]], [], "resources without an id")
    return found


async def gets(client: AsyncInferenceClient) -> object:
    """What List shows, Get shows under its id: a few of each kind."""
    for kind, resources in (await _listed(client)).items():
        for resource_id, spec in sorted(resources.items())[:_MOST_READ]:
            found = await getattr(client, kind).get(resource_id)
            _expect(MessageToDict(found.spec), spec, f"Get of {kind} {resource_id}")
    return None


async def missing(client: AsyncInferenceClient) -> object:
    """An id that nobody has is NOT_FOUND, said by the server."""
    for kind in _KINDS:
        error = await _failure(getattr(client, kind).get(str(uuid.uuid4())))
        _expect((error.code, error.from_server), (Code.NOT_FOUND, True), f"Get of no {kind}")
    return None


async def updated_after(client: AsyncInferenceClient) -> object:
    """updated_after leaves out what is older, and nothing else."""
    everything = await _listed(client)
    for kind in _KINDS:
        resource = getattr(client, kind)
        _expect(await resource.list(updated_after=_FAR_AHEAD), [], f"{kind} of the future")
        old = {item.spec.id for item in await resource.list(updated_after=_LONG_AGO)}
        _expect(old, set(everything[kind]), f"{kind} since long ago")
    return None


async def no_time(client: AsyncInferenceClient) -> object:
    """A call with next to no time ends at once, by this side or with an answer."""
    hasty = client.with_options(timeout_seconds=1e-6, retry=None)
    for kind in _KINDS:
        try:
            # grpcio looks at the clock now and then: a server on this machine may be faster.
            await getattr(hasty, kind).parameters()
        except RpcError as error:
            _expect((error.code, error.from_server), (Code.DEADLINE_EXCEEDED, False), kind)
    return None


async def _failure(call: Awaitable[object]) -> RpcError:
    try:
        found = await call
    except RpcError as error:
        return error
    raise MistakenError(f"expected an error, got {type(found).__name__}")


class Check(NamedTuple):
    """One check.

    Attributes:
        body: Takes the async client, or the sync one dressed as it; raises `MistakenError`, or
            returns what all wires must agree on.
        text: What it shows, for people.
    """

    body: Callable[[AsyncInferenceClient], Coroutine[Any, Any, object]]
    text: str


CHECKS: Final = tuple(
    Check(body, (body.__doc__ or "").strip())
    for body in (parameters, lists, gets, missing, updated_after, no_time)
)
