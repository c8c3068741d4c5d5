"""What must hold of each parser, whatever it is given. Any exception is a finding."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from google.protobuf import json_format

from tests.vectors.schema import message_class
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError
from triwire.spec import HttpRule, MethodSpec
from triwire.transcode.client import ClientPlan
from triwire.transcode.fields import RequestError, TextReader
from triwire.transcode.framing import StreamReader
from triwire.transcode.httprule import (
    DeepWildcard,
    Literal,
    TemplateError,
    Variable,
    parse_template,
)
from triwire.transcode.routing import RoutingTable
from triwire.transcode.server import ServerRouter

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ORACLES"]

# The grammar in the comments of google/api/http.proto, once more and otherwise than in the parser.
_LITERAL: Final = r"(?:[A-Za-z0-9._~!$&'()+,;=@-]|%[0-9A-Fa-f]{2})+"
_SEGMENT: Final = rf"(?:\*\*|\*|{_LITERAL})"
_IDENT: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE: Final = rf"\{{{_IDENT}(?:\.{_IDENT})*(?:={_SEGMENT}(?:/{_SEGMENT})*)?\}}"
_PART: Final = rf"(?:{_VARIABLE}|{_SEGMENT})"
_TEMPLATE: Final = re.compile(rf"(?:/{_PART})+(?::{_LITERAL})?", re.ASCII)


def check_template(data: bytes) -> None:
    """The template parser takes what the grammar does, and what it takes can be routed to."""
    text = data.decode("utf-8", "replace")
    try:
        parsed = parse_template(text)
    except TemplateError as error:
        assert not _is_template(text), f"refused: {text!r}: {error}"
        return
    assert _is_template(text), f"accepted: {text!r}"
    rebuilt = "".join(f"/{_shown(part)}" for part in parsed.parts)
    rebuilt += f":{text.rpartition(':')[2]}" if parsed.verb else ""
    again = parse_template(rebuilt)
    assert (again.segments, again.verb) == (parsed.segments, parsed.verb), rebuilt
    table: RoutingTable[str] = RoutingTable()
    table.add("GET", text, "found")
    path = "".join(
        f"/{segment.source if isinstance(segment, Literal) else 'x'}" for segment in parsed.segments
    )
    path += f":{text.rpartition(':')[2]}" if parsed.verb else ""
    found = table.find("GET", path)
    assert found is not None, f"{path!r} is not found by {text!r}"
    assert table.allowed(path) == ["GET"]


def _is_template(text: str) -> bool:
    if not _TEMPLATE.fullmatch(text):
        return False
    # Less what the grammar leaves to the text: `**` at the end only, a field once, no dot segments.
    paths = re.findall(rf"\{{({_IDENT}(?:\.{_IDENT})*)", text)
    bare = re.sub(rf"\{{{_IDENT}(?:\.{_IDENT})*(?:=([^}}]*))?\}}", lambda m: m[1] or "*", text)
    path, colon, verb = bare.partition(":")
    segments = path.split("/")[1:]
    literals = [*segments, verb] if colon else segments
    for literal in literals:
        try:
            plain = unquote_to_bytes(literal).decode()
        except UnicodeDecodeError:
            return False
        if plain in {".", ".."}:
            return False
    return "**" not in segments[:-1] and len(paths) == len(set(paths))


def _shown(part: object) -> str:
    if isinstance(part, Literal):
        return part.source
    if isinstance(part, Variable):
        return f"{{{'.'.join(part.field_path)}={'/'.join(map(_shown, part.segments))}}}"
    return "**" if isinstance(part, DeepWildcard) else "*"


_RULES: Final = (
    HttpRule("GET", "/v1/{id}"),
    HttpRule("GET", "/v1/{name=shelves/*/books/*}:read"),
    HttpRule("GET", "/v1/{name=files/**}"),
    HttpRule("GET", "/v1/{parent}/{leaf.name}/{color}:go"),
    HttpRule("GET", "/v1/n/{i64}/{flag}/{data}/{double_value}"),
    HttpRule("GET", "/v1/{parent=**}:all"),
    HttpRule("GET", "/v1"),
)
_MALFORMED_PERCENT: Final = re.compile("%(?![0-9A-Fa-f]{2})")


def _method(rule: HttpRule) -> MethodSpec[Any, Any]:
    return MethodSpec("s", "M", message_class("Request"), message_class("Response"), http=rule)


_READER: Final = TextReader(
    enum_aliases={}, ignore_unknown_fields=False, ignore_unknown_enum_names=False
)
_routers: dict[int, tuple[ServerRouter[None], ClientPlan]] = {}


def check_url(data: bytes) -> None:
    """A path and query become a message or an error, and the message becomes them again.

    The first byte chooses the rule.
    """
    if not data:
        return
    index = data[0] % len(_RULES)
    if index not in _routers:
        method = _method(_RULES[index])
        _routers[index] = (ServerRouter([(method, None)], _READER), ClientPlan(method))
    router, plan = _routers[index]
    path, _, query = data[1:].decode("latin-1").partition("?")
    message = _request(router, path, query)
    if message is None:
        return
    assert not _MALFORMED_PERCENT.search(path), "malformed percent-encoding in the path"
    assert not _MALFORMED_PERCENT.search(query), "malformed percent-encoding in the query"
    assert (path + query).isascii(), "bytes that RFC 3986 wants encoded"
    unquote_to_bytes(query).decode()
    binary = message.SerializeToString(deterministic=True)
    call = plan.call(message)
    target, _, query = call.target.partition("?")
    again = _request(router, target, query)
    assert again is not None, f"own request refused: {call.target!r}"
    assert _without_empty(again) == _without_empty(message), f"{call.target!r}, {binary!r}"


def _request(router: ServerRouter[None], path: str, query: str) -> Any:
    try:
        route = router.find("GET", path)
        if route is None:
            return None
        message = message_class("Request")()
        route.binding.fill(route.segments, query, message)
    except RequestError as error:
        assert len(str(error)) < 2000 + len(path) + len(query)
        return None
    return message


def _without_empty(message: Any) -> bytes:
    """Return a message without submessages that hold nothing: a query does not say them."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.full_name.endswith(".Leaf"):
            _without_empty(value)
            if not value.ListFields():
                message.ClearField(field.name)
    return bytes(message.SerializeToString(deterministic=True))


_KINDS: Final = ("Request", "Leaf", "Response")
# First what a client ignores of a newer peer, then nothing.
_LAX: Final = (True, False)
_FAST: Final = [
    ProtoJsonCodec(ignore_unknown_fields=lax, ignore_unknown_enum_names=lax) for lax in _LAX
]
_EXACT: Final = [
    ProtoJsonCodec(ignore_unknown_fields=lax, ignore_unknown_enum_names=lax, strict=True)
    for lax in _LAX
]
_NEGATIVE_ZERO: Final = re.compile(rb"-0(?![0-9.eE])")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def check_json(data: bytes) -> None:
    """Both readers say the same, take only I-JSON, and read what they write.

    The first byte chooses message type and options.
    """
    if not data:
        return
    kind = message_class(_KINDS[data[0] % len(_KINDS)])
    which = data[0] // len(_KINDS) % len(_FAST)
    text = data[1:]
    fast, exact = _read(_FAST[which], text, kind), _read(_EXACT[which], text, kind)
    assert (fast is None) == (exact is None), f"exact: {exact!r}, fast: {fast!r}"
    if exact is None or fast is None:
        return
    binary = exact.SerializeToString(deterministic=True)
    assert fast.SerializeToString(deterministic=True) == binary, f"{exact!r} {fast!r}"
    _assert_i_json(text)
    # Where names of enum values are skipped json_format differs: it reads "1" as a number.
    reference = None if _LAX[which] else _reference(text, kind)
    if reference is not None:
        assert reference.SerializeToString(deterministic=True) == binary, f"reference: {reference}"
    written = _EXACT[which].encode(exact)
    again = _read(_EXACT[which], written, kind)
    assert again is not None, f"own text refused: {written!r}"
    # A NullValue is null in JSON, also one whose number nobody knows.
    for message in (exact, again):
        if "null_value" in message.DESCRIPTOR.fields_by_name:
            message.ClearField("null_value")
    binary = exact.SerializeToString(deterministic=True)
    assert again.SerializeToString(deterministic=True) == binary, f"{written!r}"


def _read(codec: ProtoJsonCodec, text: bytes, kind: Any) -> Any:
    try:
        return codec.decode(text, kind)
    except RpcError as error:
        assert error.code is Code.INTERNAL
        assert not error.from_server
        (detail,) = error.details
        detail.SerializeToString()
        error.message.encode()
        assert len(error.message) < 4000, error.message
        return None


def _assert_i_json(text: bytes) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        assert len(found) == len(pairs), "a key twice"
        return found

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    tree = json.loads(text.decode("utf-8"), object_pairs_hook=once, parse_constant=refuse)
    assert not _SURROGATE.search(json.dumps(tree, ensure_ascii=False)), "half of a pair"


def _reference(text: bytes, kind: Any) -> Any:
    if _NEGATIVE_ZERO.search(text):
        # An int for json_format, also in a double, where the sign counts.
        return None
    try:
        return json_format.Parse(text.decode(), kind(), max_recursion_depth=100)
    except (json_format.ParseError, ValueError, TypeError, OverflowError, RecursionError):
        # json_format fails two cases of the official suite itself, and knows fewer forms.
        return None


def check_stream(data: bytes) -> None:
    """A stream's body gives the same elements however it is cut, each a value of its own.

    The first byte chooses the form, the second the length of the pieces.
    """
    if len(data) < 2:
        return
    may_be_array, size, body = data[0] % 2 == 0, data[1] % 16 + 1, data[2:]
    whole = _elements([body], may_be_array=may_be_array)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert _elements(pieces, may_be_array=may_be_array) == whole
    elements, is_good = whole
    for element in elements:
        assert element.strip(b" \t\r\n") == element
        assert element
    if not is_good:
        return
    # Against another reader, where the whole is JSON.
    try:
        tree = json.loads(body.decode())
    except (ValueError, RecursionError):
        return
    if may_be_array and isinstance(tree, list):
        # As text: NaN differs from itself.
        assert json.dumps([json.loads(element) for element in elements]) == json.dumps(tree)


def _elements(pieces: list[bytes], *, may_be_array: bool) -> tuple[list[bytes], bool]:
    reader = StreamReader(may_be_array=may_be_array, max_message_bytes=4096)
    found: list[bytes] = []
    try:
        for piece in pieces:
            reader.feed(piece)
            found.extend(iter(reader.next, None))
        last = reader.finish()
    except RpcError as error:
        assert error.code in {Code.INTERNAL, Code.RESOURCE_EXHAUSTED}
        return found, False
    return found if last is None else [*found, last], True


ORACLES: Final[dict[str, Callable[[bytes], None]]] = {
    "url": check_url,
    "template": check_template,
    "json": check_json,
    "stream": check_stream,
}
"""Target -> what is called with any bytes; an exception is a finding."""
