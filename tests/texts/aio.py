"""Texts as a stream of messages, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.wrappers_pb2 import StringValue

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

__all__ = ["texts", "values"]


async def texts(*values: str) -> AsyncIterator[StringValue]:
    """Yield a message for each text."""
    for value in values:
        yield StringValue(value=value)


async def values(stream: AsyncIterable[StringValue]) -> list[str]:
    """Return the texts of a stream, to its end."""
    return [message.value async for message in stream]
