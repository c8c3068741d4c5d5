"""`cw-inference emulator` as a process: starting, stopping, being killed, and bad input."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import trustme

from coreweave_inference import InferenceClient
from coreweave_inference.emulator.process import EmulatorProcess, Listen
from coreweave_inference.emulator.settings import Behaviour, ServerSettings
from coreweave_inference.v1alpha1 import STATUS_READY, ListGatewaysRequest
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2_grpc import GatewayServiceStub
from tests.emulator_process import (
    RunningEmulator,
    processes_of,
    running_emulator,
    wait_until_gone,
)
from tests.raw_peers import serving
from triwire.dial.wires import WIRES
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "/v1alpha1/inference"
LIST = "/coreweave.inference.v1alpha1.GatewayService/ListGateways"
GATEWAY: dict[str, Any] = {"name": "edge", "core_weave_auth": {}, "path_based_routing": {}}
IN_FLIGHT = b"http.ingress_http.downstream_rq_active: %d"
GATEWAY_JSON = b'{"name":"edge","coreWeaveAuth":{},"pathBasedRouting":{}}'

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks processes up in /proc, which is Linux's"
)


def client(emulator: RunningEmulator, wire: str = "connect", **options: Any) -> InferenceClient:
    options.setdefault("token", emulator.admin_token)
    return InferenceClient(emulator.url, transport=wire, **options)


def assert_serves(emulator: RunningEmulator) -> None:
    with client(emulator) as found:
        found.gateways.list()


def can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
        return True


def command(*flags: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "coreweave_inference.cli", "emulator", *flags],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Starting


@pytest.mark.parametrize("wire", WIRES)
def test_the_first_token_is_an_admins_and_the_second_a_viewers(
    emulator: RunningEmulator, wire: str
) -> None:
    with client(emulator, wire) as admin:
        gateway = admin.gateways.create(**GATEWAY)
    with client(emulator, wire, token=emulator.viewer_token) as viewer:
        assert viewer.gateways.get(id=gateway.spec.id).status.status == STATUS_READY
        with pytest.raises(RpcError) as caught:
            viewer.gateways.delete(id=gateway.spec.id)
        assert caught.value.code is Code.PERMISSION_DENIED


def test_a_taken_port_is_an_error_at_once(emulator: RunningEmulator) -> None:
    done = command("--port", str(emulator.port))
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"cannot listen on port {emulator.port} of 127.0.0.1" in done.stderr
    assert "--port" in done.stderr
    assert_serves(emulator)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        pytest.param("localhost", "http://localhost:", id="name"),
        pytest.param("0.0.0.0", "http://127.0.0.1:", id="any"),  # noqa: S104 - loopback is what is printed and used
        pytest.param("::1", "http://[::1]:", id="ipv6"),
    ],
)
def test_the_printed_address_is_the_one_that_serves(
    start_emulator: Callable[..., RunningEmulator], host: str, shown: str
) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("needs IPv6 on loopback")
    emulator = start_emulator("--host", host)
    assert emulator.url.startswith(shown)
    assert_serves(emulator)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@needs_proc
def test_only_the_api_is_reachable_from_other_machines(
    start_emulator: Callable[..., RunningEmulator],
) -> None:
    emulator = start_emulator("--host", "0.0.0.0")  # noqa: S104 - what is tested
    [child] = processes_of(emulator.process.pid)
    listening = listening_sockets(child)
    api = ("00000000", emulator.port)
    assert api in listening
    assert {address for address, port in listening if port != emulator.port} == {"0100007F"}
    assert not udp_sockets(child)


def sockets_of(pid: int) -> set[str]:
    inodes: set[str] = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(path.readlink())
        except OSError:
            continue
        inodes.update(re.findall(r"socket:\[(\d+)\]", target))
    return inodes


def listening_sockets(pid: int) -> set[tuple[str, int]]:
    """Return address (as the kernel writes it) and port of what a process listens on."""
    inodes = sockets_of(pid)
    found: set[tuple[str, int]] = set()
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:  # 0A: TCP_LISTEN
            address, _, port = fields[1].partition(":")
            found.add((address, int(port, 16)))
    return found


def udp_sockets(pid: int) -> list[str]:
    inodes = sockets_of(pid)
    lines = Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]
    return [line for line in lines if line.split()[9] in inodes]


def test_given_tokens_replace_the_printed_ones(
    start_emulator: Callable[..., RunningEmulator], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("# mine\nalpha cw00aa admin\nbeta cw00bb admin\n")
    emulator = start_emulator("--tokens", str(tokens))
    assert emulator.admin_token == ""
    with client(emulator, token="alpha") as alpha, client(emulator, token="beta") as beta:  # noqa: S106 - tokens of the test
        gateway = alpha.gateways.create(**GATEWAY)
        assert gateway.spec.organization_id == "cw00aa"
        assert beta.gateways.list() == []


def test_secrets_are_in_no_argument_and_in_no_environment(emulator: RunningEmulator) -> None:
    if not Path("/proc/self/environ").exists():
        pytest.skip("reads /proc, which is Linux's")
    for pid in {emulator.process.pid, *processes_of(emulator.process.pid)}:
        for name in ("environ", "cmdline"):
            text = Path(f"/proc/{pid}/{name}").read_bytes()
            assert emulator.admin_token.encode() not in text
            assert b"CW-SECRET" not in text


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls_emulator(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    with running_emulator("--tls-cert", str(certificate), "--tls-key", str(key)) as emulator:
        yield emulator


@pytest.mark.parametrize("wire", WIRES)
def test_tls_is_served_on_every_wire(
    tls_emulator: RunningEmulator, authority: trustme.CA, wire: str
) -> None:
    assert tls_emulator.url.startswith("https://127.0.0.1:")
    pem = authority.cert_pem.bytes()
    with client(tls_emulator, wire, ca_certificates=pem) as trusting:
        trusting.gateways.list()
    with client(tls_emulator, wire) as strict, pytest.raises(RpcError) as caught:
        strict.gateways.list()
    assert not caught.value.from_server


def test_tls_offers_http_2_and_http_1(tls_emulator: RunningEmulator, authority: trustme.CA) -> None:
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    for offered in ("h2", "http/1.1"):
        context.set_alpn_protocols([offered])
        with (
            socket.create_connection((tls_emulator.host, tls_emulator.port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as wrapped,
        ):
            assert wrapped.selected_alpn_protocol() == offered


def test_plaintext_to_the_tls_port_does_not_disturb_it(
    tls_emulator: RunningEmulator, authority: trustme.CA
) -> None:
    with closing(socket.create_connection((tls_emulator.host, tls_emulator.port))) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        plain.settimeout(10)
        with suppress(ConnectionResetError):
            assert plain.recv(100) == b""
    with client(tls_emulator, ca_certificates=authority.cert_pem.bytes()) as found:
        found.gateways.list()


# Stopping


@needs_proc
@pytest.mark.parametrize("trial", range(3))
def test_kill_9_leaves_no_process_and_frees_the_port(trial: int) -> None:
    del trial
    with running_emulator() as emulator:
        children = processes_of(emulator.process.pid)
        assert children
        with client(emulator) as found:
            found.gateways.create(**GATEWAY)
            assert emulator.stop(number=signal.SIGKILL) == -signal.SIGKILL
            assert wait_until_gone(children) == set()
        assert can_listen(emulator.port)


def admin_port(emulator: RunningEmulator) -> int:
    return int(emulator.admin_url.rpartition(":")[2])


@needs_proc
def test_kill_9_frees_the_port_of_the_admin_interface_too() -> None:
    with running_emulator("--admin-port", "0") as emulator:
        children = processes_of(emulator.process.pid)
        assert emulator.admin("GET", "/state")["objects"] == {}
        assert emulator.stop(number=signal.SIGKILL) == -signal.SIGKILL
        assert wait_until_gone(children) == set()
        assert can_listen(admin_port(emulator))


@needs_proc
def test_the_admin_interface_is_for_this_machine_whatever_the_api_is_for(
    start_emulator: Callable[..., RunningEmulator],
) -> None:
    emulator = start_emulator("--host", "0.0.0.0", "--admin-port", "0")  # noqa: S104 - what is tested
    [child] = processes_of(emulator.process.pid)
    assert ("0100007F", admin_port(emulator)) in listening_sockets(child)


@needs_proc
@pytest.mark.parametrize("milliseconds", [50, 150, 300, 450, 600])
def test_kill_9_while_starting_leaves_no_process(milliseconds: int) -> None:
    arguments = [sys.executable, "-m", "coreweave_inference.cli", "emulator", "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as process:
        time.sleep(milliseconds / 1000)  # there is nothing to wait for: the moment is the test
        children = processes_of(process.pid)
        process.kill()
        process.wait()
    assert wait_until_gone(children) == set()


@needs_proc
def test_the_command_ends_if_the_server_is_killed() -> None:
    with running_emulator() as emulator:
        for child in emulator.children:
            os.kill(child, signal.SIGKILL)
        assert emulator.process.wait(60) == 1
    assert "the server ended by itself" in "".join(emulator.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_quietly(number: signal.Signals) -> None:
    with running_emulator("--admin-port", "0") as emulator:
        assert_serves(emulator)
        assert emulator.admin("GET", "/faults")["faults"] == []
        idle = socket.create_connection((emulator.host, emulator.port))
        assert emulator.stop(number=number) == 0
        idle.close()
    assert emulator.stderr == []
    assert can_listen(emulator.port)
    assert can_listen(admin_port(emulator))


# The command, but that it waits longer for calls in flight than any test does.
PATIENT = """
import sys
from coreweave_inference.cli import main
from coreweave_inference.emulator.process import run
run.__kwdefaults__["drain_seconds"] = 600.0
sys.exit(main(sys.argv[1:]))
"""


def begin_create(emulator: RunningEmulator) -> socket.socket:
    """Send a request but for the end of its body, and make sure that it arrived."""
    connection = socket.create_connection((emulator.host, emulator.port))
    connection.settimeout(20)
    head = (
        f"POST {PREFIX}/gateways HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {emulator.admin_token}\r\n"
        f"expect: 100-continue\r\ncontent-length: {len(GATEWAY_JSON)}\r\n\r\n"
    )
    connection.sendall(head.encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 100")
    connection.sendall(GATEWAY_JSON[:10])
    return connection


def wait_until_refused(emulator: RunningEmulator) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection((emulator.host, emulator.port)).close()
        except OSError:
            return
        time.sleep(0.01)
    pytest.fail("the emulator still takes connections")


def test_sigterm_lets_calls_in_flight_end() -> None:
    with (
        running_emulator(program=("-c", PATIENT)) as emulator,
        closing(begin_create(emulator)) as connection,
    ):
        emulator.process.send_signal(signal.SIGTERM)
        wait_until_refused(emulator)
        assert emulator.process.poll() is None
        connection.sendall(GATEWAY_JSON[10:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
        assert emulator.process.wait(60) == 0
    assert emulator.stderr == []


@pytest.mark.slow
def test_sigterm_does_not_wait_for_ever() -> None:
    with running_emulator() as emulator, closing(begin_create(emulator)) as connection:
        assert emulator.stop() == 0
        assert connection.recv(4096) == b""


def test_a_second_signal_ends_the_wait() -> None:
    with (
        running_emulator(program=("-c", PATIENT)) as emulator,
        closing(begin_create(emulator)),
    ):
        emulator.process.send_signal(signal.SIGTERM)
        wait_until_refused(emulator)
        assert emulator.process.poll() is None
        emulator.process.send_signal(signal.SIGTERM)
        assert emulator.process.wait(60) == 0  # a tenth of what it would wait for the call


def test_an_answer_that_cannot_be_read_does_not_end_the_wait_for_calls() -> None:
    # As those of an Envoy that is short of time: none for two seconds, or one that breaks off.
    script = iter([b"OK", b"", b"http.ingress_http.downs", IN_FLIGHT % 1, IN_FLIGHT % 0])
    asked: list[bytes] = []

    def answer(connection: socket.socket, _: threading.Event) -> None:
        asked.append(connection.recv(4096).partition(b" HTTP/1.1")[0])
        body = next(script)
        if body:
            head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
            connection.sendall(head % len(body) + body)

    process = EmulatorProcess(Listen(), ServerSettings(behaviour=Behaviour(), tokens=""))
    with serving(answer) as port:
        process._envoy_admin = ("127.0.0.1", port)  # pyright: ignore[reportPrivateUsage] - Envoy's part is the test's
        process.drain(seconds=600, hurry=lambda: len(asked) > 5)
    assert (
        asked
        == [b"POST /drain_listeners"]
        + [b"GET /stats?filter=^http.ingress_http.downstream_rq_active$"] * 4
    )


# The database


def test_a_restart_finds_everything(tmp_path: Path) -> None:
    database = str(tmp_path / "emulator.db")
    tokens = tmp_path / "tokens"
    tokens.write_text("mine cw00aa admin\n")
    flags = ("--database", database, "--tokens", str(tokens), "--transition-seconds", "0")
    with running_emulator(*flags) as emulator, client(emulator, token="mine") as found:  # noqa: S106 - the test's
        gateway = found.gateways.create(**GATEWAY)
        gateway = found.gateways.get(id=gateway.spec.id)
    with running_emulator(*flags) as emulator, client(emulator, token="mine") as found:  # noqa: S106 - the test's
        assert found.gateways.list() == [gateway]


def test_kill_9_in_the_middle_of_writes_loses_nothing_acknowledged(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("mine cw00aa admin\n")
    flags = ("--database", str(tmp_path / "emulator.db"), "--tokens", str(tokens))
    acknowledged: dict[str, int] = {}
    with running_emulator(*flags, "--transition-seconds", "0") as emulator:
        enough = threading.Event()

        def write(wire: str) -> None:
            with client(emulator, wire, token="mine") as found:  # noqa: S106 - the test's
                while True:
                    try:
                        gateway = found.gateways.create(**GATEWAY)
                    except RpcError:
                        return
                    acknowledged[gateway.spec.id] = gateway.status.created_at.ToNanoseconds()
                    if len(acknowledged) > 200:
                        enough.set()

        threads = [threading.Thread(target=write, args=(wire,)) for wire in WIRES]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        emulator.stop(number=signal.SIGKILL)
        for thread in threads:
            thread.join(30)
    with running_emulator(*flags) as emulator, client(emulator, token="mine") as found:  # noqa: S106 - the test's
        kept = {
            gateway.spec.id: gateway.status.created_at.ToNanoseconds()
            for gateway in found.gateways.list()
        }
        assert acknowledged.items() <= kept.items()
        # Calls in flight may have been done without an answer: at most one a thread.
        assert len(kept) - len(acknowledged) <= len(threads)
        later = found.gateways.create(**GATEWAY).status.updated_at.ToNanoseconds()
        assert later > max(kept.values())


# Concurrency


def test_updated_at_rises_strictly_under_parallel_writes_on_all_wires(
    start_emulator: Callable[..., RunningEmulator],
) -> None:
    emulator = start_emulator("--transition-seconds", "0")
    stamps: dict[str, list[int]] = {}

    def write(name: str, wire: str) -> None:
        mine = stamps.setdefault(name, [])
        with client(emulator, wire) as found:
            gateway = found.gateways.create(**GATEWAY)
            mine.append(gateway.status.updated_at.ToNanoseconds())
            for _ in range(20):
                gateway = found.gateways.update(id=gateway.spec.id, **GATEWAY)
                mine.append(gateway.status.updated_at.ToNanoseconds())

    names = [(f"{wire}-{number}", wire) for wire in WIRES for number in range(2)]
    threads = [threading.Thread(target=write, args=pair) for pair in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(stamps) == {name for name, _ in names}
    assert all(mine == sorted(mine) and len(mine) == 21 for mine in stamps.values())
    every = [value for mine in stamps.values() for value in mine]
    assert len(set(every)) == len(every)


# Bad input


def raw(emulator: RunningEmulator, data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes and read one HTTP/1.1 response."""
    with closing(socket.create_connection((emulator.host, emulator.port))) as connection:
        connection.settimeout(20)
        connection.sendall(data)
        response = http.client.HTTPResponse(connection)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read()


def post(
    emulator: RunningEmulator, path: str, body: bytes, *headers: str, content_type: str
) -> tuple[int, dict[str, str], bytes]:
    lines = [
        f"POST {path} HTTP/1.1",
        "host: x",
        f"content-type: {content_type}",
        f"authorization: Bearer {emulator.admin_token}",
        f"content-length: {len(body)}",
        *headers,
    ]
    return raw(emulator, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def grpc_error(
    emulator: RunningEmulator,
    path: str = LIST,
    body: bytes = b"",
    *headers: tuple[str, str],
) -> tuple[grpc.StatusCode, str]:
    with grpc.insecure_channel(f"{emulator.host}:{emulator.port}") as channel:
        untyped: Any = channel  # grpc-stubs demand serializers that grpc does not
        call = untyped.unary_unary(path)
        metadata = [("authorization", f"Bearer {emulator.admin_token}"), *headers]
        with pytest.raises(grpc.RpcError) as caught:
            call(body, metadata=metadata, timeout=20)
        error: Any = caught.value
        return error.code(), error.details()


def frame(data: bytes) -> bytes:
    return b"\x00" + len(data).to_bytes(4, "big") + data


def web_status(headers: dict[str, str], body: bytes) -> str:
    """Return the grpc-status of a gRPC-Web response: a header, or in the last frame."""
    found = re.search(rb"grpc-status: ?(\d+)", body)
    return found.group(1).decode() if found else headers["grpc-status"]


def test_an_unknown_route_is_told_on_each_wire(emulator: RunningEmulator) -> None:
    nope = LIST.replace("ListGateways", "Nope")
    status, _, body = post(emulator, nope, b"{}", content_type="application/json")
    assert (status, json.loads(body)["code"]) == (404, "unimplemented")
    status, headers, body = post(emulator, nope, frame(b""), content_type="application/grpc-web")
    assert (status, web_status(headers, body)) == (200, "12")
    assert grpc_error(emulator, nope) == (
        grpc.StatusCode.UNIMPLEMENTED,
        f"unknown method {nope}",
    )
    assert grpc_error(emulator, "/x.Y/Z")[0] is grpc.StatusCode.UNIMPLEMENTED
    status, _, body = post(emulator, "/nope", b"{}", content_type="application/json")
    assert (status, json.loads(body)["code"]) == (404, 12)
    assert_serves(emulator)


def test_a_wrong_content_type_is_told_on_each_wire(emulator: RunningEmulator) -> None:
    for path in (LIST, f"{PREFIX}/gateways"):
        status, _, body = post(emulator, path, b"x", content_type="text/plain")
        assert status == 415
        assert "text/plain" in json.loads(body)["message"]
    for kind in ("application/grpc-web+thrift", "application/grpc+thrift"):
        status, headers, body = post(emulator, LIST, b"x", content_type=kind)
        assert (status, web_status(headers, body)) == (200, "12")
    assert_serves(emulator)


def test_a_wrong_verb_is_told_on_each_wire(emulator: RunningEmulator) -> None:
    status, headers, body = raw(emulator, f"GET {LIST} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    assert (status, headers["allow"]) == (405, "POST")
    assert json.loads(body)["code"] == "unknown"  # Connect, "HTTP to Error Code"
    path = f"{PREFIX}/gateways"
    status, headers, body = raw(emulator, f"DELETE {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert json.loads(body)["code"] == 12
    assert_serves(emulator)


def test_what_is_no_message_is_told_on_each_wire(emulator: RunningEmulator) -> None:
    status, _, body = post(emulator, LIST, b"{", content_type="application/json")
    assert (status, json.loads(body)["code"]) == (400, "invalid_argument")
    status, _, body = post(emulator, LIST, b"\xff", content_type="application/proto")
    assert (status, json.loads(body)["code"]) == (400, "invalid_argument")
    kind = "application/grpc-web+proto"
    status, headers, body = post(emulator, LIST, frame(b"\xff"), content_type=kind)
    assert (status, web_status(headers, body)) == (200, "3")
    assert grpc_error(emulator, LIST, b"\xff")[0] is grpc.StatusCode.INVALID_ARGUMENT
    status, _, body = post(emulator, f"{PREFIX}/gateways", b"{", content_type="application/json")
    assert (status, json.loads(body)["code"]) == (400, 3)
    assert_serves(emulator)


@pytest.mark.parametrize("size", [5 * 2**20, 40 * 2**20])
def test_too_large_a_body_is_told_on_each_wire(emulator: RunningEmulator, size: int) -> None:
    body = b'"' + b"x" * size
    status, _, answer = post(emulator, LIST, body, content_type="application/json")
    assert (status, json.loads(answer)["code"]) == (429, "resource_exhausted")
    kind = "application/grpc-web+proto"
    status, headers, answer = post(emulator, LIST, frame(body), content_type=kind)
    assert (status, web_status(headers, answer)) == (200, "8")
    assert grpc_error(emulator, LIST, body)[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    path = f"{PREFIX}/gateways"
    status, _, answer = post(emulator, path, body, content_type="application/json")
    assert (status, json.loads(answer)["code"]) == (413, 8)
    assert_serves(emulator)


def test_the_limit_of_bodies_can_be_set(start_emulator: Callable[..., RunningEmulator]) -> None:
    emulator = start_emulator("--max-body-bytes", "100")
    status, _, body = post(emulator, LIST, b" " * 101, content_type="application/json")
    assert (status, json.loads(body)["code"]) == (429, "resource_exhausted")
    assert_serves(emulator)


def test_too_large_headers_are_told_on_each_wire(emulator: RunningEmulator) -> None:
    big = "x-big: " + "y" * 100_000
    status, _, body = post(emulator, LIST, b"{}", big, content_type="application/json")
    assert (status, json.loads(body)["code"]) == (431, "resource_exhausted")
    status, headers, body = post(
        emulator, LIST, frame(b""), big, content_type="application/grpc-web+proto"
    )
    assert (status, web_status(headers, body)) == (200, "8")
    # In two: HPACK as Envoy reads it ends the connection at a single header above 64 KiB.
    halves = [("x-big", "y" * 50_000), ("x-big-too", "y" * 50_000)]
    code, text = grpc_error(emulator, LIST, b"", *halves)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "above the limit of 32768" in text
    path = f"{PREFIX}/gateways"
    status, _, body = post(emulator, path, b"{}", big, content_type="application/json")
    assert (status, json.loads(body)["code"]) == (431, 8)
    # Above 1 MiB Envoy answers by itself.
    huge = "x-big: " + "y" * 1_100_000
    status, _, body = post(emulator, path, b"{}", huge, content_type="application/json")
    assert (status, json.loads(body)["code"]) == (431, 8)
    assert_serves(emulator)


def test_what_is_no_http_is_answered_or_hung_up_on(emulator: RunningEmulator) -> None:
    status, headers, body = raw(emulator, b"GARBAGE\r\n\r\n")
    assert (status, headers["content-type"]) == (400, "application/json")
    assert json.loads(body) == {"code": 3, "message": "Bad Request", "details": []}
    for head, expected in (
        (b"OPTIONS * HTTP/1.1\r\nhost: x", (404, 12)),
        (b"GET / HTTP/1.0", (426, 9)),
        (b"CONNECT x:80 HTTP/1.1\r\nhost: x", (400, 3)),
    ):
        status, _, body = raw(emulator, head + b"\r\n\r\n")
        assert (status, json.loads(body)["code"]) == expected
    # The preface of HTTP/2, and then what is no frame.
    with closing(socket.create_connection((emulator.host, emulator.port))) as connection:
        connection.settimeout(20)
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100)
        while connection.recv(4096):
            pass
    assert_serves(emulator)


@pytest.mark.parametrize(
    "path",
    [
        b"/%FF",
        b"/v1alpha1/inference/deployments/%C3%28",
        b"/%c0%ae",
        b"/%ED%A0%80",
        b"/%F4%90%80%80",
        b"/a%E2%82",
        b"/%%FF",
        b"/\xc3%A4",
    ],
)
def test_a_path_that_is_no_utf_8_is_answered(emulator: RunningEmulator, path: bytes) -> None:
    status, _, body = raw(emulator, b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert (status, json.loads(body)["code"]) == (400, 3)
    assert_serves(emulator)


def test_a_path_of_utf_8_reaches_the_service(emulator: RunningEmulator) -> None:
    every_length = "%24%C3%A4%e2%82%ac%ED%9F%BF%EE%80%80%F0%9F%99%82%F4%8F%BF%BF"
    for path, status in ((every_length, 404), ("x?%FF", 404), ("%zz", 400)):
        head = f"GET /{path} HTTP/1.1\r\nhost: x\r\n\r\n"
        answered, _, body = raw(emulator, head.encode())
        assert answered == status
        assert json.loads(body)["message"] != "expected a path in UTF-8"


def test_clients_that_hang_up_disturb_nobody(
    start_emulator: Callable[..., RunningEmulator],
) -> None:
    emulator = start_emulator()
    for _ in range(5):
        begin_create(emulator).close()
    with grpc.insecure_channel(f"{emulator.host}:{emulator.port}") as channel:
        stub: Any = GatewayServiceStub(channel)
        metadata = [("authorization", f"Bearer {emulator.admin_token}")]
        for _ in range(20):
            stub.ListGateways.future(ListGatewaysRequest(), metadata=metadata).cancel()
    assert_serves(emulator)
    assert emulator.stop() == 0
    # Read by a thread: complete once the process has ended and its pipe is closed.
    assert emulator.stderr == []


def test_documented_style_reaches_every_error(
    start_emulator: Callable[..., RunningEmulator],
) -> None:
    emulator = start_emulator("--documented-style", "--transition-seconds", "0")
    for first in (b"GARBAGE", b"GET /%FF HTTP/1.1\r\nhost: x"):
        status, _, body = raw(emulator, first + b"\r\n\r\n")
        assert (status, json.loads(body)["code"]) == (400, 400)
    path = f"{PREFIX}/gateways"
    status, _, body = post(emulator, path, b"{}", content_type="application/json")
    assert (status, json.loads(body)["code"]) == (400, 400)
    status, _, body = post(emulator, path, GATEWAY_JSON, content_type="application/json")
    conditions = json.loads(body)["gateway"]["status"]["conditions"]
    assert [condition["status"] for condition in conditions] == ["False", "False"]
    # Our own client reads either style.
    with client(emulator, "rest") as found:
        assert found.gateways.list()[0].status.status == STATUS_READY
