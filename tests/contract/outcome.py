"""What a call came to, as plain data that can be compared across wires, colours and runs.

Everything that a caller can see is in it: set fields, enum names, error code, text and details,
application headers and trailers. Only what differs from run to run is renamed: ids that the server
made become "<id 1>", "<id 2>" in order of appearance; instants become "<t1>", "<t2>" in order of
time, so that which is later stays visible; the organization becomes "<organization>".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from triwire.errors import RpcError
from triwire.spec import Metadata, Response

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

__all__ = ["Failure", "Plain", "nanoseconds", "normalised"]

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | float | bool | None"

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Ids that scenarios choose begin like this, and stay as they are.
CHOSEN_PREFIX: Final = "c0ffee"


@dataclass(frozen=True, slots=True)
class Failure:
    """The expected form of an RpcError.

    Attributes:
        code: Name of the code.
        message: The text, ids normalised.
        details: One mapping per detail, with its type under "@type".
        from_server: Whether the server made it.
    """

    code: str
    message: str
    details: tuple[Mapping[str, Any], ...] = ()
    from_server: bool = True


def nanoseconds(stamp: Timestamp) -> int:
    """Return an instant as nanoseconds since 1970."""
    return stamp.seconds * 1_000_000_000 + stamp.nanos


def normalised(value: object, *, organization: str) -> Plain:
    """Return any nest of messages, responses, errors and plain values as comparable data."""
    return _Normaliser(value, organization).plain(value)


class _Normaliser:
    def __init__(self, value: object, organization: str) -> None:
        self._organization = organization
        self._ids: dict[str, str] = {}
        stamps = sorted(set(_stamps(value)))
        self._stamps = {ns: f"<t{rank}>" for rank, ns in enumerate(stamps, 1)}

    def plain(self, value: object) -> Plain:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._text(value)
            case bytes():
                return f"<bytes {value.hex()}>"
            case Timestamp():
                return self._stamps[nanoseconds(value)]
            case Message():
                return self._message(value)
            case RpcError():
                return self._error(value)
            case Failure():
                return {
                    "code": value.code,
                    "message": value.message,
                    "details": [self.plain(detail) for detail in value.details],
                    "from_server": value.from_server,
                }
            case Metadata():
                return {key: self.plain(value.getall(key)) for key in sorted(value)}
            case Response():
                return self._response(cast("Any", value))
            case Mapping():
                items = cast("Mapping[str, object]", value).items()
                return {str(key): self.plain(item) for key, item in items}
            case Sequence():
                return [self.plain(item) for item in cast("Sequence[object]", value)]
            case _:
                raise TypeError(f"a scenario returned what cannot be compared: {value!r}")

    def _text(self, text: str) -> str:
        def renamed(match: re.Match[str]) -> str:
            found = match.group()
            if found.startswith(CHOSEN_PREFIX):
                return found
            return self._ids.setdefault(found, f"<id {len(self._ids) + 1}>")

        return _UUID.sub(renamed, text).replace(self._organization, "<organization>")

    def _response(self, response: Response[Any]) -> Plain:
        return {
            "message": self.plain(response.message),
            "headers": self.plain(response.headers),
            "trailers": self.plain(response.trailers),
        }

    def _message(self, message: Message) -> Plain:
        return {field.name: self._field(field, item) for field, item in message.ListFields()}

    def _field(self, field: FieldDescriptor, value: Any) -> Plain:
        if isinstance(value, Mapping):
            entries = cast("Mapping[Any, object]", value)
            return {str(key): self.plain(entries[key]) for key in sorted(entries)}
        if field.enum_type is not None:
            if isinstance(value, int):
                return _enum_name(field.enum_type, value)
            return [_enum_name(field.enum_type, number) for number in value]
        if isinstance(value, (str, bytes, Message)) or not isinstance(value, Sequence):
            return self.plain(value)
        return [self.plain(item) for item in cast("Sequence[object]", value)]

    def _error(self, error: RpcError) -> Plain:
        details: list[Plain] = []
        for detail in error.details:
            fields = self._message(detail)
            assert isinstance(fields, dict)
            details.append({"@type": detail.DESCRIPTOR.full_name, **fields})
        return {
            "code": error.code.name,
            "message": self._text(error.message),
            "details": details,
            "from_server": error.from_server,
        }


def _enum_name(enum: EnumDescriptor, number: int) -> Plain:
    """Return a value's name, or its number if the contract has no name for it."""
    known = enum.values_by_number.get(number)
    return number if known is None else known.name


def _stamps(value: object) -> list[int]:
    """Return every instant in a nest of values."""
    if isinstance(value, Timestamp):
        return [nanoseconds(value)]
    children: list[object] = []
    if isinstance(value, Message):
        children = [item for _, item in value.ListFields()]
    elif isinstance(value, RpcError):
        children = list(value.details)
    elif isinstance(value, Response):
        children = [cast("Any", value).message]
    elif isinstance(value, Mapping):
        children = list(cast("Mapping[object, object]", value).values())
    elif not isinstance(value, (str, bytes)) and isinstance(value, Sequence):
        children = list(cast("Sequence[object]", value))
    return [stamp for child in children for stamp in _stamps(child)]
