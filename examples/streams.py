"""A service of your own, with a stream: served on every wire of one port, called over each of them.

python examples/streams.py

The method is written by hand here; of a .proto, protoc-gen-triwire writes `MethodSpec`s, typed
clients and the server's side. Serving needs the extra "emulator" (pyvoy), or another ASGI server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

from google.protobuf.wrappers_pb2 import Int32Value

from triwire.call.sync import Caller
from triwire.codec.protojson import ProtoJsonCodec
from triwire.config import Endpoint
from triwire.dial.sync import dial
from triwire.dial.wires import WIRES
from triwire.errors import Code, RpcError
from triwire.server.asgi import asgi_app
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import HttpRule, MethodSpec, StreamKind
from triwire.tls import TlsOptions

COUNT_DOWN = MethodSpec(
    "example.v1.CounterService",
    "CountDown",
    Int32Value,
    Int32Value,
    stream_kind=StreamKind.SERVER_STREAM,
    http=HttpRule("GET", "/v1/countdown/{value}"),
)


def count_down(request: Int32Value, context: ServerContext) -> Iterator[Int32Value]:
    """Answer with every number down to zero, and fail below."""
    del context
    if request.value < 0:
        raise RpcError(Code.INVALID_ARGUMENT, "expected a number from 0 on")
    for value in range(request.value, -1, -1):
        yield Int32Value(value=value)


SERVICE = Service(COUNT_DOWN.service, (MethodHandler(COUNT_DOWN, count_down),))
app = asgi_app([SERVICE], codec=ProtoJsonCodec())


def call(port: int) -> None:
    """Read the stream over every wire."""
    for wire in WIRES:
        endpoint = Endpoint.parse(f"http://127.0.0.1:{port}")
        transport = dial(wire, endpoint, tls=TlsOptions(), user_agent="example/1")
        with closing(Caller(transport)) as caller:
            with caller.server_stream(COUNT_DOWN, Int32Value(value=3)) as stream:
                print(wire, [message.value for message in stream])
            try:
                for _ in caller.server_stream(COUNT_DOWN, Int32Value(value=-1)):
                    pass
            except RpcError as error:
                print(wire, error.code.name)


async def main() -> None:
    """Serve and call."""
    from pyvoy import PyvoyServer

    async with PyvoyServer("streams:app", worker_threads=1, lifespan=False) as server:
        await asyncio.to_thread(call, server.listener_port)


if __name__ == "__main__":
    asyncio.run(main())
