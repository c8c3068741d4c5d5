"""What a scenario is: a function of clients, and the one outcome it has on every wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from triwire.errors import RpcError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

    from coreweave_inference import AsyncInferenceClient
    from triwire.spec import MethodSpec, Response

__all__ = ["Cast", "Scenario", "Server", "failed", "scenarios_of"]

Server: TypeAlias = Literal["instant", "slow", "strict", "stub"]
"""Which server a scenario plays on: the emulator whose resources are READY at the first look, the
one whose resources take an hour, the one with unique names, a quota of three resources of each kind
and disabled deployments that do not get READY, or the stub (`stub.py`)."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The clients of one scenario. On the emulator, its organizations are fresh: nobody else's.

    Attributes:
        admin: An Inference Admin.
        patient: The admin with a clock of its own, on which waiting takes no time.
        viewer: An Inference Viewer of the same organization.
        powerless: A user of the same organization with no role.
        stranger: An Inference Admin of another organization.
        nobody: Sends no token.
        impostor: Sends a token that nobody was given.
        call: Calls any method with the admin's token.
    """

    admin: AsyncInferenceClient
    patient: AsyncInferenceClient
    viewer: AsyncInferenceClient
    powerless: AsyncInferenceClient
    stranger: AsyncInferenceClient
    nobody: AsyncInferenceClient
    impostor: AsyncInferenceClient
    call: Callable[[MethodSpec[Any, Any], Message], Awaitable[Response[Any]]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the suite.

    Attributes:
        name: A sentence.
        play: Makes the calls and returns what is compared: messages, errors, responses with
            their metadata, plain values, or any nest of these.
        outcome: What that has to be, in the form of `outcome.normalised`.
        server: What it plays on.
    """

    name: str
    play: Callable[[Cast], Awaitable[object]]
    outcome: object
    server: Server = "instant"


async def failed(call: Awaitable[object]) -> RpcError:
    """Return the error of a call that has to fail."""
    try:
        result = await call
    except RpcError as error:
        return error
    raise AssertionError(f"the call succeeded with {result!r}")


def scenarios_of(*groups: tuple[Scenario, ...]) -> tuple[Scenario, ...]:
    """Join groups of scenarios, checking that each name is there once."""
    joined = tuple(scenario for group in groups for scenario in group)
    names = [scenario.name for scenario in joined]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"scenarios of one name: {sorted(twice)}")
    return joined
