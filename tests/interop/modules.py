"""Go modules, from a network that may fail for a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.unit.contract.buf import skip_or_fail

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

__all__ = ["download"]

# The go command asks a module proxy once.
_TIMES: Final = 4


def download(go: Callable[..., subprocess.CompletedProcess[str]], *, folder: str) -> None:
    """Download what a module needs, or skip the test; fail where CI=true.

    Args:
        go: Runs the go command in the module.
        folder: Of the module, for the reason.
    """
    told = ""
    for _ in range(_TIMES):
        done = go("mod", "download")
        if done.returncode == 0:
            return
        told = done.stderr.strip()
    skip_or_fail(f"go mod download in {folder}: {told}")
