"""Callers of unary methods who go away before they are answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from triwire.codec.protojson import ProtoJsonCodec
from triwire.server.rest import RestApplication
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import HttpRule, MethodSpec

if TYPE_CHECKING:
    from collections.abc import Callable

METHOD = MethodSpec("acme.v1.S", "M", StringValue, StringValue, http=HttpRule("GET", "/v1/x"))
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/v1/x",
    "raw_path": b"/v1/x",
    "query_string": b"",
    "headers": [],
}


class Waiting:
    """A handler that waits for its end, and who calls it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.gone = asyncio.Event()
        self.ends: list[str] = []
        self.sent: list[Any] = []

    async def handler(self, request: StringValue, context: ServerContext) -> StringValue:
        del context
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ends.append("cancelled")
        return request

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: Any) -> None:
        self.sent.append(event)

    def call(self, handler: Callable[..., Any] | None = None) -> asyncio.Task[None]:
        service = Service("acme.v1.S", (MethodHandler(METHOD, handler or self.handler),))
        application = RestApplication([service], codec=ProtoJsonCodec())
        return asyncio.create_task(self._run(application))

    async def _run(self, application: RestApplication) -> None:
        await application(SCOPE, self.receive, self.send)


async def test_a_caller_that_goes_away_ends_the_handler_and_is_not_answered() -> None:
    waiting = Waiting()
    call = waiting.call()
    await waiting.begun.wait()
    waiting.gone.set()
    await call
    assert (waiting.ends, waiting.sent) == (["cancelled"], [])


async def test_a_cancelled_server_ends_the_handler_and_is_cancelled() -> None:
    waiting = Waiting()
    call = waiting.call()
    await waiting.begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert waiting.ends == ["cancelled"]


async def test_who_goes_away_after_the_answer_changes_nothing() -> None:
    waiting = Waiting()

    async def answer(request: StringValue, context: ServerContext) -> StringValue:
        del context
        await asyncio.sleep(0)
        return request

    await waiting.call(answer)
    assert [event["type"] for event in waiting.sent] == [
        "http.response.start",
        "http.response.body",
    ]
    assert waiting.sent[0]["status"] == 200
