"""The transcoding vectors on foreign servers: grpc-gateway v2 and vanguard-go.

A vector that such a server takes otherwise stands in transcode_differences.json, with who is
right and why; an entry that is not needed fails. Our own client calls the servers too.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from google.protobuf import json_format
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from tests.interop.modules import download
from tests.interop.transcoders import HERE, Services, Toolchain
from tests.vectors.schema import FOLDER, message_class
from triwire.codec.protojson import ProtoJsonCodec
from triwire.config import Endpoint
from triwire.dial.sync import dial
from triwire.errors import Code, RpcError
from triwire.spec import HttpRule, MethodSpec
from triwire.tls import TlsOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from triwire.transports.base import Transport

pytestmark = pytest.mark.interop

PEERS: Final = ("grpc-gateway", "vanguard-go")
_CODEC: Final = ProtoJsonCodec()


class Case(NamedTuple):
    """A vector and the service that has its rules.

    Attributes:
        name: File and name of the vector.
        vector: The vector.
        service: Name of the service.
    """

    name: str
    vector: dict[str, Any]
    service: str


class Vectors:
    """All vectors that concern a server, and services for them."""

    def __init__(self) -> None:
        self.services = Services()
        self.requests = [
            Case(name, vector, self.services.name([vector["rule"]]))
            for file in ("paths", "queries", "bodies")
            for name, vector in _vectors(file)
            if "http" in vector
        ]
        self.responses = [
            Case(name, vector, self.services.name([self.response_rule(vector)], "Response"))
            for name, vector in _vectors("responses")
            if vector["direction"] != "client"
        ]
        self.routes = [
            Case(
                name,
                vector,
                self.services.name([{"verb": v, "template": t} for v, t in vector["rules"]]),
            )
            for name, vector in _vectors("routes")
        ]
        self.templates = [
            Case(
                name,
                vector,
                self.services.template(vector["template"], _fields(vector["template"])),
            )
            for name, vector in _vectors("templates")
        ]

    @staticmethod
    def response_rule(vector: dict[str, Any]) -> dict[str, Any]:
        """Return a rule with the vector's response_body."""
        return {
            "verb": "POST",
            "template": "/v1/r",
            "body": "*",
            "response_body": vector["response_body"],
        }


def _vectors(file: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for vector in json.loads((FOLDER / f"{file}.json").read_text(encoding="utf-8"))["cases"]:
        yield f"{file}: {vector['name']}", vector


def _fields(template: str) -> list[str]:
    found = re.findall(r"\{([a-z_][a-zA-Z0-9_.]*)", template)
    usable = [path for path in found if all(re.fullmatch(r"\w+", name) for name in path.split("."))]
    return list(dict.fromkeys(usable))


class Peer(NamedTuple):
    """A running foreign server.

    Attributes:
        name: Its name among `PEERS`.
        address: Host and port.
        refused: Services whose rules it refuses, with its words.
    """

    name: str
    address: tuple[str, int]
    refused: dict[str, str]


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return Vectors()


@pytest.fixture(scope="module")
def toolchain(program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    tools = Toolchain(program("go"), tmp_path_factory.mktemp("transcoders"))
    download(tools.go, folder="transcode_go")
    installed = tools.go("install", "tool")
    assert installed.returncode == 0, installed.stderr
    return tools


@pytest.fixture(scope="module", params=PEERS)
def peer(request: pytest.FixtureRequest, toolchain: Toolchain, vectors: Vectors) -> Generator[Peer]:
    if request.param == "grpc-gateway":
        binary, refused = toolchain.build_gateway(vectors.services)
        with _running([str(binary)]) as (address, _):
            yield Peer(request.param, address, refused)
        return
    binary, described = toolchain.build_vanguard(vectors.services)
    with _running([str(binary), str(described)]) as (address, lines):
        refused = dict(line.split(" ", 1) for line in iter(lambda: next(lines).strip(), ""))
        yield Peer(request.param, address, refused)


@contextmanager
def _running(command: list[str]) -> Generator[tuple[tuple[str, int], Iterator[str]]]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        host, _, port = process.stdout.readline().strip().rpartition(":")
        yield (host, int(port)), iter(process.stdout)
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def _send(
    peer: Peer, service: str, verb: str, target: str, body: bytes | None
) -> tuple[int, str | None, bytes]:
    """Return status, called method and body. Written by hand: HTTP libraries mend targets."""
    head = f"{verb} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Service: {service}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(peer.address, timeout=30) as connection:
        connection.sendall(f"{head}\r\n".encode() + (body or b""))
        response = HTTPResponse(connection, method=verb)
        response.begin()
        method = response.getheader("Grpc-Metadata-Method") or response.getheader("Method")
        return response.status, method, response.read()


def _body(http: dict[str, Any]) -> bytes | None:
    if "raw_body" in http:
        return str(http["raw_body"]).encode()
    return json.dumps(http["body"]).encode() if "body" in http else None


def _parsed(tree: Any, kind: str = "Request") -> Any:
    return json_format.ParseDict(tree, message_class(kind)())


def _difference(peer: Peer, case: Case) -> str | None:
    """Send a vector's request and say how what came of it differs, or None."""
    if case.service in peer.refused:
        return f"refuses the rule: {peer.refused[case.service]}"
    http = case.vector["http"]
    try:
        status, _, body = _send(peer, case.service, http["verb"], http["target"], _body(http))
    except HTTPException as error:
        return f"breaks off: {error!r}"
    if "error" in case.vector:
        return None if status >= 400 else f"accepts it as {body.decode(errors='replace')[:200]}"
    if status != 200:
        return f"refuses it: {status} {body.decode(errors='replace')[:200]}"
    if http["verb"] == "HEAD":
        return None
    expected = _parsed(case.vector["message"])
    found = _CODEC.decode(body, message_class("Request"))
    return None if str(found) == str(expected) else f"reads {str(found)[:200]!r}"


def _check(peer: Peer, part: str, found: dict[str, str | None]) -> None:
    """Compare the differences with those that are listed, and print the figures."""
    listed = json.loads((HERE / "transcode_differences.json").read_text(encoding="utf-8"))
    known = {
        name: entry
        for entry in listed[peer.name]
        for name in entry["vectors"]
        if name.partition(":")[0] in part.split("+")
    }
    differing = {name: text for name, text in found.items() if text is not None}
    unknown = {name: text for name, text in differing.items() if name not in known}
    unneeded = sorted(known.keys() - differing.keys())
    print(f"{peer.name} {part}: {len(found)} vectors, {len(differing)} listed differences")  # noqa: T201 - the figures are part of what a run shows
    assert not unknown, "\n".join(f"{name}: {text}" for name, text in unknown.items())
    assert not unneeded, f"listed, but no difference: {unneeded}"


def test_requests_mean_the_same(peer: Peer, vectors: Vectors) -> None:
    found = {case.name: _difference(peer, case) for case in vectors.requests}
    _check(peer, "paths+queries+bodies", found)


def test_responses_have_the_same_body(peer: Peer, vectors: Vectors) -> None:
    found: dict[str, str | None] = {}
    for case in vectors.responses:
        sent = json.dumps(case.vector["message"]).encode()
        status, _, body = _send(peer, case.service, "POST", "/v1/r", sent)
        try:
            same = status == 200 and json.loads(body) == case.vector["body"]
        except ValueError:
            same = False
        found[case.name] = None if same else f"{status} {body.decode()[:200]}"
    _check(peer, "responses", found)


def test_routes_lead_to_the_same_method(peer: Peer, vectors: Vectors) -> None:
    found: dict[str, str | None] = {}
    for case in vectors.routes:
        if case.service in peer.refused:
            refusal = f"refuses the rules: {peer.refused[case.service]}"
            found[case.name] = None if "error" in case.vector else refusal
            continue
        if "error" in case.vector:
            found[case.name] = "takes the rules"
            continue
        verb, target = case.vector["request"]
        status, method, _ = _send(peer, case.service, verb, target, None)
        called = int(method[1:]) if status == 200 and method else None
        same = called == case.vector["found"]
        found[case.name] = None if same else f"{status}, method {called}"
    _check(peer, "routes", found)


def test_templates_are_taken_or_refused_alike(peer: Peer, vectors: Vectors) -> None:
    found: dict[str, str | None] = {}
    for case in vectors.templates:
        refusal = peer.refused.get(case.service)
        if "error" in case.vector:
            found[case.name] = "takes the template" if refusal is None else None
        else:
            found[case.name] = refusal
    _check(peer, "templates", found)


@pytest.fixture
def client(peer: Peer) -> Generator[Transport]:
    host, port = peer.address
    transport = dial(
        "rest", Endpoint.parse(f"http://{host}:{port}"), tls=TlsOptions(), user_agent="triwire-test"
    )
    yield transport
    transport.close()


def _method(rule: dict[str, Any], kind: str = "Request") -> MethodSpec[Any, Any]:
    def converted(tree: dict[str, Any]) -> HttpRule:
        return HttpRule(
            tree["verb"],
            tree["template"],
            tree.get("body", ""),
            tree.get("response_body", ""),
            tuple(converted(more) for more in tree.get("additional_bindings", ())),
        )

    message = message_class(kind)
    return MethodSpec("peers", "Echo", message, message, http=converted(rule))


def test_our_client_is_understood(peer: Peer, vectors: Vectors, client: Transport) -> None:
    found: dict[str, str | None] = {}
    for case in vectors.requests:
        vector = case.vector
        if "error" in vector or vector["direction"] == "server" or vector["rule"]["verb"] == "HEAD":
            continue
        message = _parsed(vector["message"])
        method = _method(vector["rule"])
        headers = (("x-service", case.service),)
        try:
            raw = client.unary(method, message, headers=headers, timeout_seconds=30)
            text = str(client.decode(method, raw.body))
        except RpcError as error:
            text = str(error)
        name = f"client {case.name}"
        found[name] = None if text == str(message) else f"answers {text[:200]!r}"
    _check(peer, "client paths+client queries+client bodies", found)


def test_our_client_reads_the_errors(peer: Peer, vectors: Vectors, client: Transport) -> None:
    rule = {"verb": "POST", "template": "/v1/things", "body": "*"}
    service = vectors.services.name([rule])
    details = (ErrorInfo(reason="R", domain="d.example"), RetryInfo())
    found: dict[str, str | None] = {}
    for code in Code:
        status = Status(code=code.value, message='told: h\u00e9 "quoted"')
        for detail in details:
            status.details.add().Pack(detail)
        request = message_class("Request")(name="fail", data=status.SerializeToString())
        with pytest.raises(RpcError) as caught:
            client.unary(
                _method(rule), request, headers=(("x-service", service),), timeout_seconds=30
            )
        error = caught.value
        same = (error.code, error.message, list(error.details), error.from_server) == (
            code,
            status.message,
            list(details),
            True,
        )
        found[f"errors: {code.name}"] = None if same else f"{error!r} {error.details!r}"
    _check(peer, "errors", found)
