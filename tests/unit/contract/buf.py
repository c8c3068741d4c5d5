"""buf on the protos of this tree, with the third-party protos in place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def run_buf(
    root: Path, *arguments: str, standard_input: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run buf in `root`, a folder with a buf.yaml, and return what came of it."""
    # Beside the interpreter first: that is the pinned one, whether or not the venv is activated.
    buf = shutil.which("buf", path=Path(sys.executable).parent) or shutil.which("buf")
    if buf is None:
        skip_or_fail("needs buf: pip install buf-bin")
    return subprocess.run(
        [buf, *arguments], cwd=root, input=standard_input, capture_output=True, check=False
    )


def build_image(root: Path, *arguments: str) -> bytes:
    """Return the protos of `root` as a FileDescriptorSet, with imports."""
    done = run_buf(root, "build", "--as-file-descriptor-set", *arguments, "-o", "-")
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def fill_third_party(repository: Path) -> None:
    """Put the third-party protos in place, or skip the test where that is not possible."""
    script = repository / "scripts" / "third_party.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        skip_or_fail(done.stderr.strip())


def copy_workspace(repository: Path, target: Path) -> Path:
    """Copy what buf reads to `target`, to be changed there, and return the folder of our protos."""
    shutil.copy(repository / "buf.yaml", target)
    for folder in ("proto", ".third_party"):
        shutil.copytree(repository / folder, target / folder)
    return target / "proto" / "coreweave" / "inference" / "v1alpha1"


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test; fail where CI=true, because there a skipped test would hide a bad set-up."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
