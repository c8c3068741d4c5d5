"""Our generated code beside other code of the same .proto files, in every order (ADR 0001).

Each case runs in a process of its own, because protobuf's descriptor pool lasts as long as that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest
from google.protobuf.descriptor_pb2 import (
    FieldDescriptorProto,
)

from tests.integration.foreign_package import (
    API,
    DESCRIBE,
    GATEWAY,
    OURS,
    PYTHON,
    THEIRS,
    USE,
    VALIDATE,
    Files,
    make_newer,
    make_older,
    message_of,
    original_files,
    without_google,
    write_package,
)

if TYPE_CHECKING:
    from pathlib import Path


Change: TypeAlias = Callable[[Files], None]
Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def files() -> Files:
    """The contract's files and their imports, for a test to change."""
    return original_files()


@pytest.fixture
def run(tmp_path: Path, repository: Path) -> Run:
    """A function that runs a program with `tmp_path` among the installed packages."""

    def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
        folders = (repository / "src", repository / "gen" / "python", tmp_path)
        path = os.pathsep.join(map(str, folders))
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": path, **environment},
            cwd=tmp_path,
        )

    return run


def succeeds(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


def fails(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of the traceback."""
    assert done.returncode == 1, done.stderr
    return done.stderr.strip().splitlines()[-1]


def unchanged(_: Files) -> None:
    pass


def change_type(files: Files) -> None:
    fields = message_of(files[GATEWAY], "GatewaySpec").field
    fields[[field.name for field in fields].index("name")].type = FieldDescriptorProto.TYPE_BYTES


def change_number(files: Files) -> None:
    value = files[f"{API}/status.proto"].enum_type[0].value[1]
    value.number = 77


def drop_method(files: Files) -> None:
    del files[GATEWAY].service[0].method[0]


def change_method(files: Files) -> None:
    files[GATEWAY].service[0].method[0].server_streaming = True


def test_registers_our_files_where_there_are_no_others(run: Run) -> None:
    nothing_else = (
        "import sys\n"
        "roots = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not roots & {'coreweave', 'buf'}, roots\n"
        "assert not any(name.startswith('google.api') for name in sys.modules)\n"
    )
    succeeds(run(OURS + nothing_else + USE))


@pytest.mark.parametrize(
    "change", [pytest.param(unchanged, id="same"), pytest.param(make_newer, id="newer")]
)
@pytest.mark.parametrize(
    "order",
    [pytest.param(THEIRS + OURS, id="theirs-first"), pytest.param(OURS + THEIRS, id="ours-first")],
)
def test_shares_the_messages_of_a_version_that_covers_ours(
    files: Files, run: Run, tmp_path: Path, change: Change, order: str
) -> None:
    change(files)
    write_package(tmp_path, without_google(files))
    succeeds(run(order + USE + "assert their_gateways.Gateway is gateway_pb2.Gateway\n"))


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        pytest.param(
            make_older,
            "lacks field coreweave.inference.v1alpha1.GatewaySpec.organization_id",
            id="field-missing",
        ),
        pytest.param(
            change_type,
            "has another field coreweave.inference.v1alpha1.GatewaySpec.name",
            id="other-type",
        ),
        pytest.param(
            change_number,
            "has another enum value coreweave.inference.v1alpha1.Status.STATUS_CREATING",
            id="other-enum-number",
        ),
        pytest.param(
            drop_method,
            "lacks method coreweave.inference.v1alpha1.GatewayService.ListGateways",
            id="method-missing",
        ),
        pytest.param(
            change_method,
            "has another method coreweave.inference.v1alpha1.GatewayService.ListGateways",
            id="other-method",
        ),
    ],
)
def test_refuses_to_run_on_a_version_that_does_not_cover_ours(
    files: Files, run: Run, tmp_path: Path, change: Change, gap: str
) -> None:
    change(files)
    write_package(tmp_path, without_google(files))
    error = fails(run(THEIRS + OURS))
    assert error.startswith("ImportError: another version of coreweave/inference/v1alpha1/")
    assert f"and it {gap}: upgrade what it belongs to" in error
    assert (
        f"by coreweave.inference.v1alpha1.{'status' if 'Status' in gap else 'gateway'}_pb2" in error
    )
    assert str(tmp_path) in error


def test_is_not_stopped_by_an_older_version_that_is_only_installed(
    files: Files, run: Run, tmp_path: Path
) -> None:
    make_older(files)
    write_package(tmp_path, without_google(files))
    succeeds(run(OURS + USE))


def test_an_older_version_is_refused_by_protobuf_once_ours_is_there(
    files: Files, run: Run, tmp_path: Path
) -> None:
    """The limit that ADR 0001 documents: neither side can be changed by then."""
    make_older(files)
    write_package(tmp_path, without_google(files))
    error = fails(run(OURS + THEIRS))
    assert error.startswith("TypeError: ")
    assert "duplicate file name" in error


@pytest.mark.parametrize(
    "change", [pytest.param(unchanged, id="same"), pytest.param(make_newer, id="newer")]
)
def test_shares_a_relocated_version_that_came_first(
    files: Files, run: Run, tmp_path: Path, change: Change
) -> None:
    change(files)
    write_package(tmp_path, without_google(files), below="sdk")
    theirs = THEIRS.replace("from coreweave", "from sdk.coreweave")
    succeeds(run(theirs + OURS + USE + "assert their_gateways.Gateway is gateway_pb2.Gateway\n"))


def test_names_the_file_that_holds_our_symbols_under_another_name(
    files: Files, run: Run, tmp_path: Path
) -> None:
    status = files[f"{API}/status.proto"]
    status.name = "inference/status.proto"
    write_package(tmp_path, [status])
    error = fails(run("import inference.status_pb2\n" + OURS))
    assert error.startswith(
        "ImportError: coreweave.inference.v1alpha1.Status is registered in this process by another "
        "file, inference/status.proto of inference.status_pb2 ("
    )


def test_goes_on_without_an_installed_version_that_cannot_be_imported(
    files: Files, run: Run, tmp_path: Path
) -> None:
    write_package(tmp_path, without_google(files))
    broken = tmp_path / "buf" / "validate" / "validate_pb2.py"
    broken.write_text("raise RuntimeError('gencode is newer than the runtime')", encoding="utf-8")
    done = run("import logging; logging.basicConfig()\n" + OURS + USE)
    succeeds(done)
    assert "coreweave.inference.v1alpha1.condition_pb2 is installed, but cannot be" in done.stderr
    assert "gencode is newer than the runtime" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("raise RuntimeError('not for import')", id="raises"),
    ],
)
def test_goes_on_beside_another_package_called_coreweave(
    run: Run, tmp_path: Path, text: str
) -> None:
    package = tmp_path / "coreweave"
    package.mkdir()
    (package / "__init__.py").write_text(text, encoding="utf-8")
    succeeds(run(OURS + USE))


@pytest.mark.parametrize(
    "order",
    [
        pytest.param("{theirs}\n" + OURS, id="theirs-first"),
        pytest.param(OURS + "{theirs}\n", id="ours-first"),
        pytest.param(OURS + USE + "{theirs}\n", id="ours-first-and-used"),
    ],
)
@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        pytest.param(VALIDATE, "import buf.validate.validate_pb2", id="validate"),
        pytest.param("google/api/http.proto", "import google.api.http_pb2", id="http"),
        pytest.param(
            "google/api/field_behavior.proto", "import google.api.field_behavior_pb2", id="behavior"
        ),
    ],
)
def test_does_not_mind_other_versions_of_the_files_that_our_options_come_from(
    files: Files, run: Run, tmp_path: Path, *, name: str, theirs: str, order: str
) -> None:
    files[name].message_type.add(name="Added")
    below = "bundled" if name.startswith("google/") else None
    write_package(tmp_path, [files[name]], below=below)
    if below is not None:
        theirs = theirs.replace("import ", f"import {below}.")
    succeeds(run(order.replace("{theirs}", theirs) + USE))


def test_options_can_be_read_once_their_extensions_are_registered(run: Run) -> None:
    read = (
        "from google.api import annotations_pb2, field_behavior_pb2\n"
        "field = gateway_pb2.GatewaySpec.DESCRIPTOR.fields_by_name['id']\n"
        "found = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]\n"
        "assert list(found) == [field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IMMUTABLE]\n"
        "method = gateway_pb2.DESCRIPTOR.services_by_name['GatewayService'].methods[1]\n"
        "rule = method.GetOptions().Extensions[annotations_pb2.http]\n"
        "assert rule.get == '/v1alpha1/inference/gateways/{id}', rule\n"
    )
    succeeds(run(OURS + read))


def test_works_on_protobufs_own_implementation_in_python(run: Run) -> None:
    program = OURS + PYTHON + USE.partition("request = ")[0] + DESCRIBE
    succeeds(run(program, PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python"))
