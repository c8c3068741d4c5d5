"""The wheel in an empty environment outside the tree: what a user gets works and type-checks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.unit.contract.buf import skip_or_fail
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PACKAGES = {"triwire", "coreweave_inference", "coreweave_inference_gen"}
EXAMPLES = ("lifecycle.py", "errors_async.py")
# Stubs that a user's own strict type check needs: protobuf and grpcio ship none.
STUBS = ("types-protobuf", "googleapis-common-protos-stubs", "grpc-stubs")
# This environment's mypy over the other environment's packages.
MYPY = (sys.executable, "-m", "mypy", "--strict", "--python-executable", "env/bin/python")


def run(command: list[str], cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program that sees neither this tree nor this environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        command, cwd=cwd, env={**kept, **environ}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the backend of this environment: no network."""
    folder = tmp_path_factory.mktemp("dist")
    built = run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], repository
    )
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def outside(wheel: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples and an environment that holds the wheel, and nothing of ours."""
    folder = tmp_path_factory.mktemp("outside")
    for name in EXAMPLES:
        shutil.copy(repository / "examples" / name, folder)
    made = run([sys.executable, "-m", "venv", "env"], folder)
    assert made.returncode == 0, made.stderr
    install = ["env/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    installed = run([*install, f"{wheel}[emulator]", *STUBS], folder)
    if installed.returncode != 0:
        skip_or_fail(f"packages could not be installed: {installed.stderr[-500:]}")
    return folder


@pytest.fixture(scope="module")
def emulator(outside: Path) -> Iterator[dict[str, str]]:
    """The installed emulator; yields the environment that clients find it by."""
    with subprocess.Popen(
        ["env/bin/cw-inference", "emulator", "--port", "0"],
        cwd=outside,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            printed = ""
            for line in process.stdout or ():
                printed += line
                endpoint = re.search(r"http://[0-9.]+:\d+", printed)
                tokens = re.findall(r"CW-SECRET-[\w-]+", printed)
                if endpoint and len(tokens) > 1:
                    yield {
                        "COREWEAVE_API_ENDPOINT": endpoint.group(),
                        "COREWEAVE_API_TOKEN": tokens[0],
                    }
                    break
            else:
                pytest.fail(f"the emulator ended without its address and tokens: {printed!r}")
        finally:
            process.terminate()
            process.wait(15)


def test_the_wheel_holds_our_packages_typed_and_nothing_beside_them(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
    assert [name for name in names if name.endswith(("LICENSE", "entry_points.txt"))]
    assert [name for name in names if name.endswith("/v1alpha1/openapi.json")]
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_nothing_of_the_tree_is_imported(outside: Path) -> None:
    program = "import " + ", ".join(sorted(PACKAGES)) + "; print(triwire.__file__)"
    done = run(["env/bin/python", "-c", program], outside)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(outside / "env"))


@pytest.mark.parametrize("transport", WIRES)
def test_the_client_runs_the_lifecycle_against_the_emulator(
    transport: str, outside: Path, emulator: dict[str, str]
) -> None:
    done = run(["env/bin/python", "lifecycle.py", transport], outside, **emulator)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("all deleted\n")


def test_the_plugin_generates_from_a_request_on_stdin(outside: Path) -> None:
    file = FileDescriptorProto(name="acme/v1/a.proto", package="acme.v1", syntax="proto3")
    file.message_type.add(name="PingRequest")
    file.message_type.add(name="PingResponse")
    service = file.service.add(name="PingService")
    service.method.add(
        name="Ping", input_type=".acme.v1.PingRequest", output_type=".acme.v1.PingResponse"
    )
    request = CodeGeneratorRequest(file_to_generate=[file.name], proto_file=[file])
    done = subprocess.run(
        [outside / "env" / "bin" / "protoc-gen-triwire"],
        input=request.SerializeToString(),
        cwd=outside,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    response = CodeGeneratorResponse.FromString(done.stdout)
    assert not response.error
    (generated,) = response.file
    assert generated.name == "acme/v1/a_triwire.py"
    compile(generated.content, generated.name, "exec")
    assert "PingService" in generated.content


def test_mypy_strict_passes_on_programs_that_use_it(outside: Path) -> None:
    done = run([*MYPY, *EXAMPLES], outside)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_strict_passes_on_programs_that_use_it(outside: Path) -> None:
    settings = {"include": list(EXAMPLES), "typeCheckingMode": "strict"}
    (outside / "pyrightconfig.json").write_text(json.dumps(settings))
    done = run(
        [sys.executable, "-m", "pyright", "--pythonpath", "env/bin/python", "-p", "."], outside
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_field_is_a_type_error_for_mypy(outside: Path) -> None:
    (outside / "wrong.py").write_text(
        "from coreweave_inference import InferenceClient\n"
        "InferenceClient().gateways.create(nane='edge')\n"
    )
    done = run([*MYPY, "wrong.py"], outside)
    assert done.returncode == 1
    assert '"nane"' in done.stdout
