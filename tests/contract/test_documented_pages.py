"""The requests of the reference pages are answered with the fields of the reference pages.

Both styles of the emulator answer: the contract's own, and `--documented-style`, which spells
condition status and error codes as the pages do. What the pages show and the contract refuses is
in `documented_pages.REFUSED`. The OpenAI-compatible endpoint of the overview page is served by a
gateway, not by this API, and not by the emulator.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
import pytest

from coreweave_inference.v1alpha1 import Status
from tests.contract.documented_pages import (
    DIFFERENT,
    NUMBERED,
    PAGES,
    REFUSED,
    STATUSES,
    UNDOCUMENTED,
    Page,
    Refusal,
)
from tests.emulator_process import RunningEmulator, running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GATEWAYS: Final = "/v1alpha1/inference/gateways"
DEPLOYMENTS: Final = "/v1alpha1/inference/deployments"

# Valid values for the placeholders of the pages.
GATEWAY: Final[dict[str, Any]] = {
    "name": "documented",
    "zones": ["US-EAST-04A"],
    "coreWeaveAuth": {},
    "endpointConfiguration": {"additionalDns": ["models.example.com"]},
    "bodyBasedRouting": {"apiType": "API_TYPE_OPENAI"},
}
# Each kind of auth and of routing that the pages show, one at a time.
VARIANTS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {
        "coreWeaveAuth": None,
        "weightsAndBiasesAuth": {"enableUsageReports": True, "enableRateLimiting": True},
        "bodyBasedRouting": None,
        "headerBasedRouting": {"headerName": "x-model"},
    },
    {"bodyBasedRouting": None, "pathBasedRouting": {}},
)
DEPLOYMENT: Final[dict[str, Any]] = {
    "name": "documented",
    "runtime": {
        "engine": "vllm",
        "version": "0.8.5",
        "engineConfig": {"max-model-len": "8192"},
        "engineEnv": {"VLLM_LOGGING_LEVEL": "INFO"},
    },
    "resources": {"instanceType": "gb200-4x", "gpuCount": 4},
    "model": {"name": "llama", "bucket": "weights", "path": "raw/llama"},
    "autoscaling": {
        "min": 1,
        "max": 2,
        "priority": 1,
        "concurrency": 8,
        "capacityClasses": ["CAPACITY_CLASS_RESERVED", "CAPACITY_CLASS_ON_DEMAND"],
    },
    "traffic": {"weight": 50},
    "disabled": True,
}


@dataclass(frozen=True, slots=True)
class Server:
    """One style of the emulator.

    Attributes:
        style: "contract" or "documented".
        http: A client with its address and token.
    """

    style: str
    http: httpx.Client


def _server(style: str, emulator: RunningEmulator) -> Iterator[Server]:
    headers = {"authorization": f"Bearer {emulator.admin_token}"}
    with httpx.Client(base_url=emulator.url, headers=headers) as http:
        yield Server(style, http)


@pytest.fixture(scope="module")
def contract_style(emulator: RunningEmulator) -> Iterator[Server]:
    yield from _server("contract", emulator)


@pytest.fixture(scope="module")
def documented_style() -> Iterator[Server]:
    with running_emulator("--transition-seconds", "0", "--documented-style") as emulator:
        yield from _server("documented", emulator)


@pytest.fixture(params=["contract", "documented"])
def server(request: pytest.FixtureRequest) -> Server:
    """The emulator, in each style."""
    found: Server = request.getfixturevalue(f"{request.param}_style")
    return found


def changed(request: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    joined = {**request, **changes}
    return {name: value for name, value in joined.items() if value is not None}


def create(server: Server, path: str, body: dict[str, Any]) -> str:
    """Create a resource and return its id."""
    resource_id = str(uuid.uuid4())
    response = server.http.post(path, json={**body, "id": resource_id})
    assert response.status_code == 200, response.text
    return resource_id


def create_deployment(server: Server) -> str:
    gateway = create(server, GATEWAYS, GATEWAY)
    return create(server, DEPLOYMENTS, {**DEPLOYMENT, "gatewayIds": [gateway]})


def answers(server: Server, page: Page) -> list[dict[str, Any]]:
    """Send every request of a page, in every variant, and return the answers."""
    found: list[dict[str, Any]] = []
    for headers in page.headers:
        for variant in VARIANTS:
            body = changed(GATEWAY, variant)
            resource_id, sent = str(uuid.uuid4()), None
            if page.verb == "POST":
                sent = {**body, "id": resource_id}
            elif "deployments" in page.route:
                resource_id = create_deployment(server)
            else:
                resource_id = create(server, GATEWAYS, body)
            if page.verb == "DELETE":
                # A look first: what is deleted is READY by then, and lists its endpoints.
                server.http.get(f"{GATEWAYS}/{resource_id}")
            url = page.route.format(id=resource_id)
            response = server.http.request(page.verb, url, headers=headers, json=sent)
            assert response.status_code == 200, response.text
            assert response.headers["content-type"] == "application/json"
            found.append(response.json())
    if page.verb == "POST":
        # Endpoints come with READY: the object is the same, a moment later.
        latest = found[-1]["gateway"]["spec"]["id"]
        found.append(server.http.get(f"{GATEWAYS}/{latest}").json())
    return found


def fields(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every field of an answer with its path; objects, too."""
    if isinstance(value, dict):
        if path:
            yield path, cast("dict[str, object]", value)
        for name, item in cast("dict[str, object]", value).items():
            yield from fields(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from fields(item, f"{path}[]")
    else:
        yield path, value


def is_uuid(value: object) -> bool:
    return isinstance(value, str) and str(uuid.UUID(value)) == value


def is_instant(value: object) -> bool:
    if not isinstance(value, str) or not value.endswith("Z"):
        return False
    # Python 3.11 reads up to six digits of a second.
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value)).tzinfo is not None


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


CHECKS: Final[dict[str, Callable[[object], bool]]] = {
    "text": lambda value: isinstance(value, str) and value != "",
    "uuid": is_uuid,
    "instant": is_instant,
    "bool": lambda value: isinstance(value, bool),
    "uint32": is_integer,
    "object": lambda value: isinstance(value, dict),
    "texts by name": lambda value: (
        isinstance(value, dict)
        and all(isinstance(item, str) for item in cast("dict[str, object]", value).values())
    ),
    "status": lambda value: value in STATUSES,
    "capacity class": lambda value: (
        value in {"CAPACITY_CLASS_RESERVED", "CAPACITY_CLASS_ON_DEMAND"}
    ),
    "API_TYPE_OPENAI": lambda value: value == "API_TYPE_OPENAI",
}
# The pages spell it after Kubernetes, the contract by its enum.
CONDITION: Final = {
    "contract": {"STATUS_TRUE", "STATUS_FALSE"},
    "documented": {"True", "False"},
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_answers_have_every_documented_field(page: Page, server: Server) -> None:
    seen: set[str] = set()
    for answer in answers(server, page):
        for path, value in fields(answer):
            kind = page.answer.get(path)
            if kind == "condition":
                assert value in CONDITION[server.style]
            elif kind is not None:
                assert CHECKS[kind](value), f"{path}: expected {kind}, got {value!r}"
            seen.add(path)
    assert seen >= page.answer.keys() - DIFFERENT.keys()
    assert not seen & DIFFERENT.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_answers_have_no_other_field(page: Page, server: Server) -> None:
    # Parents of documented fields need no row of their own.
    known = {*page.answer, *UNDOCUMENTED}
    prefixes = {path[: match.start()] for path in known for match in re.finditer(r"\.|\[", path)}
    texts_by_name = {path for path, kind in page.answer.items() if kind == "texts by name"}
    texts_by_name |= UNDOCUMENTED.keys()
    for answer in answers(server, page):
        for path, _ in fields(answer):
            parent = path.rpartition(".")[0]
            assert (
                path in known
                or path in prefixes
                or path.removesuffix("[]") in prefixes
                or parent in texts_by_name
            ), f"{path} is on no page"


def test_enum_values_that_a_page_shows_as_numbers(server: Server) -> None:
    body = {**GATEWAY, "bodyBasedRouting": {"apiType": 1}}
    response = server.http.post(GATEWAYS, json=body)
    found = dict(fields(response.json()))
    assert {path: found[path] for path in NUMBERED} == NUMBERED


def test_the_overviews_list_request_and_its_filter(server: Server) -> None:
    gateway = create(server, GATEWAYS, GATEWAY)
    listed = server.http.get(GATEWAYS).json()["items"]
    mine = next(item for item in listed if item["spec"]["id"] == gateway)
    assert mine["status"]["conditions"]
    params = {"updatedAfter": mine["status"]["updatedAt"]}
    later = server.http.get(GATEWAYS, params=params).json().get("items", [])
    assert gateway not in [item["spec"]["id"] for item in later]
    params = {"updatedAfter": "2023-11-07T05:31:56Z"}
    since = server.http.get(GATEWAYS, params=params).json()["items"]
    assert gateway in [item["spec"]["id"] for item in since]


def test_status_values_are_those_of_the_overview(server: Server) -> None:
    """The emulator shows four of them; the other two come with failures, which it does not have."""
    assert set(Status.keys()) == {"STATUS_UNSPECIFIED", *STATUSES}
    gateway = str(uuid.uuid4())
    body, url = {**GATEWAY, "id": gateway}, f"{GATEWAYS}/{gateway}"
    shown = [
        server.http.post(GATEWAYS, json=body),
        server.http.get(url),
        server.http.patch(url, json=GATEWAY),
        server.http.delete(url),
    ]
    assert [item.json()["gateway"]["status"]["status"] for item in shown] == [
        "STATUS_CREATING",
        "STATUS_READY",
        "STATUS_UPDATING",
        "STATUS_DELETING",
    ]


def test_errors_have_the_documented_shape(server: Server) -> None:
    """The overview shows the HTTP status as code, the Get deployment page says google.rpc.Code."""
    missing = server.http.get(f"{DEPLOYMENTS}/{uuid.uuid4()}")
    error = missing.json()
    assert missing.status_code == 404
    assert error.keys() == {"code", "message", "details"}
    assert error["code"] == {"contract": 5, "documented": 404}[server.style]
    assert isinstance(error["message"], str)
    assert all(isinstance(detail["@type"], str) for detail in error["details"])
    assert error["details"]


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda refusal: refusal.what)
def test_what_the_contract_refuses(refusal: Refusal, server: Server) -> None:
    assert refusal.reason
    if refusal.resource == "gateways":
        path, body = GATEWAYS, changed(GATEWAY, refusal.changes)
    else:
        gateway = create(server, GATEWAYS, GATEWAY)
        path = DEPLOYMENTS
        body = {**changed(DEPLOYMENT, refusal.changes), "gatewayIds": [gateway]}
    if refusal.authorized:
        response = server.http.post(path, json=body)
    else:
        response = httpx.post(f"{server.http.base_url}{path}", json=body)
    assert response.status_code == refusal.status
    error = response.json()
    assert error["code"] == {"contract": refusal.code, "documented": refusal.status}[server.style]
    assert refusal.message in error["message"]
