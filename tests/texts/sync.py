# Generated from tests/texts/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Texts as a stream of messages, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.wrappers_pb2 import StringValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["texts", "values"]


def texts(*values: str) -> Iterator[StringValue]:
    """Yield a message for each text."""
    for value in values:
        yield StringValue(value=value)


def values(stream: Iterable[StringValue]) -> list[str]:
    """Return the texts of a stream, to its end."""
    return [message.value for message in stream]
