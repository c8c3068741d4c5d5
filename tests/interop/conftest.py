"""Programs in Go, each in a folder with its own go.mod."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.contract.buf import skip_or_fail

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def go_program(
    program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A function that builds the program of a folder beside this file and returns its path.

    Skips, or fails where CI=true, if Go or the modules that the program needs cannot be had. A
    program that does not compile fails everywhere.
    """
    go = program("go")
    target = tmp_path_factory.mktemp("go")

    def run(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [go, *arguments], cwd=HERE / folder, capture_output=True, text=True, check=False
        )

    def build(folder: str) -> Path:
        if (downloaded := run(folder, "mod", "download")).returncode != 0:
            skip_or_fail(f"go mod download in {folder}: {downloaded.stderr.strip()}")
        binary = target / folder
        built = run(folder, "build", "-o", str(binary), ".")
        assert built.returncode == 0, built.stderr
        return binary

    return build
