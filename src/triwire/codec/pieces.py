"""A long list in JSON, cut into texts that are lists of their own.

Reading JSON holds the interpreter: ten thousand resources take a third of a second, in which an
event loop does nothing else (bench/watch.py). In pieces, others get a turn in between.

Where to cut is guessed, and reading the pieces proves the guess: JSON is read from left to right
without looking ahead, so if `[` + beginning + `]` is an array, then after that beginning the reader
of the whole text stands between two elements of that array too, and what follows begins the next
one. A cut inside of a string or of something nested leaves a piece that is no JSON; then the text
is to be read as a whole, which also says what is wrong with one that is no JSON at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from triwire.codec.reflection import is_map, is_repeated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triwire.codec.reflection import AnyDescriptor

__all__ = ["LARGE_BYTES", "json_pieces"]

LARGE_BYTES: Final = 256 * 1024
"""Size of a piece, give or take an element; takes some six milliseconds to read."""

# An object that begins with an array of objects: the name of the array, and the first key in it.
_LIST: Final = rb'\s*\{\s*"(\w+)"\s*:\s*\[(?=\s*\{\s*("[^"\\]*")\s*:)'


def json_pieces(
    data: bytes, descriptor: AnyDescriptor, *, piece_bytes: int = LARGE_BYTES
) -> Iterator[bytes] | None:
    """Cut the JSON of a message whose first member is a long array of messages.

    The pieces, read each and merged in order, are the message, provided that each can be read.

    Args:
        data: The text, or binary, of which no cut is made that could be read.
        descriptor: The message.
        piece_bytes: Size of a piece, give or take an element.

    Returns:
        The pieces, or None if the text does not begin so, or is not longer than one.
    """
    if len(data) <= piece_bytes:
        return None
    found = re.match(_LIST, data)
    if found is None:
        return None
    name = found[1].decode()
    field = next((one for one in descriptor.fields if name in (one.json_name, one.name)), None)
    if field is None or field.message_type is None or not is_repeated(field) or is_map(field):
        return None
    # Elements begin alike, as far as the guess goes: what is nested rarely begins like them.
    between = re.compile(rb"\}\s*,\s*(?=\{\s*" + re.escape(found[2]) + rb"\s*:)")
    return _cut(data, head=data[: found.end()], between=between, piece_bytes=piece_bytes)


def _cut(
    data: bytes, *, head: bytes, between: re.Pattern[bytes], piece_bytes: int
) -> Iterator[bytes]:
    start = len(head)
    while (end := between.search(data, start + piece_bytes)) is not None:
        yield b"%b%b}]}" % (head, data[start : end.start()])
        start = end.end()
    yield head + data[start:]
