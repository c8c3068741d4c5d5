from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.spec import Metadata
from triwire.transports.metadata import application_metadata, check_metadata, to_text

if TYPE_CHECKING:
    from triwire.spec import MetadataInput


def test_metadata_is_a_multimap_with_lower_case_keys() -> None:
    found = Metadata([("X-A", "1"), ("x-b", "2"), ("x-a", "3")])
    assert found["x-A"] == "1"
    assert found.getall("X-a") == ["1", "3"]
    assert list(found) == ["x-a", "x-b"]
    assert len(found) == 2
    assert found == Metadata([("x-b", "2"), ("x-a", "1"), ("x-a", "3")])
    assert hash(found) == hash(Metadata([("x-b", "2"), ("x-a", "1"), ("x-a", "3")]))
    assert found != Metadata({"x-a": "1"})
    assert "missing" not in found


def test_repr_of_metadata_shows_no_values() -> None:
    assert repr(Metadata({"authorization": "Bearer x"})) == "Metadata(['authorization'])"


@pytest.mark.parametrize(
    ("items", "kind", "reason"),
    [
        pytest.param({"x y": "1"}, ValueError, "malformed header name", id="space in name"),
        pytest.param({"": "1"}, ValueError, "malformed header name", id="empty name"),
        pytest.param({"x-\u00e9": "1"}, ValueError, "malformed header name", id="not ASCII name"),
        pytest.param({"grpc-timeout": "1S"}, ValueError, "belongs to the protocol", id="grpc-"),
        pytest.param({"Connect-Timeout-Ms": "1"}, ValueError, "belongs to the", id="connect-"),
        pytest.param({"content-type": "x"}, ValueError, "belongs to the protocol", id="reserved"),
        pytest.param({"user-agent": "x"}, ValueError, "belongs to the protocol", id="user agent"),
        pytest.param({"x": "a\nb"}, ValueError, "printable ASCII", id="line end"),
        pytest.param({"x": "\u00e9"}, ValueError, "printable ASCII", id="not ASCII"),
        pytest.param({"x": " a"}, ValueError, "printable ASCII", id="space around"),
        pytest.param({"x": b"a"}, TypeError, "ends in -bin", id="bytes as text"),
        pytest.param({"x-bin": "a"}, TypeError, "expected bytes", id="text as bytes"),
        pytest.param({"x": 1}, TypeError, "expected str", id="number"),
        pytest.param({1: "x"}, TypeError, "pairs of them, got dict", id="number as name"),
        pytest.param("abc", TypeError, "pairs of them, got str", id="no pairs"),
        pytest.param({"Expect": "100-continue"}, ValueError, "belongs to the", id="expect"),
        pytest.param({"accept": "text/plain"}, ValueError, "belongs to the", id="accept"),
        pytest.param({"date": "x"}, ValueError, "belongs to the protocol", id="hop"),
        pytest.param({"lb-cost-bin": b"x"}, ValueError, "belongs to the", id="grpcio's own"),
        pytest.param([("cookie", "a=1"), ("Cookie", "b=2")], ValueError, "more than", id="cookies"),
        pytest.param([("authorization", "a")] * 2, ValueError, "more than once", id="two tokens"),
    ],
)
def test_headers_that_some_wire_cannot_carry_are_refused(
    items: MetadataInput, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        check_metadata(items)


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_binary_values_survive_the_way_as_text(values: list[bytes]) -> None:
    sent = check_metadata([("x-data-bin", value) for value in values])
    assert application_metadata(to_text(sent.pairs)).getall("x-data-bin") == values


def test_binary_values_are_read_padded_joined_and_decoded() -> None:
    padded = base64.b64encode(b"ab").decode()
    found = application_metadata([("A-Bin", f"{padded},{padded.rstrip('=')}"), ("b-bin", b"raw")])
    assert found.getall("a-bin") == [b"ab", b"ab"]
    assert found["b-bin"] == b"raw"


def test_a_binary_value_that_is_no_base64_stays_text() -> None:
    assert application_metadata([("x-bin", "%%%")])["x-bin"] == "%%%"


def test_headers_of_the_protocol_and_of_the_hop_are_left_out() -> None:
    came = [
        ("Content-Type", "application/grpc"),
        ("grpc-status", "0"),
        ("date", "now"),
        ("server", "envoy"),
        (":status", "200"),
        ("x-request-id", "7"),
    ]
    assert application_metadata(came) == Metadata({"x-request-id": "7"})
