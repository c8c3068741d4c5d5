"""Every RPC in the contract's own shape: request message in, response with its metadata out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.contract.bad_requests import Method
from tests.contract.calls import KINDS, METHODS, request_of
from tests.contract.error_scenarios import READS, WRITES
from tests.contract.scenario import Scenario

if TYPE_CHECKING:
    from tests.contract.scenario import Cast

__all__ = ["SCENARIOS"]

# In an order that works: what is created first is read, changed and deleted last, users first.
_ORDER: Final = (
    *READS,
    *(write for write in WRITES if write[1] == "update"),
    *(write for write in reversed(WRITES) if write[1] == "delete"),
)
_CREATES: Final = tuple(write for write in WRITES if write[1] == "create")


def rpc_name(method: Method) -> str:
    """Return the name of an RPC's method of the client, such as "list_gateways"."""
    noun = method.resource.removesuffix("s")
    match method.name:
        case "list":
            return f"list_{method.resource}"
        case "parameters":
            return f"get_{noun}_parameters"
        case name:
            return f"{name}_{noun}"


async def every_rpc(cast: Cast) -> object:
    """Call all of them and return the type of each response, with its headers and trailers."""
    found: dict[str, object] = {}

    async def call(resource: str, name: str, fields: dict[str, Any]) -> None:
        method = Method(resource, name)
        rpc = getattr(getattr(cast.admin, resource), "rpc")  # noqa: B009 - the resource is any
        response = await getattr(rpc, rpc_name(method))(request_of(method, fields))
        found[rpc_name(method)] = [
            response.message.DESCRIPTOR.name,
            response.message.ByteSize() > 0,
            response.headers,
            response.trailers,
        ]

    for write in _CREATES:
        await call(*write)
    for step in _ORDER:
        await call(*step)
    return found


def answered(resource: str, name: str) -> tuple[str, list[Any]]:
    kind = KINDS[resource]
    message = {"list": f"List{kind}s", "parameters": f"Get{kind}Parameters"}.get(
        name, f"{name.title()}{kind}"
    )
    return rpc_name(Method(resource, name)), [f"{message}Response", True, {}, {}]


SCENARIOS: Final = (
    Scenario(
        "every RPC",
        every_rpc,
        dict(answered(resource, name) for resource, name, _ in (*_CREATES, *_ORDER)),
    ),
)
assert len(_CREATES) + len(_ORDER) == len(METHODS)
