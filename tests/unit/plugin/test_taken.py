"""Paths that belong to another method are told to the client, which refuses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.wrappers_pb2 import StringValue

from triwire import spec
from triwire.plugin import generate
from triwire.transcode.client import ClientPlan

if TYPE_CHECKING:
    from tests.unit.plugin.compiling import Compiled

LIBRARY = "bookish/library/v1/library.proto"


def generated(compiled: Compiled, first: HttpRule, second: HttpRule) -> str:
    """Give the first two methods of the library other rules and return the module."""
    request = compiled.request(LIBRARY)
    methods = request.proto_file[-1].service[0].method
    for method, rule in zip(methods, (first, second), strict=False):
        method.options.Extensions[annotations_pb2.http].CopyFrom(rule)
    response = generate(request)
    assert not response.error
    return next(f.content for f in response.file if f.name.startswith(LIBRARY[:-6]))


@pytest.mark.parametrize(
    ("template", "other", "taken"),
    [
        pytest.param("/v9/{name}", "/v9/recent", True, id="one segment"),
        pytest.param("/v9/{name=a/*}", "/v9/a/recent", True, id="inside a variable"),
        pytest.param("/v9/{name=**}", "/v9/a/b/recent", True, id="any depth"),
        pytest.param("/v9/{name=a/*}", "/v9/b/recent", False, id="another literal"),
        pytest.param("/v9/{name}", "/v9/a/recent", False, id="another length"),
        pytest.param("/v9/{name}", "/v9/recent:archive", False, id="a custom verb"),
        pytest.param("/v9/{name}:archive", "/v9/recent:archive", True, id="the same verb"),
    ],
)
def test_a_path_is_taken_if_the_template_could_make_it(
    compiled: Compiled, template: str, other: str, *, taken: bool
) -> None:
    text = generated(compiled, HttpRule(get=template), HttpRule(get=other))
    assert (f'taken=(\n                "{other}",' in text) is taken


def test_another_http_method_takes_no_path(compiled: Compiled) -> None:
    text = generated(compiled, HttpRule(get="/v9/{name}"), HttpRule(delete="/v9/recent"))
    assert "taken=" not in text


def test_the_client_refuses_a_value_that_makes_a_taken_path() -> None:
    rule = spec.HttpRule("GET", "/v9/{value}", taken=("/v9/recent",))
    plan = ClientPlan(spec.MethodSpec("acme.v1.S", "Get", StringValue, StringValue, http=rule))
    assert plan.call(StringValue(value="older")).target == "/v9/older"
    with pytest.raises(ValueError, match="value: GET /v9/recent is the path of another method"):
        plan.call(StringValue(value="recent"))
