"""The status of a stream when grpcio has one of its own to say beside the server's."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from triwire.errors import Code
from triwire.transports.grpc.aio import ServerStatus
from triwire.transports.grpc.wire import FAILED_WRITE

SERVERS = (grpc.StatusCode.ALREADY_EXISTS, "taken")
GRPCIOS = (grpc.StatusCode.INTERNAL, FAILED_WRITE)


class Call:
    """What of grpc.aio's calls tells of their status."""

    def __init__(self) -> None:
        self.status: tuple[grpc.StatusCode, str] = SERVERS

    async def code(self) -> grpc.StatusCode:
        return self.status[0]

    async def details(self) -> str:
        return self.status[1]

    async def debug_error_string(self) -> str:
        return ""

    async def trailing_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("x-a", "1"),) if self.status is SERVERS else ()

    async def initial_metadata(self) -> None:
        return None


@pytest.mark.parametrize(
    "order",
    [
        pytest.param([SERVERS], id="the server's alone"),
        pytest.param([GRPCIOS, SERVERS], id="grpcio's, then the server's"),
        pytest.param([SERVERS, GRPCIOS], id="the server's, then grpcio's"),
    ],
)
async def test_the_servers_word_counts(order: list[tuple[grpc.StatusCode, str]]) -> None:
    call, status = Call(), ServerStatus(None)
    for call.status in order:
        status.note(call)
    found = await status.error(call)
    assert (found.code, found.message, found.from_server) == (Code.ALREADY_EXISTS, "taken", True)
    assert found.trailers == (("x-a", "1"),)


async def test_without_a_word_of_the_server_the_error_is_the_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("triwire.transports.grpc.aio._STATUS_SECONDS", 0.0)
    call: Any = Call()
    status = ServerStatus(None)
    call.status = GRPCIOS
    status.note(call)
    found = await status.error(call)
    assert (found.code, found.from_server) == (Code.INTERNAL, False)
