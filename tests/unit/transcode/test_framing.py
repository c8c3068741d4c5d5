"""Bodies of server streams: tests/vectors/transcode/streams.json, and what is no vector."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
from typing import Any

import pytest
from google.protobuf import json_format

from tests.vectors.schema import FOLDER, message_class
from triwire._http import HttpResponse
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError
from triwire.spec import HttpRule, Metadata, MethodSpec, StreamKind
from triwire.transcode.framing import StreamReader, chosen_framing, framed, unwrapped
from triwire.transports.options import WireOptions
from triwire.transports.rest.decoder import StreamDecoder
from triwire.transports.rest.wire import Wire

CASES = json.loads((FOLDER / "streams.json").read_text(encoding="utf-8"))["cases"]
CLIENT = ProtoJsonCodec()


def decoder_for(case: dict[str, Any], options: WireOptions | None = None) -> Any:
    options = options or WireOptions()
    request, response = message_class("Request"), message_class("Response")
    rule = HttpRule("GET", "/v1/x", response_body=case.get("response_body", ""))
    method = MethodSpec("vectors", "M", request, response, StreamKind.SERVER_STREAM, http=rule)
    wire = Wire(CLIENT, user_agent="test", options=options)
    sent = wire.request(method, request(), headers=(), timeout_seconds=None)
    decoder = StreamDecoder(wire, method, sent, options=options)
    assert decoder.start(HttpResponse(200, [("content-type", case["content_type"])], b""))
    return decoder


def read(case: dict[str, Any], pieces: list[bytes]) -> tuple[list[Any], RpcError | None]:
    """Return the messages and the error of a body that comes in pieces."""
    decoder = decoder_for(case)
    found: list[Any] = []
    response = message_class("Response")
    try:
        for piece in pieces:
            decoder.feed(piece)
            found.extend(CLIENT.decode(text, response) for text in iter(decoder.next, None))
        last = decoder.finish(Metadata())
        if last is not None:
            found.append(CLIENT.decode(last, response))
    except RpcError as error:
        return found, error
    return found, None


def cuts(body: bytes, name: str) -> list[list[bytes]]:
    """Return a body whole, in single bytes, and cut at random places."""
    chance = random.Random(name)  # noqa: S311 - no secret
    ways = [[body], [body[at : at + 1] for at in range(len(body))]]
    for _ in range(5):
        places = sorted(chance.choices(range(len(body) + 1), k=3))
        ways.append([body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)])
    return ways


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_body_is_read_as_the_vector_says_however_it_is_cut(case: dict[str, Any]) -> None:
    response = message_class("Response")
    expected = [json_format.ParseDict(tree, response()) for tree in case["messages"]]
    body = case["raw_body"].encode()
    for pieces in cuts(body, case["name"]):
        found, error = read(case, pieces)
        assert found == expected
        if case.get("refused"):
            assert error is not None
            assert (error.code, error.from_server) == (Code.INTERNAL, False)
        elif "stream_error" in case:
            assert error is not None
            wanted = case["stream_error"]
            assert error.code.name == wanted["code"]
            assert error.message == wanted.get("message", error.message)
        else:
            assert error is None


def test_an_element_above_the_limit_is_refused_before_it_is_complete() -> None:
    options = WireOptions(max_response_bytes=100)
    decoder = decoder_for({"content_type": "application/json"}, options)
    decoder.feed(b'[{"id":"' + b"x" * 50)
    assert decoder.next() is None
    decoder.feed(b"x" * 80)
    with pytest.raises(RpcError, match="larger than max_response_bytes=100") as caught:
        decoder.next()
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, False)


def test_the_limit_is_that_of_the_message_alone() -> None:
    options = WireOptions(max_response_bytes=10)
    decoder = decoder_for({"content_type": "application/x-ndjson"}, options)
    decoder.feed(b'{"result":{"id":"a"}}\n{"result":{"id":"ab"}}\n')
    assert decoder.next() == b'{"id":"a"}'
    with pytest.raises(RpcError, match="larger than max_response_bytes=10"):
        decoder.next()


def test_no_more_than_one_element_is_kept() -> None:
    reader = StreamReader(may_be_array=True, max_message_bytes=64)
    reader.feed(b"[")
    for _ in range(1000):
        reader.feed(b'{"id":"some text"},      ')
        assert reader.next() == b'{"id":"some text"}'
        assert reader.next() is None
        assert len(reader._buffer) < 100  # pyright: ignore[reportPrivateUsage]  # the memory


def test_another_content_type_is_no_stream() -> None:
    with pytest.raises(RpcError, match="expected application/x-ndjson or application/json"):
        decoder_for({"content_type": "text/html"})


def test_a_message_with_an_error_field_stands_alone_in_an_array_only() -> None:
    text = b'{"error": {"code": 5}}'
    assert unwrapped(text, "array", has_error_field=True) == (text, False)
    assert unwrapped(text, "array", has_error_field=False) == (b'{"code": 5}', True)
    assert unwrapped(text, "lines", has_error_field=True) == (b'{"code": 5}', True)
    result = b'{"result": {"id": "a"}}'
    assert unwrapped(result, "array", has_error_field=False) == (result, False)


@pytest.mark.parametrize(
    ("accept", "framing"),
    [
        pytest.param("", "lines", id="no wish"),
        pytest.param("*/*", "lines", id="anything"),
        pytest.param("text/html", "lines", id="something else"),
        pytest.param("application/json", "array", id="JSON"),
        pytest.param("Application/JSON; charset=utf-8", "array", id="JSON with a charset"),
        pytest.param("application/x-ndjson, application/json;q=0.9", "lines", id="lines first"),
        pytest.param("application/x-ndjson;q=0.5, application/json", "array", id="JSON first"),
        pytest.param("application/json, application/jsonl", "array", id="between equals the first"),
        pytest.param("application/json;q=0", "lines", id="JSON refused"),
        pytest.param("application/json;q=nope", "lines", id="a malformed weight"),
    ],
)
def test_the_client_chooses_the_form(accept: str, framing: str) -> None:
    assert chosen_framing(accept) == framing


def test_what_is_written_is_read_again() -> None:
    for framing, kind in (("lines", "application/x-ndjson"), ("array", "application/json")):
        body = b"".join(
            framed(text, framing, is_error=False, is_first=first)  # type: ignore[arg-type]  # a Framing
            for text, first in ((b'{"id":"a"}', True), (b'{"id":"b"}', False))
        )
        body += b"]\n" if framing == "array" else b""
        found, error = read({"content_type": kind}, [body])
        assert [message.id for message in found] == ["a", "b"]
        assert error is None


def compressed_decoder(options: WireOptions) -> Any:
    decoder = decoder_for({"content_type": "application/x-ndjson"}, options)
    kind = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")]
    assert decoder.start(HttpResponse(200, kind, b""))
    return decoder


def test_a_compressed_body_is_read_in_pieces() -> None:
    body = gzip.compress(b'{"result":{"id":"a"}}\n' * 3)
    decoder = compressed_decoder(WireOptions(gzip_responses=True))
    found: list[bytes] = []
    for at in range(len(body)):
        decoder.feed(body[at : at + 1])
        found.extend(iter(decoder.next, None))
    assert decoder.finish(Metadata()) is None
    assert found == [b'{"id":"a"}'] * 3


def test_a_compressed_body_that_grows_beyond_the_limit_is_refused() -> None:
    # A thousand times the limit, in one piece of 100 kB.
    body = gzip.compress(b'{"result":{"id":"' + b"x" * 100_000_000)
    decoder = compressed_decoder(WireOptions(gzip_responses=True, max_response_bytes=100_000))
    decoder.feed(body)
    tracemalloc.start()
    try:
        with pytest.raises(RpcError, match="larger than max_response_bytes"):
            decoder.next()
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(gzip.compress(b"{}\n")[:-4], "cut off", id="cut off"),
        pytest.param(gzip.compress(b"{}\n") + b"x", "data behind", id="data behind"),
        pytest.param(b"{}\n", "cannot decompress", id="no gzip"),
    ],
)
def test_a_compressed_body_that_is_malformed_is_refused(body: bytes, problem: str) -> None:
    decoder = compressed_decoder(WireOptions(gzip_responses=True))
    decoder.feed(body)
    with pytest.raises(RpcError, match=problem) as caught:
        _read_out(decoder)
    assert caught.value.code is Code.INTERNAL


def _read_out(decoder: Any) -> None:
    while decoder.next() is not None:
        pass
    decoder.finish(Metadata())


def test_a_compression_that_was_not_asked_for_is_refused() -> None:
    decoder = decoder_for({"content_type": "application/x-ndjson"})
    kind = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")]
    with pytest.raises(RpcError, match="unknown compression"):
        decoder.start(HttpResponse(200, kind, b""))
