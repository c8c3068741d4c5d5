"""Memory and CPU of open streams, beside the bare clients.

    python -m bench.streams [--rounds 3] [--streams 1000] [--json FILE]

A child process opens that many server streams over HTTP/2, reads one message of each and leaves
them open. Memory is what its resident set grew by, in KiB per stream; CPU is that of the process,
all threads, for opening a stream and reading its first message. Ten streams before warm up. Reads
/proc: Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.wrappers_pb2 import StringValue

from bench.measure import Pair, compare, print_pairs, write_json
from tests.stream_service import FOREVER, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

WIRES = ("connect", "grpc", "grpc-web")
PEERS = {"connect": "connectrpc", "grpc": "grpcio stub", "grpc-web": "connectrpc"}
WARM_UP = 10
TIMEOUT_SECONDS = 120.0
_PAGE_KIB = 4


def ours(wire: str, port: int) -> Callable[[str], AsyncIterator[Any]]:
    """Return what opens a stream of the facade."""
    from triwire.call.aio import AsyncCaller
    from triwire.config import Endpoint
    from triwire.dial.aio import dial
    from triwire.spec import CallOptions
    from triwire.tls import TlsOptions

    endpoint = Endpoint.parse(f"http://127.0.0.1:{port}")
    transport = dial(wire, endpoint, tls=TlsOptions(), user_agent="bench/1", http_version=2)
    caller = AsyncCaller(transport, options=CallOptions(timeout_seconds=TIMEOUT_SECONDS))
    return lambda key: aiter(caller.server_stream(FOREVER, StringValue(value=key)))


def theirs(wire: str, port: int) -> Callable[[str], AsyncIterator[Any]]:
    """Return what opens a stream of the bare client."""
    if wire == "grpc":
        import grpc.aio

        channel: Any = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        method = channel.unary_stream(
            FOREVER.path,
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )
        return lambda key: aiter(method(StringValue(value=key), timeout=TIMEOUT_SECONDS))
    import pyqwest
    from connectrpc.client import ConnectClient
    from connectrpc.compat import google_protobuf_binary_codec
    from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
    from connectrpc.protocol import ProtocolType

    http = pyqwest.Client(
        pyqwest.HTTPTransport(http_version=pyqwest.HTTPVersion.HTTP2, enable_otel=False)
    )
    client: Any = ConnectClient(
        f"http://127.0.0.1:{port}",
        protocol=ProtocolType.CONNECT if wire == "connect" else ProtocolType.GRPC_WEB,
        codec=google_protobuf_binary_codec(),
        accept_compression=(),
        send_compression=None,
        http_client=http,
    )
    info = MethodInfo(
        name=FOREVER.name,
        service_name=FOREVER.service,
        input=StringValue,
        output=StringValue,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.SERVER_STREAM,
    )
    return lambda key: aiter(
        client.execute_server_stream(
            request=StringValue(value=key), method=info, timeout_ms=int(TIMEOUT_SECONDS * 1000)
        )
    )


def _resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_KIB


async def _child(side: str, wire: str, port: int, streams: int) -> None:
    open_stream = (ours if side == "ours" else theirs)(wire, port)
    held: list[Any] = []

    async def begin(count: int) -> None:
        opened = [open_stream(f"{side}-{wire}-{len(held) + number}") for number in range(count)]
        held.extend(opened)
        await asyncio.gather(*(anext(stream) for stream in opened))

    await begin(WARM_UP)
    before, cpu = _resident_kib(), time.process_time()
    await begin(streams)
    cpu = time.process_time() - cpu
    print((_resident_kib() - before) / streams, cpu / streams * 1e6, flush=True)
    # The streams end with the process: closing them is not what is measured.
    os._exit(0)


def measure(side: str, wire: str, port: int, streams: int) -> tuple[float, float]:
    """Return KiB and microseconds of CPU per stream."""
    command = [sys.executable, "-m", "bench.streams", "--child", side, wire, str(port)]
    done = subprocess.run(
        [*command, "--streams", str(streams)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    kib, microseconds = done.stdout.split()
    return float(kib), float(microseconds)


def measure_all(*, rounds: int, streams: int) -> list[Pair]:
    """Measure every wire beside its peer, in turn."""
    pairs: list[Pair] = []
    with serving() as port:
        for wire in WIRES:
            found: dict[str, list[tuple[float, float]]] = {"ours": [], "theirs": []}
            order = ["ours", "theirs"]
            for _ in range(rounds):
                for side in order:
                    found[side].append(measure(side, wire, port, streams))
                order.reverse()
            for position, unit in enumerate(("KiB/stream", "CPU us/stream")):
                both = ([entry[position] for entry in found[side]] for side in found)
                name = f"{streams} open streams {wire} {unit}"
                pairs.append(compare(name, PEERS[wire], unit, *both))
    return pairs


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        side, wire, port = arguments.child
        asyncio.run(_child(side, wire, int(port), arguments.streams))
    pairs = measure_all(rounds=min(arguments.rounds, 3), streams=arguments.streams)
    print_pairs(f"{arguments.streams} open streams", pairs)
    if arguments.json:
        write_json(arguments.json, pairs)


if __name__ == "__main__":
    main()
