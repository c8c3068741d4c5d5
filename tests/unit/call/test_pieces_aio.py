"""Long responses are read in pieces, between which other tasks have their turn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_pb2 as pb
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    DeploymentServiceMethods,
)
from triwire.call.aio import AsyncCaller
from triwire.codec.pieces import LARGE_BYTES
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import RpcError
from triwire.spec import Metadata, RawResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triwire.interceptors import Call, Interception
    from triwire.spec import MethodSpec
    from triwire.transports.base import RequestT, ResponseT

LIST = DeploymentServiceMethods.LIST_DEPLOYMENTS
CODEC = ProtoJsonCodec()
NAME = "n" * 200
LONG = CODEC.encode(
    pb.ListDeploymentsResponse(
        items=[pb.Deployment(spec=pb.DeploymentSpec(name=f"{NAME}{at}")) for at in range(5000)]
    )
)


class AsyncOneAnswer:
    """Answers with one text, and notes the size of each that it is to read."""

    wire = "fake"

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.read: list[int] = []

    async def unary(self, *_: object, **__: object) -> RawResponse:
        return RawResponse(self._body, Metadata(), Metadata())

    def stream(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError("nothing streams")

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        self.read.append(len(body))
        return CODEC.decode(body, method.response_type)

    async def aclose(self) -> None:
        pass


def around(call: Call) -> Interception:
    return (yield call)


def callers(body: bytes) -> Iterator[tuple[AsyncCaller, AsyncOneAnswer]]:
    """Give a caller on the short way of a call, and one on the long way."""
    for interceptors in ((), (around,)):
        transport = AsyncOneAnswer(body)
        yield AsyncCaller(transport, interceptors=interceptors), transport


async def test_a_long_list_is_read_in_pieces() -> None:
    for caller, transport in callers(LONG):
        response = await caller.unary(LIST, pb.ListDeploymentsRequest())
        names = [item.spec.name for item in response.message.items]
        assert names == [f"{NAME}{at}" for at in range(5000)]
        assert response.size_bytes == len(LONG)
        assert len(transport.read) == len(LONG) // LARGE_BYTES + 1
        assert max(transport.read) < 1.1 * LARGE_BYTES


async def test_a_list_that_cannot_be_read_in_pieces_is_read_as_a_whole() -> None:
    # Nested objects that begin as the elements do: where the pieces end is guessed wrong.
    inner = [{"spec": {"name": NAME}}] * 5000
    body = json.dumps({"items": [{"spec": {"name": "a"}, "unknown": inner}] * 2}).encode()
    for caller, transport in callers(body):
        response = await caller.unary(LIST, pb.ListDeploymentsRequest())
        assert [item.spec.name for item in response.message.items] == ["a", "a"]
        assert transport.read[-1] == len(body)


async def test_a_long_text_that_is_no_response_is_one_error() -> None:
    body = LONG[:-3] + b'"spec":1}]}'
    for caller, _ in callers(body):
        with pytest.raises(RpcError) as caught:
            await caller.unary(LIST, pb.ListDeploymentsRequest())
        with pytest.raises(RpcError) as whole:
            CODEC.decode(body, LIST.response_type)
        assert str(caught.value) == str(whole.value)
