"""Long lists in JSON, cut into pieces that are lists of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_pb2 as pb
from triwire.codec.pieces import LARGE_BYTES, json_pieces
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import RpcError

CODEC = ProtoJsonCodec()
LIST = pb.ListDeploymentsResponse
PIECE_BYTES = 300

# What looks like the end of an element, and is in a string.
NASTY = ['"', "}", '},{"spec":', '"},{"spec":{"', "\\", '\\"},{"spec":', "é}", "\n"]
texts = st.lists(st.sampled_from([*NASTY, "a", " "]), max_size=6).map("".join)


def resource(name: str, value: str, gateways: list[str]) -> pb.Deployment:
    runtime = pb.DeploymentRuntime(engine_config={"spec": value})
    spec = pb.DeploymentSpec(name=name, gateway_ids=gateways, runtime=runtime)
    return pb.Deployment(spec=spec)


resources = st.builds(resource, texts, texts, st.lists(texts, max_size=3))


def merged(data: bytes) -> tuple[pb.ListDeploymentsResponse, int]:
    """Read a text in pieces; return what was read, and in how many."""
    pieces = json_pieces(data, LIST.DESCRIPTOR, piece_bytes=PIECE_BYTES)
    assert pieces is not None
    message, count = LIST(), 0
    for piece in pieces:
        message.MergeFrom(CODEC.decode(piece, LIST))
        count += 1
    return message, count


STYLES: list[dict[str, Any]] = [
    {"separators": (",", ":")},
    {"ensure_ascii": False},
    {"indent": 0},
    {"indent": 2, "ensure_ascii": False},
]


@given(st.lists(resources, min_size=6, max_size=30), st.sampled_from(STYLES))
def test_the_pieces_together_are_the_whole(
    items: list[pb.Deployment], style: dict[str, Any]
) -> None:
    tree: Any = json.loads(CODEC.encode(LIST(items=items)))
    # Elements that all begin alike, as servers write them.
    tree["items"] = [{"spec": one.get("spec", {}), **one} for one in tree["items"]]
    text = json.dumps({**tree, "unknown": [{"spec": {}}]}, **style).encode()
    if len(text) <= PIECE_BYTES:
        return
    message, _ = merged(text)
    assert message == CODEC.decode(text, LIST)


def test_a_long_list_is_cut_into_pieces_of_about_the_size() -> None:
    items = [pb.Deployment(spec=pb.DeploymentSpec(name=f"n{at}")) for at in range(100)]
    data = CODEC.encode(LIST(items=items))
    pieces = json_pieces(data, LIST.DESCRIPTOR, piece_bytes=PIECE_BYTES)
    assert pieces is not None
    *full, last = map(len, pieces)
    assert len(full) == len(data) // (PIECE_BYTES + 20)
    assert all(PIECE_BYTES < size < PIECE_BYTES + 60 for size in full)
    assert last < PIECE_BYTES + 60


@given(st.integers(0, 10_000), st.sampled_from(["", ",", "}", "{", "]", '"', "\\", ":", "1", " "]))
def test_no_text_can_be_read_in_pieces_and_not_as_a_whole(at: int, instead: str) -> None:
    item = '{"spec":{"name":"a\\"},{","gatewayIds":["b"]},"status":{"status":"STATUS_READY"}}'
    text = '{"items":[' + ",".join([item] * 40) + '],"unknown":1}'
    at %= len(text)
    damaged = f"{text[:at]}{instead}{text[at + 1 :]}".encode()
    if json_pieces(damaged, LIST.DESCRIPTOR, piece_bytes=PIECE_BYTES) is None:
        return
    try:
        message, _ = merged(damaged)
    except RpcError:
        return
    assert message == CODEC.decode(damaged, LIST)


def test_a_cut_inside_of_an_element_leaves_a_piece_that_cannot_be_read() -> None:
    # Nested objects that begin as the elements do, though no resource of this type has such.
    nested = '{"spec":{"name":"a"},"unknown":[' + ",".join(['{"spec":{}}'] * 60) + "]}"
    text = ('{"items":[' + nested + "," + nested + "]}").encode()
    assert len(CODEC.decode(text, LIST).items) == 2
    with pytest.raises(RpcError):
        merged(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x" * 400,
        b'{"items":[]}' + b" " * 400,
        b'{"items":[' + b" " * 400 + b"]}",
        b'{"items":["' + b"x" * 400 + b'"]}',
        b'{"items":{"a":"' + b"x" * 400 + b'"}}',
        b'{"other":[{"a":"' + b"x" * 400 + b'"}]}',
        b'{"nextPageToken":"","items":[{"spec":{"name":"' + b"x" * 400 + b'"}}]}',
        b'[{"spec":{"name":"' + b"x" * 400 + b'"}}]',
        LIST(items=[pb.Deployment(spec=pb.DeploymentSpec(name="x" * 400))]).SerializeToString(),
    ],
)
def test_what_does_not_begin_as_a_list_of_messages_is_not_cut(text: bytes) -> None:
    assert json_pieces(text, LIST.DESCRIPTOR, piece_bytes=PIECE_BYTES) is None


def test_maps_are_no_lists() -> None:
    text = b'{"engineConfig":[{"key":"' + b"x" * 400 + b'"}]}'
    assert json_pieces(text, pb.DeploymentRuntime.DESCRIPTOR, piece_bytes=PIECE_BYTES) is None


def test_what_is_short_is_one_piece() -> None:
    text = b'{"items":[{"spec":{}},{"spec":{}}]}'
    assert json_pieces(text, LIST.DESCRIPTOR) is None
    assert len(text) < LARGE_BYTES
