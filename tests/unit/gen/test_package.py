"""The generated package as it is checked in: what it imports, and what importing it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scripts.generate_settings import read_settings
from scripts.relocate import absolute_imports

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "coreweave_inference_gen.coreweave.inference.v1alpha1"
MESSAGES = ("capacity_claim_pb2", "condition_pb2", "deployment_pb2", "gateway_pb2", "status_pb2")


def loaded_by(program: str) -> set[str]:
    """Return the modules that are loaded after a program has run in a fresh interpreter."""
    report = "\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program + report],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout))


def test_every_import_stays_inside_or_goes_to_a_dependency(repository: Path) -> None:
    root = repository / "gen" / "python"
    package = read_settings(repository).package
    forbidden = ("coreweave", "buf", "google.api")
    found = {
        (path.relative_to(root).as_posix(), name)
        for path in sorted((root / package).rglob("*.py*"))
        if path.suffix in {".py", ".pyi"}
        for name in absolute_imports(path.read_text(encoding="utf-8"))
        if any(name == start or name.startswith(f"{start}.") for start in forbidden)
    }
    assert found == set()


def test_messages_load_neither_wires_nor_the_files_that_options_come_from() -> None:
    loaded = loaded_by(f"from {PACKAGE} import {', '.join(MESSAGES)}")
    assert {f"{PACKAGE}.{name}" for name in MESSAGES} <= loaded
    heavy = ("grpc", "pyqwest", "connectrpc", "protovalidate", "protobuf", "google.api")
    assert not [name for name in sorted(loaded) if name.startswith(tuple(f"{h}." for h in heavy))]
    assert loaded.isdisjoint(heavy)


def test_the_package_alone_loads_nothing_else() -> None:
    added = loaded_by("import coreweave_inference_gen") - loaded_by("")
    roots = {name.partition(".")[0] for name in added}
    assert roots - sys.stdlib_module_names == {"coreweave_inference_gen"}


def test_protovalidate_is_loaded_by_the_first_use_of_the_validator() -> None:
    assert "protovalidate" in loaded_by(
        "from coreweave_inference_gen import validator\nvalidator()"
    )


@pytest.mark.parametrize("name", MESSAGES)
def test_every_module_has_its_stub_and_belongs_to_the_package(repository: Path, name: str) -> None:
    folder = repository / "gen" / "python" / PACKAGE.replace(".", "/")
    assert (folder / f"{name}.py").exists()
    assert (folder / f"{name}.pyi").exists()


def test_no_module_is_written_for_files_that_are_dropped(repository: Path) -> None:
    folder = repository / "gen" / "python" / PACKAGE.replace(".", "/")
    assert not list(folder.glob("validation_*"))
