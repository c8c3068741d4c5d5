"""The reading part of the contract against a real server: `python -m tests.live`.

Endpoint and token come from the environment, as for every client (COREWEAVE_API_ENDPOINT,
COREWEAVE_API_TOKEN, ...). Without a token it says what it would do and succeeds. Nothing is ever
written: a call of any other method than the nine that read is refused before it is sent.

Each check runs on each wire that the endpoint serves, sync and async, and must come to the same.
The exit status is 1 if a check fails, if two wires disagree, or if no wire is served.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

from coreweave_inference import AsyncInferenceClient, Code, InferenceClient, RpcError
from coreweave_inference.client.settings import (
    DEFAULT_ENDPOINT,
    ENDPOINT_VARIABLES,
    TOKEN_FILE_VARIABLES,
    TOKEN_VARIABLES,
)
from tests.contract.colours import dressed, run_blocking
from tests.live.checks import CHECKS, MistakenError
from tests.live.guard import READS, reads_only
from triwire.config import first_set
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from tests.live.checks import Check

__all__ = ["main"]

COLOURS: Final = ("async", "sync")
# What a client infers where an endpoint, or a proxy before it, does not speak its protocol.
_NOT_SERVED: Final = frozenset({Code.UNIMPLEMENTED, Code.UNAVAILABLE, Code.UNKNOWN, Code.INTERNAL})
_TIMEOUT_SECONDS: Final = 20.0


def _plan(endpoint: str) -> None:
    print(f"no token in {' or '.join((*TOKEN_VARIABLES, *TOKEN_FILE_VARIABLES))}; with one,")
    print(f"this would read from {endpoint} over {', '.join(WIRES)}, {' and '.join(COLOURS)}:")
    for check in CHECKS:
        print(f"  {check.text}")
    print("by these methods and no others:")
    for path in sorted(READS):
        print(f"  {path}")


async def _run(check: Check, wire: str, colour: str) -> Any:
    settings: dict[str, Any] = {
        "transport": wire,
        "timeout_seconds": _TIMEOUT_SECONDS,
        "interceptors": [reads_only],
    }
    if colour == "sync":
        with InferenceClient(**settings) as client:
            return await asyncio.to_thread(run_blocking, check.body(dressed(client)))
    async with AsyncInferenceClient(**settings) as client:
        return await check.body(client)


async def _is_served(wire: str) -> bool:
    try:
        await _run(CHECKS[0], wire, COLOURS[0])
    except RpcError as error:
        if error.from_server or error.code not in _NOT_SERVED:
            raise
        print(f"{wire}: not served here: {error}")
        return False
    return True


async def _wrong() -> int:
    """Run every check on every wire and return how many failed."""
    wrong, served = 0, 0
    agreed: dict[str, Any] = {}
    for wire in WIRES:
        if not await _is_served(wire):
            continue
        served += 1
        for colour in COLOURS:
            for check in CHECKS:
                said = "ok"
                try:
                    found = await _run(check, wire, colour)
                    if agreed.setdefault(check.text, found) != found:
                        said = "WRONG: not what the first wire said (or it was changed meanwhile)"
                except (MistakenError, RpcError) as error:
                    said = f"WRONG: {error}"
                wrong += said != "ok"
                print(f"{wire} {colour}: {check.text} {said}", flush=True)
    if not served:
        print("no wire is served here")
    return wrong or int(not served)


def main() -> int:
    """Run the command line."""
    endpoint = first_set(ENDPOINT_VARIABLES) or DEFAULT_ENDPOINT
    if first_set(TOKEN_VARIABLES) is None and first_set(TOKEN_FILE_VARIABLES) is None:
        _plan(endpoint)
        return 0
    print(f"reading from {endpoint}")
    return 1 if asyncio.run(_wrong()) else 0


if __name__ == "__main__":
    sys.exit(main())
