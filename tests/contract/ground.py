"""Where scenarios play: servers, wires and colours.

Retries are off, so that every outcome is that of one attempt.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from coreweave_inference import AsyncInferenceClient, InferenceClient
from coreweave_inference.client.aliases import ENUM_ALIASES
from tests.contract.colours import dressed, run_blocking
from tests.contract.outcome import normalised
from tests.contract.scenario import Cast
from triwire.auth import bearer_header
from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.config import Endpoint
from triwire.dial import aio, sync
from triwire.dial.wires import WIRES
from triwire.testing import AsyncManualClock, AsyncMemoryTransport, ManualClock, MemoryTransport
from triwire.tls import TlsOptions

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from tests.contract.outcome import Plain
    from triwire.server.service import Service
    from triwire.spec import MethodSpec
    from triwire.transports.base import AsyncTransport, Transport

__all__ = [
    "COLOURS",
    "DOCUMENTED",
    "EVERY_WIRE",
    "ORGANIZATIONS",
    "Organization",
    "Stage",
    "tokens_file",
]

_MakeClient: TypeAlias = Callable[..., AsyncInferenceClient]
_Call: TypeAlias = Callable[..., Awaitable[Any]]

DOCUMENTED: Final = "rest-documented"
"""REST from an emulator that spells answers as the reference pages do: the same to a client."""

EVERY_WIRE: Final = (*WIRES, DOCUMENTED, "memory")
COLOURS: Final = ("async", "sync")
_USER_AGENT: Final = "contract-suite/1"
_TIMEOUT_SECONDS: Final = 20.0
# Enough for every scenario on every wire in both colours, several times over.
_ORGANIZATIONS: Final = 4096


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization that exists for one scenario."""

    id: str
    admin: str
    viewer: str
    powerless: str


def _organizations() -> tuple[Organization, ...]:
    # Fixed, but for a part that nobody can guess: it must not turn up in logs or errors.
    secret = secrets.token_hex(8)
    return tuple(
        Organization(
            f"cw{number:04x}",
            *(f"CW-SECRET-{secret}-{role}-{number}" for role in ("admin", "viewer", "none")),
        )
        for number in range(_ORGANIZATIONS)
    )


ORGANIZATIONS: Final = _organizations()


def tokens_file() -> str:
    """Return the text of the emulators' tokens file."""
    return "".join(
        f"{token} {organization.id} {role}\n"
        for organization in ORGANIZATIONS
        for token, role in (
            (organization.admin, "admin"),
            (organization.viewer, "viewer"),
            (organization.powerless, "none"),
        )
    )


class Stage:
    """One server, and a client of each wire and colour to it, made when first used.

    Args:
        where: The server's URL, or what returns its services for the memory wire.
        runner: Runs the async clients, all on one loop.
    """

    def __init__(
        self, where: str | Callable[[], Iterable[Service]], runner: asyncio.Runner
    ) -> None:
        self._where = where
        self._runner = runner
        self._unused = iter(ORGANIZATIONS)
        self._async: dict[str, AsyncTransport] = {}
        self._sync: dict[str, Transport] = {}

    def play(
        self,
        scenario: Callable[[Cast], Awaitable[object]],
        *,
        wire: str,
        colour: str,
        organization: Organization | None = None,
    ) -> Plain:
        """Play a scenario and return its normalised outcome.

        Args:
            scenario: What to play.
            wire: One of `EVERY_WIRE`; the stage has to be one for it.
            colour: One of `COLOURS`.
            organization: Whose clients it gets; by default those of a fresh one.
        """
        mine = organization or next(self._unused)
        stranger = ORGANIZATIONS[-1] if organization else next(self._unused)
        cast = self._cast(wire, colour, mine, stranger)

        async def body() -> object:
            return await scenario(cast)

        result = self._runner.run(body()) if colour == "async" else run_blocking(body())
        return _without_token(normalised(result, organization=mine.id), mine.admin)

    def _cast(self, wire: str, colour: str, mine: Organization, stranger: Organization) -> Cast:
        client, call = self._of_async(wire) if colour == "async" else self._of_sync(wire)
        return Cast(
            admin=client(mine.admin),
            patient=client(mine.admin, manual_clock=True),
            viewer=client(mine.viewer),
            powerless=client(mine.powerless),
            stranger=client(stranger.admin),
            nobody=client(None),
            impostor=client("CW-SECRET-of-nobody"),
            call=lambda method, request: call(method, request, mine.admin),
        )

    def _of_async(self, wire: str) -> tuple[_MakeClient, _Call]:
        transport = self._async.get(wire)
        if transport is None:
            transport = self._async[wire] = self._open_async(wire)

        def client(token: str | None, *, manual_clock: bool = False) -> AsyncInferenceClient:
            return AsyncInferenceClient(
                transport=transport,
                token=token,
                timeout_seconds=_TIMEOUT_SECONDS,
                retry=None,
                clock=AsyncManualClock() if manual_clock else None,
            )

        async def call(method: MethodSpec[Any, Any], request: Message, token: str) -> Any:
            return await AsyncCaller(transport, headers=(bearer_header(token),)).unary(
                method, request
            )

        return client, call

    def _of_sync(self, wire: str) -> tuple[_MakeClient, _Call]:
        transport = self._sync.get(wire)
        if transport is None:
            transport = self._sync[wire] = self._open_sync(wire)

        def client(token: str | None, *, manual_clock: bool = False) -> AsyncInferenceClient:
            return dressed(
                InferenceClient(
                    transport=transport,
                    token=token,
                    timeout_seconds=_TIMEOUT_SECONDS,
                    retry=None,
                    clock=ManualClock() if manual_clock else None,
                )
            )

        async def call(method: MethodSpec[Any, Any], request: Message, token: str) -> Any:
            return Caller(transport, headers=(bearer_header(token),)).unary(method, request)

        return client, call

    def _open_async(self, wire: str) -> AsyncTransport:
        if not isinstance(self._where, str):
            return AsyncMemoryTransport(self._where())
        return aio.dial(
            "rest" if wire == DOCUMENTED else wire,
            Endpoint.parse(self._where),
            tls=TlsOptions(),
            user_agent=_USER_AGENT,
            enum_aliases=ENUM_ALIASES,
        )

    def _open_sync(self, wire: str) -> Transport:
        if not isinstance(self._where, str):
            return MemoryTransport(self._where())
        return sync.dial(
            "rest" if wire == DOCUMENTED else wire,
            Endpoint.parse(self._where),
            tls=TlsOptions(),
            user_agent=_USER_AGENT,
            enum_aliases=ENUM_ALIASES,
        )

    def close(self) -> None:
        """Close every client."""

        async def close_async() -> None:
            for transport in self._async.values():
                await transport.aclose()

        self._runner.run(close_async())
        for transport in self._sync.values():
            transport.close()


def _without_token(plain: Plain, token: str) -> Plain:
    """Return an outcome with the caller's own token renamed."""
    if isinstance(plain, str):
        return plain.replace(token, "<token>")
    if isinstance(plain, list):
        return [_without_token(item, token) for item in plain]
    if isinstance(plain, dict):
        return {key: _without_token(item, token) for key, item in plain.items()}
    return plain
