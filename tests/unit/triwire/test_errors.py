from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, ResourceInfo, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from triwire.errors import (
    Code,
    RpcError,
    WaitError,
    code_from_http,
    decode_details,
    from_status,
    to_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_codes_are_those_of_google_rpc_without_ok() -> None:
    theirs = {name: number for name, number in code_pb2.Code.items() if name != "OK"}
    assert {code.name: int(code) for code in Code} == theirs


@pytest.mark.parametrize("number", [0, 17, -1, 2**31])
def test_a_number_that_google_rpc_does_not_define_is_unknown(number: int) -> None:
    assert Code.from_number(number) is Code.UNKNOWN


def test_every_code_has_an_http_status_that_reads_back_to_an_error_class() -> None:
    for code in Code:
        back = code_from_http(code.http_status)
        assert back.http_status == code.http_status


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(404, Code.NOT_FOUND, id="not found"),
        pytest.param(418, Code.FAILED_PRECONDITION, id="other 4xx"),
        pytest.param(599, Code.INTERNAL, id="other 5xx"),
        pytest.param(302, Code.UNKNOWN, id="a redirect is no answer"),
        pytest.param(200, Code.UNKNOWN, id="no error at all"),
        pytest.param(-7, Code.UNKNOWN, id="no status at all"),
    ],
)
def test_http_statuses_without_an_rpc_status_have_a_code(status: int, code: Code) -> None:
    assert code_from_http(status) is code


def test_text_starts_with_the_code_and_shows_the_message() -> None:
    assert str(RpcError(Code.NOT_FOUND, "no gateway x")) == "NOT_FOUND: no gateway x"
    assert str(RpcError(Code.NOT_FOUND, "")) == "NOT_FOUND"


def test_repr_names_detail_types_but_not_their_content() -> None:
    error = RpcError(Code.INTERNAL, "m", details=[ErrorInfo(reason="SECRET")], from_server=True)
    assert repr(error) == "RpcError(INTERNAL, 'm', details=['google.rpc.ErrorInfo'], from=server)"


def test_details_survive_the_way_through_a_status() -> None:
    details = [
        ResourceInfo(resource_type="gateway", resource_name="x"),
        BadRequest(field_violations=[BadRequest.FieldViolation(field="f", description="d")]),
    ]
    error = RpcError(Code.ALREADY_EXISTS, "taken", details=details, from_server=True)
    back = from_status(Status.FromString(to_status(error).SerializeToString()))
    assert (back.code, back.message, list(back.details)) == (error.code, error.message, details)
    assert back.from_server


def test_an_unknown_detail_stays_any_and_is_not_packed_twice() -> None:
    foreign = AnyMessage(type_url="type.googleapis.com/acme.Thing", value=b"\x08\x01")
    error = from_status(Status(code=5, message="m", details=[foreign]))
    assert error.details == (foreign,)
    assert list(to_status(error).details) == [foreign]


def test_undecodable_bytes_of_a_known_detail_stay_any() -> None:
    (detail,) = decode_details([("google.rpc.ErrorInfo", b"\xff")])
    assert isinstance(detail, AnyMessage)
    assert detail.value == b"\xff"


@given(st.lists(st.tuples(st.text(max_size=40), st.binary(max_size=40)), max_size=4))
def test_decoding_details_never_raises_and_keeps_their_number(
    packed: list[tuple[str, bytes]],
) -> None:
    assert len(decode_details(packed)) == len(packed)


def test_retry_info_becomes_the_retry_delay() -> None:
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(1500)
    error = RpcError(Code.UNAVAILABLE, "later", details=[info])
    assert error.retry_delay_seconds == pytest.approx(1.5)
    assert RpcError(Code.UNAVAILABLE, "x", details=[RetryInfo()]).retry_delay_seconds is None


def _pickled(error: RpcError) -> RpcError:
    back: RpcError = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    return back


@pytest.mark.parametrize("through", [_pickled, copy.copy], ids=["pickle", "copy"])
def test_errors_can_be_pickled_and_copied(through: Callable[[RpcError], RpcError]) -> None:
    error = RpcError(
        Code.NOT_FOUND, "gone", details=[ResourceInfo(resource_name="x")], from_server=True
    )
    error.attempts = 3
    back = through(error)
    assert back.attempts == 3
    assert (back.code, back.message, back.details, back.from_server) == (
        error.code,
        error.message,
        error.details,
        True,
    )


@pytest.mark.parametrize("through", [_pickled, copy.copy], ids=["pickle", "copy"])
@pytest.mark.parametrize(
    "error", [RpcError(Code.UNAVAILABLE, "lost"), WaitError(Code.CANCELLED, "closed")]
)
def test_what_was_noted_on_an_error_goes_with_it(
    error: RpcError, through: Callable[[RpcError], RpcError]
) -> None:
    noted = copy.copy(error)
    noted.attempts = 2
    noted.add_note("gave up after 2 attempt(s)")
    back = through(noted)
    assert (back.attempts, back.__notes__) == (2, ["gave up after 2 attempt(s)"])
    back.add_note("and more")
    assert len(noted.__notes__) == 1
    assert not hasattr(through(error), "__notes__")


@pytest.mark.parametrize("through", [_pickled, copy.copy], ids=["pickle", "copy"])
def test_errors_of_waits_keep_what_was_seen(through: Callable[[RpcError], RpcError]) -> None:
    error = WaitError(Code.NOT_FOUND, "gone", last=ErrorInfo(reason="x"), details=[ErrorInfo()])
    error.others = (None, ErrorInfo(reason="y"))
    back = through(error)
    assert isinstance(back, WaitError)
    assert (back.code, back.message, back.details) == (Code.NOT_FOUND, "gone", (ErrorInfo(),))
    assert (back.last, back.others) == (error.last, error.others)
