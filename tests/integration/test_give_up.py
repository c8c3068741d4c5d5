"""Blocking calls are given up from another thread, on every wire."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from coreweave_inference import Cancellation, Code, InferenceClient, RpcError
from tests.integration.test_streams_sync import caller_for
from tests.raw_peers import serving
from tests.relay import Relay
from tests.stream_service import CHAT, COLLECT, ENDED, FOREVER, NAME, RPC_WIRES
from triwire._io import SystemClock
from triwire.dial.wires import WIRES
from triwire.retry import RetryPolicy
from triwire.spec import MethodSpec, StreamKind

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.emulator_process import RunningEmulator

TOKEN = "CW-SECRET-for-tests"  # noqa: S105 - no secret
# Far above what a test may take, so that only being given up ends a call.
LONG_SECONDS = 600.0


def given_up(work: Callable[[], object], *, once: threading.Event) -> RpcError:
    """Run `work` in a thread, give it up once the event is set, and return what it raised."""
    cancellation = Cancellation()

    def run() -> None:
        with cancellation:
            work()

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(run)
        assert once.wait(20)
        assert not future.done()
        cancellation.cancel()
        assert wait_for([future], 20).done, "the call goes on"
        with pytest.raises(RpcError) as caught:
            future.result()
    assert (caught.value.code, caught.value.from_server) == (Code.CANCELLED, False)
    return caught.value


@pytest.mark.parametrize("wire", WIRES)
def test_a_unary_call_is_given_up(wire: str) -> None:
    arrived = threading.Event()

    def listen(connection: socket.socket, ended: threading.Event) -> None:
        connection.recv(1)
        arrived.set()
        ended.wait(20)

    with serving(listen) as port:
        client = InferenceClient(
            f"http://127.0.0.1:{port}", token=TOKEN, transport=wire, timeout_seconds=LONG_SECONDS
        )
        with client:
            error = given_up(client.gateways.list, once=arrived)
    assert error.attempts == 1


def test_a_grpc_server_learns_that_a_unary_call_was_given_up() -> None:
    arrived, ended = threading.Event(), threading.Event()

    library: Any = grpc  # half of what servers need is untyped in the stubs

    def answer(request: bytes, context: Any) -> bytes:
        context.add_callback(ended.set)
        arrived.set()
        ended.wait(20)
        return request

    handlers = library.method_handlers_generic_handler(
        "coreweave.inference.v1alpha1.GatewayService",
        {"ListGateways": library.unary_unary_rpc_method_handler(answer)},
    )
    with ThreadPoolExecutor(1) as workers:
        server = library.server(workers)
        server.add_generic_rpc_handlers((handlers,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with InferenceClient(f"http://127.0.0.1:{port}", token=TOKEN, transport="grpc") as client:
            given_up(client.gateways.list, once=arrived)
            assert ended.wait(20)
        server.stop(None)


@pytest.mark.parametrize("wire", RPC_WIRES)
def test_a_client_stream_is_given_up_before_there_is_an_answer(wire: str, stream_port: int) -> None:
    taken, over = threading.Event(), threading.Event()

    def requests() -> Iterator[StringValue]:
        yield StringValue(value="a")
        taken.set()
        over.wait(20)

    caller = caller_for(wire, stream_port)
    given_up(lambda: caller.client_stream(COLLECT, requests()), once=taken)
    over.set()
    caller.close()


@pytest.mark.parametrize("wire", RPC_WIRES)
def test_the_server_learns_that_a_client_stream_was_given_up(wire: str, stream_port: int) -> None:
    # Answered at once, which a server may do; its caller still waits for the end.
    method = MethodSpec(NAME, CHAT.name, StringValue, StringValue, StreamKind.CLIENT_STREAM)
    key, answered, over = uuid.uuid4().hex * 1000, threading.Event(), threading.Event()
    with Relay(stream_port) as between:

        def requests() -> Iterator[StringValue]:
            yield StringValue(value=key)
            between.wait_for_response_bytes(len(key))
            answered.set()
            over.wait(20)
            yield StringValue(value="too late")

        caller = caller_for(wire, between.port)
        given_up(lambda: caller.client_stream(method, requests()), once=answered)
        if wire != "grpc":
            # pyqwest resets a stream when it has let go of both sides.
            over.set()
        assert caller.unary(ENDED, StringValue(value=key)).message.value == key
        over.set()
        caller.close()


@pytest.mark.parametrize("wire", WIRES)
def test_reading_a_server_stream_is_given_up_and_the_server_learns_of_it(
    wire: str, stream_port: int
) -> None:
    key, begun = uuid.uuid4().hex, threading.Event()
    caller = caller_for(wire, stream_port)

    def read() -> None:
        for _ in caller.server_stream(FOREVER, StringValue(value=key)):
            begun.set()

    given_up(read, once=begun)
    caller.close()
    caller = caller_for("connect", stream_port)
    assert caller.unary(ENDED, StringValue(value=key)).message.value == key
    caller.close()


@pytest.mark.parametrize("wire", WIRES)
def test_calls_in_the_block_succeed_until_then_and_later_ones_do_not_begin(
    wire: str, emulator: RunningEmulator
) -> None:
    with InferenceClient(emulator.url, token=emulator.admin_token, transport=wire) as client:
        with Cancellation() as cancellation:
            client.gateways.list()
            cancellation.cancel()
            cancellation.cancel()
            assert cancellation.is_cancelled
            with pytest.raises(RpcError) as caught:
                client.gateways.list()
            assert caught.value.code is Code.CANCELLED
        client.gateways.list()


@pytest.mark.parametrize("wire", WIRES)
def test_errors_in_the_block_are_those_outside_of_it(wire: str, emulator: RunningEmulator) -> None:
    missing = str(uuid.uuid4())
    with InferenceClient(emulator.url, token=emulator.admin_token, transport=wire) as client:
        with pytest.raises(RpcError) as outside:
            client.gateways.get(missing)
        with Cancellation(), pytest.raises(RpcError) as inside:
            client.gateways.get(missing)
    assert repr(inside.value) == repr(outside.value)
    assert inside.value.code is Code.NOT_FOUND


def test_the_wait_before_another_attempt_is_given_up() -> None:
    attempts = threading.Event()

    def refuse(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(1)
        attempts.set()

    policy = RetryPolicy(initial_backoff_seconds=LONG_SECONDS, max_backoff_seconds=LONG_SECONDS)
    with serving(refuse) as port:
        client = InferenceClient(
            f"http://127.0.0.1:{port}", token=TOKEN, retry=policy, timeout_seconds=None
        )
        with client:
            given_up(client.gateways.list, once=attempts)


def test_an_outer_block_gives_up_what_an_inner_one_holds() -> None:
    with Cancellation() as outer, Cancellation():
        outer.cancel()
        with pytest.raises(RpcError) as caught:
            SystemClock().sleep(LONG_SECONDS)
    assert caught.value.code is Code.CANCELLED
    SystemClock().sleep(0)
