"""Virtual environments with other versions of what we depend on, kept in .cache/."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["python_with"]

# What pip says if the index does not answer, as opposed to having no such version.
UNREACHABLE = ("Retrying (Retry(", "Could not fetch URL", "Connection refused", "timed out")


def python_with(requirements: Sequence[str], *, repository: Path) -> Path:
    """Return an interpreter of this version that has the requirements, and nothing else.

    The environment is kept and found again by its requirements. Without an index the test is
    skipped; where CI=true it fails.

    Args:
        requirements: As pip takes them.
        repository: The root of the work tree.
    """
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    key = hashlib.sha256("\n".join([version, *requirements]).encode()).hexdigest()[:16]
    folder = repository / ".cache" / "environments" / key
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=False, symlinks=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    command += ["install", "--quiet", "--retries=1", "--only-binary=:all:", *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        output = done.stdout + done.stderr
        if any(sign in output for sign in UNREACHABLE) and os.environ.get("CI") != "true":
            pytest.skip(f"needs a package index for {', '.join(requirements)}: none answers")
        pytest.fail(f"cannot install {', '.join(requirements)}:\n{output}")
    (folder / "complete").touch()
    return python
