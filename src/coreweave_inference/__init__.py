"""Client, emulator and command line of the CoreWeave Inference API.

Importing this package loads neither grpc nor an HTTP stack: each wire loads with its first
call, the clients when their names are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.errors import Code, RpcError
from triwire.transports.options import WireOptions

if TYPE_CHECKING:
    from coreweave_inference.client.aio import AsyncInferenceClient
    from coreweave_inference.client.sync import InferenceClient

__all__ = ["AsyncInferenceClient", "Code", "InferenceClient", "RpcError", "WireOptions"]


def __getattr__(name: str) -> object:
    # One colour does not load the other.
    if name == "InferenceClient":
        from coreweave_inference.client.sync import InferenceClient

        return InferenceClient
    if name == "AsyncInferenceClient":
        from coreweave_inference.client.aio import AsyncInferenceClient

        return AsyncInferenceClient
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
