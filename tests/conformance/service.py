"""The suite's service on our server side, as its protos describe it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from google.protobuf.any_pb2 import Any as AnyMessage

from tests.conformance.convert import headers_of, pairs_of, rpc_error
from tests.conformance.stubs import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from triwire.server.service import ServerContext


class Conformance:
    """Implements ConformanceServiceServer."""

    async def unary(self, request: Any, context: ServerContext) -> Any:
        return await self._single(load("service_pb2").UnaryResponse, [request], context)

    async def idempotent_unary(self, request: Any, context: ServerContext) -> Any:
        return await self._single(load("service_pb2").IdempotentUnaryResponse, [request], context)

    async def unimplemented(self, request: Any, context: ServerContext) -> Any:
        del request
        error = load("service_pb2").Error(code=12, message=f"{context.method.name} is not served")
        raise rpc_error(error)

    async def client_stream(self, requests: AsyncIterator[Any], context: ServerContext) -> Any:
        found = [request async for request in requests]
        return await self._single(load("service_pb2").ClientStreamResponse, found, context)

    async def _single(self, kind: Any, requests: list[Any], context: ServerContext) -> Any:
        definition = requests[0].response_definition if requests else None
        info = _request_info(requests, context)
        if definition is None:
            return kind(payload=_payload(b"", info))
        _set_metadata(definition, context)
        await asyncio.sleep(definition.response_delay_ms / 1000)
        if definition.HasField("error"):
            raise rpc_error(definition.error, info)
        return kind(payload=_payload(definition.response_data, info))

    async def server_stream(self, request: Any, context: ServerContext) -> AsyncIterator[Any]:
        definition = request.response_definition
        _set_metadata(definition, context)
        kind = load("service_pb2").ServerStreamResponse
        info: Any = _request_info([request], context)
        for data in definition.response_data:
            await asyncio.sleep(definition.response_delay_ms / 1000)
            yield kind(payload=_payload(data, info))
            info = None
        if definition.HasField("error"):
            raise rpc_error(definition.error, *([info] if info is not None else []))

    async def bidi_stream(
        self, requests: AsyncIterator[Any], context: ServerContext
    ) -> AsyncIterator[Any]:
        kind = load("service_pb2").BidiStreamResponse
        definition: Any = None
        waiting: list[Any] = []
        sent = 0
        async for request in requests:
            waiting.append(request)
            if definition is None:
                definition = request.response_definition
                _set_metadata(definition, context)
            if request.full_duplex or (definition is not None and waiting[0].full_duplex):
                if sent >= len(definition.response_data):
                    break
                await asyncio.sleep(definition.response_delay_ms / 1000)
                info = _request_info(waiting[-1:], context, with_headers=sent == 0)
                yield kind(payload=_payload(definition.response_data[sent], info))
                sent += 1
                waiting[1:] = []
        if definition is None:
            return
        info = _request_info(waiting, context) if sent == 0 else None
        for data in definition.response_data[sent:]:
            await asyncio.sleep(definition.response_delay_ms / 1000)
            yield kind(payload=_payload(data, info if sent == 0 else None))
            sent += 1
        if definition.HasField("error"):
            extra = [_request_info(waiting, context)] if sent == 0 else []
            raise rpc_error(definition.error, *extra)


def _set_metadata(definition: Any, context: ServerContext) -> None:
    context.response_headers.extend(pairs_of(definition.response_headers))
    context.response_trailers.extend(pairs_of(definition.response_trailers))


def _payload(data: bytes, info: Any) -> Any:
    return load("service_pb2").ConformancePayload(data=data, request_info=info)


def _request_info(requests: list[Any], context: ServerContext, *, with_headers: bool = True) -> Any:
    info = load("service_pb2").ConformancePayload.RequestInfo()
    if with_headers:
        info.request_headers.extend(headers_of(context.headers.pairs))
        if context.timeout_seconds is not None:
            info.timeout_ms = round(context.timeout_seconds * 1000)
    for request in requests:
        packed = AnyMessage()
        packed.Pack(request)
        info.requests.append(packed)
    return info
