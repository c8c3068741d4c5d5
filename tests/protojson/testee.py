"""One codec as the program that the conformance runner tests, over standard input and output.

Usage: python -m tests.protojson.testee NAME, with a name out of `CODECS`. Each message is a
ConformanceRequest after its length in four bytes, little endian; so is each answer (comments of
conformance/conformance.proto). Requests that neither bring nor want JSON are skipped.
"""

from __future__ import annotations

import importlib
import struct
import sys
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError, Message

from tests.protojson.install import IMAGE
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import RpcError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

PROTO3: Final = "protobuf_test_messages.proto3.TestAllTypesProto3"

# conformance.WireFormat and conformance.TestCategory
_BINARY: Final = 1
_JSON: Final = 2
_IGNORE_UNKNOWN: Final = 3


class _Reference:
    """google.protobuf.json_format behind the interface of a codec."""

    def __init__(self, *, ignore_unknown: bool) -> None:
        self._ignore_unknown = ignore_unknown

    def encode(self, message: Message) -> bytes:
        try:
            return json_format.MessageToJson(message).encode()
        except (json_format.Error, TypeError) as error:
            raise ValueError(str(error)) from error

    def decode(self, data: bytes, message_type: type[Message]) -> Message:
        message = message_type()
        return json_format.Parse(data, message, ignore_unknown_fields=self._ignore_unknown)


def _native_first(*, ignore_unknown: bool) -> ProtoJsonCodec:
    return ProtoJsonCodec(
        ignore_unknown_fields=ignore_unknown, ignore_unknown_enum_names=ignore_unknown
    )


def _strict(*, ignore_unknown: bool) -> ProtoJsonCodec:
    return ProtoJsonCodec(
        strict=True,
        ignore_unknown_fields=ignore_unknown,
        ignore_unknown_enum_names=ignore_unknown,
    )


CODECS: Final[dict[str, Callable[..., Any]]] = {
    "native-first": _native_first,
    "strict": _strict,
    "json_format": _Reference,
}


def main(name: str, requests: BinaryIO, responses: BinaryIO) -> None:
    """Answer requests until their end."""
    load_messages()
    make = CODECS[name]
    codecs = {ignore: make(ignore_unknown=ignore) for ignore in (False, True)}
    request_type = _message_type("conformance.ConformanceRequest")
    response_type = _message_type("conformance.ConformanceResponse")
    while length := requests.read(4):
        (size,) = struct.unpack("<I", length)
        request: Any = request_type.FromString(requests.read(size))
        field, value = answer(request, codecs)
        data = response_type(**{field: value}).SerializeToString()
        responses.write(struct.pack("<I", len(data)) + data)
        responses.flush()


def answer(request: Any, codecs: dict[bool, Any]) -> tuple[str, bytes | str]:
    """Return the field of the response that is set, and its value."""
    if request.message_type == "conformance.FailureSet":
        return "protobuf_payload", b""
    brings_json = request.WhichOneof("payload") == "json_payload"
    wants_json = request.requested_output_format == _JSON
    formats = {"protobuf_payload", "json_payload"}
    if (
        request.message_type != PROTO3
        or not (brings_json or wants_json)
        or request.WhichOneof("payload") not in formats
        or request.requested_output_format not in {_BINARY, _JSON}
    ):
        return "skipped", "only ProtoJSON of proto3 is tested here"
    codec = codecs[request.test_category == _IGNORE_UNKNOWN]
    message_type = _message_type(PROTO3)
    try:
        if brings_json:
            message = codec.decode(request.json_payload.encode(), message_type)
        else:
            message = message_type.FromString(request.protobuf_payload)
    except (RpcError, json_format.ParseError, DecodeError) as error:
        return "parse_error", str(error)
    if not wants_json:
        return "protobuf_payload", message.SerializeToString()
    try:
        return "json_payload", codec.encode(message).decode()
    except ValueError as error:
        return "serialize_error", str(error)


def load_messages() -> None:
    """Put the suite's messages into the default pool, where Any finds its types."""
    for name in ("any", "duration", "field_mask", "struct", "timestamp", "wrappers"):
        importlib.import_module(f"google.protobuf.{name}_pb2")
    pool = descriptor_pool.Default()
    for file in FileDescriptorSet.FromString(IMAGE.read_bytes()).file:
        try:
            pool.FindFileByName(file.name)
        except KeyError:
            pool.AddSerializedFile(file.SerializeToString())


def _message_type(name: str) -> Any:
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
