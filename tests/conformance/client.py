"""The suite's client program: makes the calls that the runner describes, with our facade.

Usage: python -m tests.conformance.client aio|sync. Reads ClientCompatRequests from standard
input and writes ClientCompatResponses to standard output, each with its length before it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from tests.conformance.convert import (
    error_message,
    headers_of,
    pairs_of,
    read_message,
    write_message,
)
from tests.conformance.stubs import load
from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.cancellation import Cancellation
from triwire.codec.binary import BinaryCodec
from triwire.codec.protojson import ProtoJsonCodec
from triwire.config import Endpoint
from triwire.dial import aio as async_dial
from triwire.dial import sync as sync_dial
from triwire.errors import Code, RpcError
from triwire.spec import CallOptions, Metadata
from triwire.tls import TlsOptions
from triwire.transports.options import WireOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

WIRES = {1: "connect", 2: "grpc", 3: "grpc-web"}
GRPC = 2
# Without a deadline grpcio would wait for ever (known/grpc-*-failing.txt).
NEVER_ENDS = "/unary/multiple-responses"
AGENT = "triwire-conformance"
CONCURRENCY = 8


class Case:
    """One ClientCompatRequest in the terms of our facade."""

    def __init__(self, request: Any) -> None:
        self.request = request
        service = load("service_pb2")
        self.messages = [self._unpacked(packed, service) for packed in request.request_messages]
        cancel = request.cancel.WhichOneof("cancel_timing") if request.HasField("cancel") else None
        self.cancels = request.HasField("cancel")
        self.before_close_send = cancel == "before_close_send"
        self.cancel_after_seconds = (
            request.cancel.after_close_send_ms / 1000
            if self.cancels and cancel in {"after_close_send_ms", None}
            else None
        )
        self.cancel_after_responses = (
            request.cancel.after_num_responses if cancel == "after_num_responses" else None
        )
        self.delay_seconds = request.request_delay_ms / 1000
        self.is_full_duplex = request.stream_type == 5
        self.is_unary = request.method in {"Unary", "IdempotentUnary", "Unimplemented"}

    @staticmethod
    def _unpacked(packed: Any, service: Any) -> Any:
        kind = getattr(service, packed.type_url.rpartition(".")[2])
        return kind.FromString(packed.value)

    def dial_arguments(self) -> dict[str, Any]:
        request = self.request
        tls = TlsOptions()
        if request.server_tls_cert:
            creds = request.client_tls_creds if request.HasField("client_tls_creds") else None
            tls = TlsOptions(
                request.server_tls_cert,
                creds.cert if creds else None,
                creds.key if creds else None,
            )
        wire = WIRES[request.protocol]
        # HTTP/2 over TLS is what both sides agree on by themselves, but never over plaintext.
        version: Literal[1, 2] = 1 if request.http_version == 1 else 2
        options = WireOptions(
            codec=ProtoJsonCodec() if request.codec == 2 else BinaryCodec(),
            gzip_requests_from_bytes=0 if request.compression == 2 else None,
            gzip_responses=request.compression == 2,
            max_response_bytes=request.message_receive_limit or None,
            use_get=request.use_get_http_method,
        )
        scheme = "https" if request.server_tls_cert else "http"
        return {
            "wire": wire,
            "endpoint": Endpoint.parse(f"{scheme}://{request.host}:{request.port}"),
            "tls": tls,
            "user_agent": AGENT,
            "options": options,
            "http_version": None if wire == "grpc" else version,
        }

    def call_options(self) -> CallOptions:
        seconds = self.request.timeout_ms / 1000 if self.request.HasField("timeout_ms") else None
        if self.request.protocol == GRPC and self.request.test_name.endswith(NEVER_ENDS):
            seconds = 1.0
        return CallOptions(
            timeout_seconds=seconds, headers=Metadata(pairs_of(self.request.request_headers))
        )


class Outcome:
    """What a call gave, as it is learned."""

    def __init__(self) -> None:
        self.result = load("client_compat_pb2").ClientResponseResult()
        self.headers: tuple[tuple[str, str | bytes], ...] = ()
        self.trailers: tuple[tuple[str, str | bytes], ...] = ()

    def metadata(self, headers: Metadata, trailers: Metadata) -> None:
        self.headers, self.trailers = headers.pairs, trailers.pairs

    def failed(self, error: RpcError) -> None:
        self.result.error.CopyFrom(error_message(error))
        self.headers = self.headers or error.headers
        self.trailers = self.trailers or error.trailers

    def payload(self, message: Any) -> None:
        # UnimplementedResponse has none.
        if "payload" in message.DESCRIPTOR.fields_by_name:
            self.result.payloads.append(message.payload)

    def finished(self) -> Any:
        self.result.response_headers.extend(headers_of(self.headers))
        self.result.response_trailers.extend(headers_of(self.trailers))
        return self.result


CANCELLED = RpcError(Code.CANCELLED, "cancelled by the test")


async def run_async(case: Case) -> Any:
    arguments = case.dial_arguments()
    transport = async_dial.dial(arguments.pop("wire"), arguments.pop("endpoint"), **arguments)
    caller = AsyncCaller(transport, options=case.call_options())
    client = load("service_triwire").AsyncConformanceServiceClient(caller)
    try:
        return await _AsyncRun(case, client).run()
    finally:
        await caller.aclose()


class _AsyncRun:
    def __init__(self, case: Case, client: Any) -> None:
        self.case = case
        self.client = client
        self.outcome = Outcome()
        self.unsent = len(case.messages)
        self.all_sent = asyncio.Event()
        self.answered = asyncio.Semaphore(0)
        self.held_back = asyncio.Event()

    async def run(self) -> Any:
        case, outcome = self.case, self.outcome
        method = getattr(self.client, _snake(case.request.method))
        try:
            if case.is_unary:
                await self._until_cancelled(self._unary(method), sent=True)
            elif case.request.method == "ClientStream":
                await self._until_cancelled(self._client_stream(method), sent=False)
            else:
                await self._responses(method)
        except RpcError as error:
            outcome.failed(error)
        outcome.result.num_unsent_requests = self.unsent
        return outcome.finished()

    async def _unary(self, method: Any) -> None:
        await asyncio.sleep(self.case.delay_seconds)
        self.unsent = 0
        response = await method(self.case.messages[0])
        self.outcome.payload(response.message)
        self.outcome.metadata(response.headers, response.trailers)

    async def _client_stream(self, method: Any) -> None:
        response = await method(self._requests())
        self.outcome.payload(response.message)
        self.outcome.metadata(response.headers, response.trailers)

    async def _until_cancelled(self, call: Any, *, sent: bool) -> None:
        """Run a call in a task and cancel that when the test says so."""
        task = asyncio.ensure_future(call)
        canceller = asyncio.ensure_future(self._cancel_task(task, sent=sent))
        try:
            await task
        except asyncio.CancelledError:
            raise CANCELLED from None
        finally:
            canceller.cancel()

    async def _cancel_task(self, task: asyncio.Future[None], *, sent: bool) -> None:
        if not self.case.cancels:
            return
        if not sent:
            await (self.held_back if self.case.before_close_send else self.all_sent).wait()
        await asyncio.sleep(self.case.cancel_after_seconds or 0)
        task.cancel()

    async def _requests(self) -> AsyncIterator[Any]:
        for message in self.case.messages:
            await asyncio.sleep(self.case.delay_seconds)
            self.unsent -= 1
            yield message
            if self.case.is_full_duplex:
                await self.answered.acquire()
        if self.case.before_close_send:
            self.held_back.set()
            await asyncio.Event().wait()
        self.all_sent.set()

    async def _responses(self, method: Any) -> None:
        case, outcome = self.case, self.outcome
        if case.request.method == "ServerStream":
            await asyncio.sleep(case.delay_seconds)
            self.unsent = 0
            self.all_sent.set()
            stream = method(case.messages[0])
        else:
            stream = method(self._requests())
        canceller = asyncio.ensure_future(self._close(stream))
        try:
            count = 0
            async for message in stream:
                outcome.payload(message)
                count += 1
                self.answered.release()
                if count == case.cancel_after_responses:
                    await stream.aclose()
            outcome.metadata(await stream.headers(), stream.trailers)
        except RpcError as error:
            if not error.headers:
                try:
                    outcome.headers = (await stream.headers()).pairs
                except RpcError:
                    outcome.headers = ()
            outcome.trailers = stream.trailers.pairs
            raise
        finally:
            canceller.cancel()
            await stream.aclose()

    async def _close(self, stream: Any) -> None:
        if self.case.before_close_send:
            await self.held_back.wait()
        elif self.case.cancel_after_seconds is not None:
            await self.all_sent.wait()
            await asyncio.sleep(self.case.cancel_after_seconds)
        else:
            return
        await stream.aclose()


def run_sync(case: Case) -> Any:
    arguments = case.dial_arguments()
    transport = sync_dial.dial(arguments.pop("wire"), arguments.pop("endpoint"), **arguments)
    caller = Caller(transport, options=case.call_options())
    client = load("service_triwire").ConformanceServiceClient(caller)
    try:
        return _SyncRun(case, client).run()
    finally:
        caller.close()


class _SyncRun:
    def __init__(self, case: Case, client: Any) -> None:
        self.case = case
        self.client = client
        self.outcome = Outcome()
        self.unsent = len(case.messages)
        self.all_sent = threading.Event()
        self.answered = threading.Semaphore(0)
        self.held_back = threading.Event()
        self.over = threading.Event()

    def run(self) -> Any:
        case, outcome = self.case, self.outcome
        method = getattr(self.client, _snake(case.request.method))
        try:
            if case.is_unary:
                time.sleep(case.delay_seconds)
                self.unsent = 0
                self.all_sent.set()
                self._single(method, case.messages[0])
            elif case.request.method == "ClientStream":
                self._single(method, self._requests())
            else:
                self._responses(method)
        except RpcError as error:
            outcome.failed(error)
        finally:
            self.over.set()
        outcome.result.num_unsent_requests = self.unsent
        return outcome.finished()

    def _single(self, method: Any, request: Any) -> None:
        with Cancellation() as cancellation:
            if self.case.cancels:
                threading.Thread(target=self._give_up, args=(cancellation,), daemon=True).start()
            response = method(request)
        self.outcome.payload(response.message)
        self.outcome.metadata(response.headers, response.trailers)

    def _give_up(self, cancellation: Cancellation) -> None:
        (self.held_back if self.case.before_close_send else self.all_sent).wait()
        time.sleep(self.case.cancel_after_seconds or 0)
        cancellation.cancel()

    def _requests(self) -> Iterator[Any]:
        for message in self.case.messages:
            time.sleep(self.case.delay_seconds)
            self.unsent -= 1
            yield message
            if self.case.is_full_duplex:
                while not self.answered.acquire(timeout=0.05):
                    if self.over.is_set():
                        return
        if self.case.before_close_send:
            self.held_back.set()
            self.over.wait()
            raise CANCELLED
        self.all_sent.set()

    def _responses(self, method: Any) -> None:
        case, outcome = self.case, self.outcome
        if case.request.method == "ServerStream":
            time.sleep(case.delay_seconds)
            self.unsent = 0
            self.all_sent.set()
            stream = method(case.messages[0])
        else:
            stream = method(self._requests())
        threading.Thread(target=self._close, args=(stream,), daemon=True).start()
        try:
            for count, message in enumerate(stream, start=1):
                outcome.payload(message)
                self.answered.release()
                if count == case.cancel_after_responses:
                    stream.close()
            outcome.metadata(stream.headers(), stream.trailers)
        except RpcError as error:
            if not error.headers:
                try:
                    outcome.headers = stream.headers().pairs
                except RpcError:
                    outcome.headers = ()
            outcome.trailers = stream.trailers.pairs
            raise
        finally:
            stream.close()

    def _close(self, stream: Any) -> None:
        if self.case.before_close_send:
            self.held_back.wait()
        elif self.case.cancel_after_seconds is not None:
            self.all_sent.wait()
            time.sleep(self.case.cancel_after_seconds)
        else:
            return
        stream.close()


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _response(case_name: str, result: Any, problem: str) -> bytes:
    response = load("client_compat_pb2").ClientCompatResponse(test_name=case_name)
    if problem:
        response.error.message = problem
    else:
        response.response.CopyFrom(result)
    data: bytes = response.SerializeToString()
    return data


def _requests() -> Iterator[Any]:
    kind = load("client_compat_pb2").ClientCompatRequest
    while (data := read_message(sys.stdin.buffer)) is not None:
        yield kind.FromString(data)


async def main_async() -> None:
    limit = asyncio.Semaphore(CONCURRENCY)

    async def one(request: Any) -> None:
        try:
            result, problem = await run_async(Case(request)), ""
        except Exception as error:  # noqa: BLE001 - told to the runner
            result, problem = None, f"{type(error).__name__}: {error}"
        finally:
            limit.release()
        write_message(sys.stdout.buffer, _response(request.test_name, result, problem))

    loop = asyncio.get_running_loop()
    iterator = _requests()
    async with asyncio.TaskGroup() as group:
        while True:
            request = await loop.run_in_executor(None, next, iterator, None)
            if request is None:
                return
            await limit.acquire()
            group.create_task(one(request))


def main_sync() -> None:
    lock = threading.Lock()

    def one(request: Any) -> None:
        try:
            result, problem = run_sync(Case(request)), ""
        except Exception as error:  # noqa: BLE001 - told to the runner
            result, problem = None, f"{type(error).__name__}: {error}"
        with lock:
            write_message(sys.stdout.buffer, _response(request.test_name, result, problem))

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        for request in _requests():
            pool.submit(one, request)


if __name__ == "__main__":
    if sys.argv[1] == "aio":
        asyncio.run(main_async())
    else:
        main_sync()
