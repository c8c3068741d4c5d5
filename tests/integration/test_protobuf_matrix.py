"""The generated code on every protobuf major that we support (ADR 0001).

Environments with the versions are made once and kept in .cache/; the programs run in them.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest

from scripts.lowest_bounds import lowest_bounds
from scripts.protoc_gen_grpc_tools import generate, tools_python
from tests.integration.environments import python_with
from tests.integration.foreign_package import (
    DESCRIBE,
    OURS,
    PYTHON,
    THEIRS,
    USE,
    make_newer,
    make_older,
    original_files,
    without_google,
    write_package,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

# "lowest" is what pyproject.toml allows at least; the others take what is newest of a major.
RUNTIMES = {
    "lowest": [],
    "5.29": ["protobuf>=5.29,<6"],
    "6": ["protobuf>=6,<7"],
    "7": ["protobuf>=7,<8"],
}
# Where the lowest version matters for generated code.
GENCODE_RUNTIMES = ("protobuf", "grpcio", "googleapis-common-protos")

VERSION = """\
import google.protobuf
assert google.protobuf.__version__.startswith({start!r}), google.protobuf.__version__
"""
SERVICES = """\
from coreweave_inference_gen.coreweave.inference.v1alpha1 import (
    capacity_claim_connect, capacity_claim_pb2_grpc, capacity_claim_triwire,
    deployment_connect, deployment_pb2_grpc, deployment_triwire,
    gateway_connect, gateway_pb2_grpc, gateway_triwire)
import grpc
with grpc.insecure_channel("localhost:1") as channel:
    stub = gateway_pb2_grpc.GatewayServiceStub(channel)
    assert callable(stub.ListGateways)
assert gateway_connect.GatewayServiceClient.list_gateways
assert gateway_triwire.GatewayServiceClient
"""
# Written by hand from https://protobuf.dev/programming-guides/encoding and the contract's numbers.
GOLDEN = """\
def check(message, golden):
    data = bytes.fromhex(golden)
    assert message.SerializeToString(deterministic=True) == data, message.SerializeToString().hex()
    assert type(message).FromString(data) == message

check(
    gateway_pb2.CreateGatewayRequest(
        name="edge", zones=["US-EAST-04A"], core_weave_auth={},
        body_based_routing={"api_type": "API_TYPE_OPENAI"}),
    "1204" "65646765" "1a0b" "55532d454153542d303441" "2200" "3a02" "0801")
check(
    capacity_claim_pb2.CapacityClaimResources(
        instance_id="gd", instance_count=300, capacity_type="CAPACITY_TYPE_MANAGED",
        zones=["RNO2A"]),
    "0a02" "6764" "10ac02" "1803" "2205" "524e4f3241")
check(
    deployment_pb2.DeploymentRuntime(engine="vllm", engine_env={"B": "", "A": "1"}),
    "0a04" "766c6c6d" "2206" "0a0141" "120131" "2205" "0a0142" "1200")
check(
    gateway_pb2.ListGatewaysRequest(updated_after=timestamp_pb2.Timestamp(seconds=-1, nanos=5)),
    "120d" "08ffffffffffffffffff01" "1005")
unknown = gateway_pb2.CoreWeaveAuth.FromString(bytes.fromhex("f83e01"))
assert unknown.SerializeToString() == bytes.fromhex("f83e01")
"""
RULES = """\
from coreweave_inference_gen import validator
from tests.unit.gen.contract_rules import contract_cases
def found(message):
    return {
        (v.proto.rule_id, ".".join(e.field_name for e in v.proto.field.elements)
         if v.proto.field is not None else "")
        for v in validator().collect_violations(message)}
cases = list(contract_cases())
assert len(cases) > 100
for case in cases:
    assert (case.rule, case.path) in found(case.broken), case
    assert (case.rule, case.path) not in found(case.kept), case
"""

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=[pytest.param(name, id=f"protobuf-{name}") for name in RUNTIMES])
def run(request: pytest.FixtureRequest, tmp_path: Path, repository: Path) -> Run:
    """A function that runs a program on one of the runtimes, `tmp_path` among its packages."""
    name: str = request.param
    with (repository / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    wanted = RUNTIMES[name]
    if name == "lowest":
        pins = lowest_bounds(project)
        wanted = [pin for pin in pins if pin.partition("==")[0] in GENCODE_RUNTIMES]
        assert len(wanted) == len(GENCODE_RUNTIMES)
    requirements = [*project["dependencies"], *project["optional-dependencies"]["validate"]]
    python = python_with([*requirements, *wanted], repository=repository)
    folders = [repository / "src", repository / "gen" / "python", tmp_path, repository]
    check_version = VERSION.format(start="5.29." if name == "lowest" else f"{name}.")

    def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-W", "error", "-c", check_version + program],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), **environment},
            cwd=tmp_path,
        )

    return run


def succeeds(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


def test_messages_have_the_bytes_of_the_wire_format(run: Run) -> None:
    succeeds(run(OURS + GOLDEN))


def test_services_import_without_a_warning(run: Run) -> None:
    succeeds(run(OURS + SERVICES))


def test_every_rule_is_applied(run: Run) -> None:
    succeeds(run(RULES))


@pytest.mark.parametrize(
    "order",
    [pytest.param(THEIRS + OURS, id="theirs-first"), pytest.param(OURS + THEIRS, id="ours-first")],
)
def test_shares_the_messages_of_a_version_that_covers_ours(
    run: Run, tmp_path: Path, order: str
) -> None:
    files = original_files()
    make_newer(files)
    write_package(tmp_path, without_google(files))
    succeeds(run(order + USE + "assert their_gateways.Gateway is gateway_pb2.Gateway\n"))


def test_refuses_to_run_on_an_older_version(run: Run, tmp_path: Path) -> None:
    files = original_files()
    make_older(files)
    write_package(tmp_path, without_google(files))
    done = run(THEIRS + OURS)
    assert done.returncode == 1
    assert "it lacks field coreweave.inference.v1alpha1.GatewaySpec.organization_id" in done.stderr


@pytest.mark.parametrize(
    "order",
    [pytest.param(THEIRS + OURS, id="theirs-first"), pytest.param(OURS + THEIRS, id="ours-first")],
)
def test_shares_the_messages_of_what_protoc_writes(run: Run, tmp_path: Path, order: str) -> None:
    """The same as above, with modules that nobody here has written."""
    files = original_files()
    known = (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2)
    every = [module.DESCRIPTOR for module in known]
    request = CodeGeneratorRequest(
        file_to_generate=[file.name for file in without_google(files)],
        proto_file=[
            *(descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb) for file in every),
            *files.values(),
        ],
    )
    response = generate(request, python=tools_python(), generators=["python"])
    assert not response.error
    assert len(response.file) == len(request.file_to_generate)
    for file in response.file:
        path = tmp_path / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content, encoding="utf-8")
    same = "assert their_gateways.Gateway is gateway_pb2.Gateway\n"
    succeeds(run(order + USE + same))
    in_python = PYTHON + order + USE.partition("request = ")[0] + same + DESCRIBE
    succeeds(run(in_python, PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python"))


def test_runs_beside_the_sandbox_client_of_the_same_owner(tmp_path: Path, repository: Path) -> None:
    """It is the one public distribution that registers files below coreweave/."""
    with (repository / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["validate"]]
    python = python_with([*requirements, "cwsandbox"], repository=repository)
    sandbox = (
        "import cwsandbox, pkgutil, importlib\n"
        "packages = pkgutil.walk_packages(cwsandbox.__path__, 'cwsandbox.')\n"
        "names = [package.name for package in packages if package.name.endswith('_pb2')]\n"
        "files = [importlib.import_module(name).DESCRIPTOR.name for name in names]\n"
        "assert any(name.startswith('coreweave/') for name in files), files\n"
    )
    folders = [repository / "src", repository / "gen" / "python"]
    for order in (sandbox + OURS, OURS + sandbox):
        done = subprocess.run(
            [python, "-c", order + USE],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
            cwd=tmp_path,
        )
        succeeds(done)
