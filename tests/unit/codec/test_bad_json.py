"""JSON that must be refused: by every codec alike, with the path, before memory grows."""

from __future__ import annotations

import tracemalloc

import pytest
from google.rpc.error_details_pb2 import BadRequest

from coreweave_inference.v1alpha1 import Deployment
from tests.bad_json import CASES, BadJson
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError

CODECS = {
    "client": ProtoJsonCodec(),
    "exact client": ProtoJsonCodec(strict=True),
    "server": ProtoJsonCodec(
        ignore_unknown_fields=False, ignore_unknown_enum_names=False, strict=True
    ),
    "fast server": ProtoJsonCodec(ignore_unknown_fields=False, ignore_unknown_enum_names=False),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_an_error_names_the_path_what_was_expected_and_what_came(codec: str, case: BadJson) -> None:
    if case.is_tolerated and "client" in codec:
        CODECS[codec].decode(case.text, Deployment)
        return
    with pytest.raises(RpcError) as caught:
        CODECS[codec].decode(case.text, Deployment)
    error = caught.value
    assert (error.code, error.from_server) == (Code.INTERNAL, False)
    (detail,) = error.details
    assert isinstance(detail, BadRequest)
    (violation,) = detail.field_violations
    assert violation.field == case.path
    assert violation.description.startswith(case.problem)
    assert error.message == f"invalid JSON: {case.path and f'{case.path}: '}{violation.description}"
    assert len(error.message) < 400


@pytest.mark.parametrize("codec", CODECS)
def test_memory_stays_small_however_deep_a_text_nests(codec: str) -> None:
    deep = 1_000_000
    text = b'{"nope":' + b'[1,{"a":' * deep + b"]}" * deep
    tracemalloc.start()
    try:
        with pytest.raises(RpcError, match=r"nested too deeply|has no such field"):
            CODECS[codec].decode(text, Deployment)
        # The text as str beside its bytes, and little else.
        assert tracemalloc.get_traced_memory()[1] < 2 * len(text)
    finally:
        tracemalloc.stop()
