"""Error responses of REST servers. Pure; never raises, whatever the body.

Two shapes are in use, `{"code", "message", "details"}` and the same under "error"; in both,
"code" is a google.rpc number or an HTTP status. Both occur for one and the same API.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from triwire.errors import Code, RpcError, code_from_http, decode_details
from triwire.transports.failures import inferred_code
from triwire.transports.pushback import retry_after_seconds, with_pushback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from triwire._http import HttpResponse

__all__ = ["error_from_body", "error_in_stream", "what_came"]

_SHOWN: Final = 200
_NAMES: Final = {code.name: code for code in Code} | {"CANCELED": Code.CANCELLED}

# What an HTTP status leaves open and the details tell: (status, type of a detail) -> code.
# google/rpc/code.proto maps several codes to 400 and 409; AIP-193 names the details.
_TOLD_BY_DETAIL: Final = {
    (400, "google.rpc.PreconditionFailure"): Code.FAILED_PRECONDITION,
    (409, "google.rpc.ResourceInfo"): Code.ALREADY_EXISTS,
}


def error_from_body(response: HttpResponse) -> RpcError:
    """Return the error that a response with a status other than 2xx stands for."""
    delay = retry_after_seconds(response.header("retry-after"), response.header("date"))
    tree = _error_object(response.body)
    if tree is None:
        code = inferred_code(response.status)
        return RpcError(code, what_came(response), retry_delay_seconds=delay)
    details = _read_details(tree.get("details"))
    message = tree.get("message")
    error = RpcError(
        _code_of(response.status, tree, details),
        _text(message),
        details=details,
        from_server=True,
    )
    return with_pushback(error, delay)


def error_in_stream(text: bytes) -> RpcError:
    """Return the error that an element of a stream stands for.

    Args:
        text: The JSON that stands under "error". Its code is a google.rpc number or name, an
            HTTP status, or grpc-gateway's "grpc_code" (its version 1).
    """
    tree = _error_object(text)
    if tree is None:
        start = text[:_SHOWN].decode("utf-8", "replace")
        return RpcError(Code.UNKNOWN, f"the stream ended with an unknown error: {start!r}")
    details = _read_details(tree.get("details"))
    number = tree.get("code")
    status = number if isinstance(number, int) and number >= _LEAST_STATUS else 0
    claims = (tree.get("status"), number, tree.get("grpc_code"))
    claimed = next((code for claim in claims if (code := _claimed_code(claim))), Code.UNKNOWN)
    message = tree.get("message")
    return RpcError(
        _code_of(status, tree, details) if status else claimed,
        _text(message),
        details=details,
        from_server=True,
    )


def _text(message: object) -> str:
    """Return an error's message as text that can be printed: half a surrogate pair cannot."""
    if not isinstance(message, str):
        return ""
    return message.encode("utf-8", "replace").decode()


def _error_object(body: bytes) -> dict[str, Any] | None:
    """Return the object that holds code and message, or None if the body has none."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict):
        return None
    found = cast("dict[str, Any]", tree)
    inner = found.get("error")
    if isinstance(inner, dict):
        found = cast("dict[str, Any]", inner)
    known = isinstance(found.get("message"), str) or _is_code(found.get("code"))
    return found if known else None


def _is_code(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _code_of(status: int, tree: dict[str, Any], details: Sequence[Message]) -> Code:
    """Choose the code: the body says which, the HTTP status has the last word.

    The body counts where it agrees with the status: 400 stands for INVALID_ARGUMENT,
    FAILED_PRECONDITION and OUT_OF_RANGE alike, and 415 for none of them.
    """
    for claim in (tree.get("status"), tree.get("code")):
        claimed = _claimed_code(claim)
        if claimed is not None and _agrees(claimed, status):
            return claimed
    for detail in details:
        told = _TOLD_BY_DETAIL.get((status, detail.DESCRIPTOR.full_name))
        if told is not None:
            return told
    return code_from_http(status)


def _claimed_code(claim: object) -> Code | None:
    if isinstance(claim, str):
        named = _NAMES.get(claim.upper())
        if named is not None or not (claim.isascii() and claim.isdigit()):
            return named
        claim = int(claim[:_CODE_DIGITS])
    if isinstance(claim, int) and not isinstance(claim, bool):
        return _NUMBERS.get(claim)
    return None


_LEAST_STATUS: Final = 100  # RFC 9110, section 15
_CODE_DIGITS: Final = 9
_NUMBERS: Final = {int(code): code for code in Code}


def _agrees(code: Code, status: int) -> bool:
    if code.http_status == status or code_from_http(status) is code:
        return True
    if status in _STATUSES_OF_CODES:
        # A server that has no such route: 404 by HTTP, UNIMPLEMENTED by RPC.
        return code is Code.UNIMPLEMENTED and status == 404  # noqa: PLR2004 - an HTTP status
    # HTTP's own word, of which no code says more than whose fault it is: 413, 415, 422.
    return code.http_status // 100 == status // 100


# google/rpc/code.proto: the HTTP mapping of each code.
_STATUSES_OF_CODES: Final = frozenset(code.http_status for code in Code)


def _read_details(found: object) -> tuple[Message, ...]:
    if not isinstance(found, list):
        return ()
    details: list[Message] = []
    for item in cast("list[object]", found):
        if isinstance(item, dict):
            details.extend(_read_detail(cast("dict[str, Any]", item)))
    return tuple(details)


def _read_detail(tree: dict[str, Any]) -> tuple[Message, ...]:
    """Return one detail, typed if it is a google.rpc type that can be read.

    Anything else is kept whole as an Any that holds a google.protobuf.Struct: JSON of an
    unknown type cannot become the bytes of that type.
    """
    from google.rpc import error_details_pb2

    from triwire.codec.jsonpath import JsonError
    from triwire.codec.reader import JsonReader

    reader = JsonReader(
        enum_aliases={},
        ignore_unknown_fields=True,
        ignore_unknown_enum_names=True,
    )
    url = tree.get("@type")
    if isinstance(url, str):
        package, _, name = url.rpartition("/")[2].rpartition(".")
        kind = getattr(error_details_pb2, name, None) if package == "google.rpc" else None
        if kind is not None:
            message: Message = kind()
            fields = {key: value for key, value in tree.items() if key != "@type"}
            try:
                reader.read_message(fields, message, 1)
            except JsonError:
                pass
            else:
                return (message,)
    else:
        connect = _connect_detail(tree)
        if connect:
            return connect
    return _as_struct(tree)


def _connect_detail(tree: dict[str, Any]) -> tuple[Message, ...]:
    """Read a detail as Connect writes it: a type name and base64 of its bytes."""
    from triwire.codec.jsonpath import JsonError
    from triwire.codec.scalars import read_base64

    name, value = tree.get("type"), tree.get("value")
    if not isinstance(name, str) or not isinstance(value, str):
        return ()
    try:
        return decode_details([(name, read_base64(value))])
    except JsonError:
        return ()


def _as_struct(tree: dict[str, Any]) -> tuple[Message, ...]:
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    packed = AnyMessage()
    try:
        struct.update(tree)
        packed.Pack(struct)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return ()
    return (packed,)


def what_came(response: HttpResponse, *, expected: str = "an API error") -> str:
    """Describe a response that is no answer of an API: its type and how the body begins."""
    kind = response.header("content-type").partition(";")[0].strip() or "no content type"
    text = f"expected {expected}, got HTTP {response.status} with {kind}"
    if not response.body.strip():
        return f"{text} and an empty body"
    start = " ".join(response.body[:_SHOWN].decode("utf-8", "replace").split())
    more = "..." if len(response.body) > _SHOWN else ""
    return f"{text} that begins {start + more!r}"
