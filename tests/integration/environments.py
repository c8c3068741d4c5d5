"""Virtual environments with other versions of what we depend on, kept in .cache/."""

from __future__ import annotations

import fcntl
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

__all__ = ["python_with", "skip_if_unreachable"]

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
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{key}.lock").open("w", encoding="utf-8") as lock:
        # Two test runs at once must not fill the same folder; the lock ends with the process.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(requirements, folder)
            (folder / "complete").touch()
    return folder / "bin" / "python"


def _install(requirements: Sequence[str], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, symlinks=True)
    python = str(folder / "bin" / "python")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    # Without a network a developer should not wait for long; CI's has to be asked again.
    retries = 10 if os.environ.get("CI") == "true" else 1
    command += ["install", "--quiet", f"--retries={retries}", "--only-binary=:all:", *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode == 0:
        return
    output = done.stdout + done.stderr
    skip_if_unreachable(output)
    pytest.fail(f"cannot install {', '.join(requirements)}:\n{output}")


def skip_if_unreachable(output: str) -> None:
    """Skip the test if pip's output says that no index answers; not where CI=true."""
    if any(sign in output for sign in UNREACHABLE) and os.environ.get("CI") != "true":
        pytest.skip("needs a package index, and none answers")
