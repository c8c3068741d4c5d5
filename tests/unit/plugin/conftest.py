"""The .proto files below protos/, compiled once for all tests of the plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.plugin.compiling import Compiled, compile_protos, make_workspace
from tests.unit.plugin.running import Generated, load_generated, load_pb2

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with buf.yaml and every .proto file."""
    folder = tmp_path_factory.mktemp("protos")
    make_workspace(folder)
    return folder


@pytest.fixture(scope="session")
def compiled(workspace: Path) -> Compiled:
    """The compiled files."""
    return compile_protos(workspace)


LOADED = (
    "elsewhere/parts/v1/parts.proto",
    "bookish/money/v1/money.proto",
    "bookish/library/v1/library.proto",
    "bookish/fleet/v1/fleet.proto",
    "bookish/twin/v1/awkward.proto",
    "bookish/awkward/v1/awkward.proto",
)


@pytest.fixture(scope="session")
def generated(compiled: Compiled) -> dict[str, Generated]:
    """The generated modules by their last name, with real message classes."""
    for name in LOADED:
        load_pb2(compiled, name)
    return load_generated(compiled.texts(*(n for n in LOADED if n.startswith("bookish"))))
