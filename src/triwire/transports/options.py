"""What can be chosen about a wire beside the address: encoding, compression, limits. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from triwire.codec.binary import BinaryCodec

if TYPE_CHECKING:
    from triwire.codec import Codec

__all__ = ["WireOptions"]


@dataclass(frozen=True, slots=True)
class WireOptions:
    """Settings of the RPC wires; the defaults are what was measured to be fastest.

    Attributes:
        codec: Writes requests and reads responses; gRPC takes protobuf binary only.
        gzip_requests: Whether requests are compressed. Halves the throughput of small calls.
        gzip_responses: Whether the server may compress responses.
        max_message_bytes: Largest response message taken, after decompression:
            RESOURCE_EXHAUSTED above it. None: no limit.
        use_get: Whether Connect sends unary calls without side effects as GET, which caches
            can answer. Others stay POST.
    """

    codec: Codec = field(default_factory=BinaryCodec)
    gzip_requests: bool = False
    gzip_responses: bool = False
    max_message_bytes: int | None = None
    use_get: bool = False
