"""Server time as integer nanoseconds.

`datetime` ends at microseconds, google.protobuf.Timestamp at nanoseconds: a stamp that went through
a `datetime` is no longer the stamp that the server compares with. So a stamp is an `int` of
nanoseconds since 1970-01-01T00:00:00Z everywhere in the watch, and becomes a `datetime` only at the
user's edge.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

NS_PER_SECOND: Final = 1_000_000_000

# RFC 3339 section 5.6; the fraction may have more than nine digits (cut off), "t" and "z" may be
# lower case, and a space may stand for the "T".
_RFC3339: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_ns(value: Timestamp | datetime | str | int | Mapping[str, int | str]) -> int:
    """Read a point in time in any spelling that a wire or a user has for it.

    Args:
        value: A Timestamp message, an aware `datetime`, RFC 3339 text, a mapping with `seconds`
            and `nanos`, or nanoseconds since the epoch.

    Returns:
        Nanoseconds since the epoch, UTC. Text with more than nine digits of fraction is cut off.

    Raises:
        ValueError: The text is not RFC 3339, or the `datetime` has no time zone.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, Message):
        # Not isinstance Timestamp: a private descriptor pool has a class of its own for it.
        return value.seconds * NS_PER_SECOND + value.nanos
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(
                f"expected a datetime with a time zone, got {value!r}: pass tzinfo=UTC"
            )
        return (value - _EPOCH) // timedelta(microseconds=1) * 1000
    if isinstance(value, str):
        return _from_text(value)
    return int(value.get("seconds", 0)) * NS_PER_SECOND + int(value.get("nanos", 0))


def _from_text(text: str) -> int:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"expected an RFC 3339 time such as 2026-01-31T12:00:00.5Z, got {text!r}")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, zone = match[7] or "", match[8]
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    if zone not in "Zz":
        sign = 1 if zone[0] == "+" else -1
        seconds -= sign * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)
    return seconds * NS_PER_SECOND + int(fraction[:9].ljust(9, "0"))


def to_timestamp(stamp_ns: int) -> Timestamp:
    """Turn nanoseconds since the epoch into the message, nothing lost."""
    seconds, nanos = divmod(stamp_ns, NS_PER_SECOND)
    return Timestamp(seconds=seconds, nanos=nanos)


def to_rfc3339(stamp_ns: int) -> str:
    """Turn nanoseconds since the epoch into UTC text that ends in `Z`.

    A `+00:00` that a client forgets to percent-encode reaches a server as a space; `Z` cannot go
    wrong in a URL. The fraction has 0, 3, 6 or 9 digits, as ProtoJSON writes it.
    """
    seconds, nanos = divmod(stamp_ns, NS_PER_SECOND)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    # strftime does not pad the year on every platform.
    text = text.rjust(19, "0")
    if not nanos:
        return f"{text}Z"
    digits = f"{nanos:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z"


def to_datetime(stamp_ns: int) -> datetime:
    """Turn nanoseconds since the epoch into a UTC `datetime`, cut off to microseconds."""
    return _EPOCH + timedelta(microseconds=stamp_ns // 1000)


def duration_ns(seconds: float) -> int:
    """Turn a duration in seconds into nanoseconds."""
    return int(seconds * NS_PER_SECOND)
