"""The emulator as an HTTP application: what the REST rows of docs/emulator.md promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference.emulator.child import make_application
from coreweave_inference.emulator.settings import Behaviour, ServerSettings
from tests.unit.emulator.rig import TOKENS
from tests.unit.server.asgi_driver import Answer, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from coreweave_inference.emulator.openapi import Application

    Call = Callable[..., Answer]

PREFIX = "/v1alpha1/inference"
MISSING = "11111111-1111-4111-8111-111111111111"
GATEWAY = '{"name":"edge","zones":["US-EAST-04A"],"coreWeaveAuth":{},"pathBasedRouting":{}}'


def make(**settings: Any) -> Application:
    values: dict[str, Any] = {"behaviour": Behaviour(), "tokens": TOKENS, **settings}
    return make_application(ServerSettings(**values))


def rest(
    application: Application, verb: str, path: str, body: str = "", caller: str = "admin"
) -> Answer:
    headers = [("authorization", f"Bearer {caller}"), ("content-type", "application/json")]
    return request(application, verb, path, headers=headers, body=body.encode())


def create(application: Application, body: str = GATEWAY) -> dict[str, Any]:
    answer = rest(application, "POST", f"{PREFIX}/gateways", body)
    assert answer.status == 200, answer.body
    gateway: dict[str, Any] = answer.json()["gateway"]
    return gateway


@pytest.mark.parametrize("documented", [False, True], ids=["plain", "documented"])
def test_each_code_has_its_http_status(documented: bool) -> None:  # noqa: FBT001 - pytest passes by name
    application = make(documented_style=documented, behaviour=Behaviour(max_resources=1))
    gateway = create(application)
    identity = gateway["spec"]["id"]
    deployment = (
        f'{{"name":"llama","gatewayIds":["{identity}"],'
        '"runtime":{"engine":"vllm","version":"0.8.5"},'
        '"resources":{"instanceType":"gb200-4x","gpuCount":4},'
        '"model":{"name":"llama","bucket":"models","path":"llama"},'
        '"autoscaling":{"min":1,"max":1},"traffic":{}}'
    )
    rest(application, "POST", f"{PREFIX}/deployments", deployment)
    gateways = f"{PREFIX}/gateways"
    again = GATEWAY.replace("{", f'{{"id":"{identity}",', 1)
    cases: list[tuple[Answer, int, int]] = [
        (rest(application, "POST", gateways, "{}"), 400, 3),
        (rest(application, "GET", f"{gateways}/{MISSING}"), 404, 5),
        (rest(application, "POST", gateways, again), 409, 6),
        (rest(application, "POST", gateways, GATEWAY, caller="viewer"), 403, 7),
        (rest(application, "POST", gateways, GATEWAY), 429, 8),
        (rest(application, "DELETE", f"{gateways}/{identity}"), 400, 9),
        (rest(application, "GET", gateways, caller="unknown"), 401, 16),
        (rest(application, "GET", f"{PREFIX}/nothing"), 404, 12),
        (rest(application, "PUT", gateways), 405, 12),
    ]
    for answer, status, code in cases:
        assert answer.status == status, answer
        assert answer.header("content-type") == "application/json"
        body = answer.json()
        assert list(body) == ["code", "message", "details"]
        assert body["code"] == (status if documented else code)
        assert body["message"]
        assert isinstance(body["details"], list)


def test_details_are_the_json_of_any() -> None:
    answer = rest(make(), "GET", f"{PREFIX}/gateways/{MISSING}")
    assert answer.json()["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.ResourceInfo",
            "resourceType": "coreweave.inference.v1alpha1.Gateway",
            "resourceName": MISSING,
            "description": f"gateway '{MISSING}' not found",
        }
    ]


@pytest.mark.parametrize(
    ("documented", "spellings"),
    [
        pytest.param(False, ["STATUS_TRUE", "STATUS_FALSE"], id="plain"),
        pytest.param(True, ["True", "False"], id="documented"),
    ],
)
def test_condition_status_has_the_spelling_of_the_style(
    documented: bool,  # noqa: FBT001 - pytest passes by name
    spellings: list[str],
) -> None:
    application = make(documented_style=documented)
    gateway = create(application)
    statuses = [condition["status"] for condition in gateway["status"]["conditions"]]
    assert statuses == [spellings[1]] * 2
    found = rest(application, "GET", f"{PREFIX}/gateways").json()["items"][0]
    assert found["status"]["status"] == "STATUS_READY"
    statuses = [condition["status"] for condition in found["status"]["conditions"]]
    assert statuses == [spellings[0]] * 2
    # Connect's JSON is the contract's in either style.
    answer = request(
        application,
        "POST",
        "/coreweave.inference.v1alpha1.GatewayService/ListGateways",
        headers=[("authorization", "Bearer admin"), ("content-type", "application/json")],
        body=b"{}",
    )
    conditions = answer.json()["items"][0]["status"]["conditions"]
    assert [condition["status"] for condition in conditions] == ["STATUS_TRUE"] * 2


def test_an_id_in_the_body_must_be_the_one_in_the_path() -> None:
    application = make()
    gateway = create(application)
    identity = gateway["spec"]["id"]
    path = f"{PREFIX}/gateways/{identity}"
    same = GATEWAY.replace("{", f'{{"id":"{identity}",', 1)
    other = GATEWAY.replace("{", f'{{"id":"{MISSING}",', 1)
    assert rest(application, "PATCH", path, GATEWAY).status == 200
    assert rest(application, "PATCH", path, same).status == 200
    answer = rest(application, "PATCH", path, other)
    assert answer.status == 400
    assert answer.json()["details"][0]["fieldViolations"][0]["field"] == "id"


def test_unknown_fields_are_skipped_or_refused_as_asked() -> None:
    newer = GATEWAY.replace("{", '{"newerField":{"a":[1]},', 1)
    create(make(), newer)
    strict = make(reject_unknown_fields=True)
    answer = rest(strict, "POST", f"{PREFIX}/gateways", newer)
    assert answer.status == 400
    assert "newerField" in answer.json()["message"]
    query = f"{PREFIX}/gateways?newerParameter=1"
    assert rest(make(), "GET", query).status == 200
    assert rest(strict, "GET", query).status == 400


def test_a_misspelt_enum_value_is_refused_in_either_mode() -> None:
    body = '{"name":"edge","coreWeaveAuth":{},"bodyBasedRouting":{"apiType":"API_TYPE_OPENIA"}}'
    for strict in (False, True):
        answer = rest(make(reject_unknown_fields=strict), "POST", f"{PREFIX}/gateways", body)
        assert answer.status == 400
        assert "API_TYPE_OPENIA" in answer.json()["message"]


def test_there_is_no_data_plane() -> None:
    application = make()
    for path in ("/v1/chat/completions", "/v1/models", "/models"):
        assert rest(application, "POST", path, "{}").status == 404


def test_the_word_parameters_is_no_id() -> None:
    application = make()
    for collection in ("gateways", "deployments", "capacityclaims"):
        assert rest(application, "GET", f"{PREFIX}/{collection}/parameters").status == 200
        assert rest(application, "GET", f"{PREFIX}/{collection}/parameterz").status == 400


def test_updated_after_is_a_query_parameter() -> None:
    application = make()
    create(application)
    found = rest(application, "GET", f"{PREFIX}/gateways").json()["items"][0]
    stamp = found["status"]["updatedAt"]
    answer = rest(application, "GET", f"{PREFIX}/gateways?updatedAfter={stamp}")
    assert answer.json() == {}
    answer = rest(application, "GET", f"{PREFIX}/gateways?updatedAfter=2020-01-01T00:00:00%2B01:00")
    assert len(answer.json()["items"]) == 1
    assert rest(application, "GET", f"{PREFIX}/gateways?updatedAfter=yesterday").status == 400


def test_the_openapi_document_is_served_to_anybody() -> None:
    application = make()
    answer = request(application, "GET", "/openapi.json")
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    document = answer.json()
    assert document["openapi"] == "3.1.0"
    assert f"{PREFIX}/gateways" in document["paths"]
    assert answer.header("content-length") == str(len(answer.body))
    head = request(application, "HEAD", "/openapi.json")
    assert (head.status, head.body) == (200, b"")
    assert head.headers == answer.headers


def test_the_openapi_document_names_the_server_that_it_comes_from() -> None:
    (server,) = request(make(), "GET", "/openapi.json").json()["servers"]
    assert server["url"] == "/"


@pytest.mark.parametrize(("documented", "code"), [(False, 12), (True, 405)], ids=["rpc", "http"])
def test_the_openapi_document_cannot_be_written(
    documented: bool,  # noqa: FBT001 - pytest passes by name
    code: int,
) -> None:
    answer = request(make(documented_style=documented), "POST", "/openapi.json")
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD")
    assert answer.json()["code"] == code


@pytest.mark.parametrize(
    ("documented", "values"),
    [
        (False, ["STATUS_UNSPECIFIED", "STATUS_FALSE", "STATUS_TRUE"]),
        (True, ["Unknown", "False", "True"]),
    ],
    ids=["plain", "documented"],
)
def test_the_openapi_document_has_the_spelling_of_the_answers(
    documented: bool,  # noqa: FBT001 - pytest passes by name
    values: list[str],
) -> None:
    application = make(documented_style=documented)
    schemas = request(application, "GET", "/openapi.json").json()["components"]["schemas"]
    assert schemas["Condition"]["properties"]["status"]["enum"] == values
    gateway = create(application)
    answer = rest(application, "GET", f"{PREFIX}/gateways/{gateway['spec']['id']}").json()
    written = {each["status"] for each in answer["gateway"]["status"]["conditions"]}
    assert written == {values[2]}
