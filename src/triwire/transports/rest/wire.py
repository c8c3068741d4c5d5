"""What both colours of the REST transport share: requests out, responses in. Pure.

Choices where google.api.http is silent:

- The timeout goes along as `Grpc-Timeout` (gRPC over HTTP/2, "Timeout"), the header that
  grpc-gateway and our own server know: a server can stop work that nobody waits for. Others
  ignore it.
- A google.api.HttpBody is a body of its own content type, in requests and responses; to users it
  stays a message. Its `extensions` have no place in HTTP.
- Response trailers are headers named `trailer-<key>`, as Connect sends them for unary calls;
  those of streams are HTTP's own.
"""

from __future__ import annotations

import gzip
import json
import math
from typing import TYPE_CHECKING, Any, Final

from triwire._http import HttpResponse
from triwire.errors import Code, RpcError
from triwire.spec import RawResponse, StreamKind
from triwire.transcode.client import ClientPlan
from triwire.transcode.framing import LINES_TYPES
from triwire.transports.envelope import encoding_error, gunzip
from triwire.transports.failures import timeout_error
from triwire.transports.metadata import application_metadata, to_text
from triwire.transports.options import (
    WireOptions,
    check_request,
    check_response,
    is_compressed,
)
from triwire.transports.rest.error_body import error_from_body, what_came

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from triwire.codec import JsonCodec
    from triwire.spec import Metadata, MethodSpec, Pairs
    from triwire.transcode.client import HttpCall
    from triwire.transports.base import ResponseT

__all__ = [
    "RestRequest",
    "Wire",
    "decompressed",
    "is_json",
    "response_metadata",
    "timeout_text",
    "unsupported_stream",
]

_JSON: Final = "application/json"
_BYTES: Final = "application/octet-stream"
_TRAILER: Final = "trailer-"
_MAX_TIMEOUT: Final = 99_999_999  # gRPC over HTTP/2: at most eight digits
_NO_CONTENT: Final = 204
_DEFAULTS: Final = WireOptions()


class RestRequest:
    """A request ready for HTTP.

    Attributes:
        verb: HTTP method.
        target: Path and query, to be put behind the endpoint's URL.
        headers: All request headers but host and content-length.
        body: The JSON body, or None.
        response_body: Proto name of the response's field that the HTTP body will be, or "".
        is_raw_response: Whether that body is a google.api.HttpBody: bytes of any type.
    """

    __slots__ = ("body", "headers", "is_raw_response", "response_body", "target", "verb")

    def __init__(self, call: HttpCall, headers: list[tuple[str, str]], body: bytes | None) -> None:
        self.verb = call.verb
        self.target = call.target
        self.response_body = call.response_body
        self.is_raw_response = call.is_raw_response
        self.headers = headers
        self.body = body


class Wire:
    """REST as a function of its inputs; the methods' rules are compiled once each.

    Args:
        codec: Writes and reads the bodies.
        user_agent: Value of the User-Agent header.
        options: Compression and limits of bodies.
    """

    def __init__(
        self, codec: JsonCodec, *, user_agent: str, options: WireOptions = _DEFAULTS
    ) -> None:
        self._codec = codec
        self._options = options
        self._user_agent = user_agent
        self._plans: dict[MethodSpec[Any, Any], ClientPlan] = {}

    def request(
        self,
        method: MethodSpec[Any, Any],
        message: Message,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RestRequest:
        """Return the HTTP request of one call.

        Raises:
            RpcError: DEADLINE_EXCEEDED when no time is left; RESOURCE_EXHAUSTED when the body
                is larger than the options allow.
            ValueError: The method has no rule, or the message cannot be said by it.
        """
        if timeout_seconds is not None and timeout_seconds <= 0:
            raise timeout_error(timeout_seconds)
        plan = self._plans.get(method)
        if plan is None:
            plan = self._plans[method] = ClientPlan(method)
        call = plan.call(message)
        sent = [("accept", _accept(method, call)), ("user-agent", self._user_agent)]
        if method.stream_kind is StreamKind.SERVER_STREAM:
            # RFC 9110, section 10.1.4: without it no server may send trailers.
            sent.append(("te", "trailers"))
        body = None
        if call.message is not None:
            kind, body = self._body(call)
            check_request(self._options, body)
            sent.append(("content-type", kind))
            if is_compressed(self._options, body):
                body = gzip.compress(body, 6, mtime=0)
                sent.append(("content-encoding", "gzip"))
        if self._options.gzip_responses:
            sent.append(("accept-encoding", "gzip"))
        if timeout_seconds is not None:
            sent.append(("grpc-timeout", timeout_text(timeout_seconds)))
        sent.extend(to_text(headers))
        return RestRequest(call, sent, body)

    def _body(self, call: HttpCall) -> tuple[str, bytes]:
        """Return content type and bytes of a request body."""
        if call.is_raw:
            part = getattr(call.message, call.body_field) if call.body_field else call.message
            return part.content_type or _BYTES, part.data
        if call.body_field:
            return _JSON, self._codec.encode_field(call.message, call.body_field)
        return _JSON, self._codec.encode(call.message)

    def response(
        self, method: MethodSpec[Any, Any], request: RestRequest, response: HttpResponse
    ) -> RawResponse:
        """Return what came back of one call.

        Raises:
            RpcError: The server answered with an error, or with something that is no answer,
                or with more than the options allow.
        """
        failed = not 200 <= response.status < 300  # noqa: PLR2004 - HTTP statuses that succeed
        coding = response.content_coding
        if coding == "gzip" and self._options.gzip_responses:
            response = decompressed(response, self._options.max_response_bytes)
        elif coding and not failed:
            raise encoding_error(coding)
        if failed:
            error = error_from_body(response)
            error.headers = response_metadata(response, trailers=False).pairs
            error.trailers = response_metadata(response, trailers=True).pairs
            raise error
        body = response.body
        check_response(self._options, body)
        if request.is_raw_response:
            body = self.raw(method, request, response.header("content-type"), response.body)
        elif response.status == _NO_CONTENT:
            body = b"{}"
        elif not is_json(response.header("content-type")):
            raise RpcError(Code.UNKNOWN, what_came(response, expected=_JSON))
        else:
            body = self.whole(method, request, body)
        return RawResponse(
            body,
            lambda: response_metadata(response, trailers=False),
            lambda: response_metadata(response, trailers=True),
            date=lambda: response.header("date"),
        )

    def decode(self, method: MethodSpec[Any, ResponseT], body: bytes) -> ResponseT:
        """Read the body of a response; see `Transport.decode`."""
        return self._codec.decode(body, method.response_type)

    def raw(
        self, method: MethodSpec[Any, Any], request: RestRequest, content_type: str, data: bytes
    ) -> bytes:
        """Make the JSON of a response whose body is a google.api.HttpBody."""
        message = method.response_type()
        part = getattr(message, request.response_body) if request.response_body else message
        part.content_type = content_type
        part.data = data
        return self._codec.encode(message)

    def whole(self, method: MethodSpec[Any, Any], request: RestRequest, body: bytes) -> bytes:
        """Make the whole response of a body that may be one of its fields.

        `decode` is not told which binding was used, so every body has the same form.

        Raises:
            RpcError: INTERNAL, the field is no JSON.
        """
        field_name = request.response_body
        if not field_name:
            return body
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            # No JSON: said by the codec, with its own words.
            self._codec.decode_field(body, method.response_type, field_name)
        key = method.response_type.DESCRIPTOR.fields_by_name[field_name].json_name
        return b"{%b:%b}" % (json.dumps(key).encode(), body)


def _accept(method: MethodSpec[Any, Any], call: HttpCall) -> str:
    if call.is_raw_response:
        return "*/*"
    if method.stream_kind is StreamKind.SERVER_STREAM:
        # Lines say errors of every method, and servers that know one form only say JSON.
        return ", ".join([*LINES_TYPES, f"{_JSON};q=0.9"])
    return _JSON


def decompressed(response: HttpResponse, max_bytes: int | None) -> HttpResponse:
    """Return a gzip response with its body as it was.

    Raises:
        RpcError: RESOURCE_EXHAUSTED above the limit, INTERNAL for what is no gzip.
    """
    body = gunzip(response.body, max_bytes) if response.body else b""
    return HttpResponse(response.status, response.headers, body)


def timeout_text(seconds: float) -> str:
    """Write a timeout as gRPC does: at most eight digits and a unit, rounded up."""
    for unit, scale in (("m", 1_000), ("S", 1), ("M", 1 / 60)):
        amount = max(0, math.ceil(seconds * scale)) if math.isfinite(seconds) else _MAX_TIMEOUT + 1
        if amount <= _MAX_TIMEOUT:
            return f"{amount}{unit}"
    return f"{_MAX_TIMEOUT}H"


def unsupported_stream(method: MethodSpec[Any, Any]) -> RpcError:
    """Return the error for a method whose client streams."""
    return RpcError(
        Code.UNIMPLEMENTED,
        f"{method.name} is a {method.stream_kind.value} method: REST has no form for requests in "
        "pieces; call it over connect, grpc or grpc-web",
    )


def response_metadata(response: HttpResponse, *, trailers: bool) -> Metadata:
    """Return what the application set: headers, or the headers that are trailers."""
    if trailers:
        return application_metadata(
            (name.removeprefix(_TRAILER), value)
            for name, value in response.headers
            if name.startswith(_TRAILER)
        )
    return application_metadata(
        pair for pair in response.headers if not pair[0].startswith(_TRAILER)
    )


def is_json(content_type: str) -> bool:
    """Whether a content type is JSON, or none, which may be JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    # Without a type the body may still be JSON; reading it will tell.
    return kind in {"", _JSON} or (kind.startswith("application/") and kind.endswith("+json"))
