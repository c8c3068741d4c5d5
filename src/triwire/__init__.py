"""triwire: one typed client over gRPC, Connect, gRPC-Web and REST, from .proto files."""

from __future__ import annotations

from triwire.cancellation import Cancellation
from triwire.errors import Code, RpcError, WaitError
from triwire.retry import HedgingPolicy, RetryPolicy, RetryThrottling
from triwire.spec import CallOptions, Metadata, Response
from triwire.transports.options import ConnectionOptions, WireOptions

__all__ = [
    "CallOptions",
    "Cancellation",
    "Code",
    "ConnectionOptions",
    "HedgingPolicy",
    "Metadata",
    "Response",
    "RetryPolicy",
    "RetryThrottling",
    "RpcError",
    "WaitError",
    "WireOptions",
]
