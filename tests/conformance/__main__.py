"""Runs the official Connect conformance suite against our facade and our server.

Usage: python -m tests.conformance [NAME...], with names such as "grpc-web-sync" or "server";
without one everything runs, about three minutes. Prints cases, passes and known failures of each
run and exits with 1 if one is not as it should be. A case that is listed as known to fail and
passes is a failure too.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from tests.conformance.stubs import OUTPUT, ROOT, RUNNER, install

HERE = Path(__file__).parent
RUNS = (
    "connect-aio",
    "connect-sync",
    "grpc-web-aio",
    "grpc-web-sync",
    "grpc-aio",
    "grpc-sync",
    "server",
)
LIMIT_SECONDS = 420.0
_TOTAL = re.compile(r"^Total cases: (\d+)$", re.MULTILINE)
_PASSED = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)
_EXPECTED = re.compile(r"^\(?Another (\d+) failed as expected", re.MULTILINE)


def command(name: str) -> list[str]:
    """Return the runner's command line for one run."""
    if name == "server":
        arguments = ["--mode", "server", "--max-servers", "2", "--parallel", "4"]
        arguments += ["--conf", str(HERE / "config" / "server.yaml")]
        program = ["tests.conformance.server"]
    else:
        wire, _, colour = name.rpartition("-")
        arguments = ["--mode", "client", "--conf", str(HERE / "config" / f"{wire}.yaml")]
        program = ["tests.conformance.client", colour]
    for kind in ("failing", "flaky"):
        known = HERE / "known" / f"{name}-{kind}.txt"
        if known.exists():
            arguments += [f"--known-{kind}", f"@{known}"]
    return [str(RUNNER), *arguments, "--", sys.executable, "-m", *program]


def run(name: str) -> bool:
    """Run one part, print its line, and return whether all is as it should be."""
    began = time.monotonic()
    log = OUTPUT / f"{name}.log"
    with log.open("w") as output:
        try:
            status = subprocess.run(
                command(name),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            status = -1
    text = log.read_text(errors="replace")
    total, passed, expected = (pattern.search(text) for pattern in (_TOTAL, _PASSED, _EXPECTED))
    print(
        f"{name:14} {total[1] if total else '?':>5} cases"
        f" {passed[1] if passed else '?':>5} passed"
        f" {expected[1] if expected else '0':>3} known failures"
        f" {passed[2] if passed else '?':>3} failures"
        f" {time.monotonic() - began:6.1f} s",
        flush=True,
    )
    if status != 0:
        shown = [line for line in text.splitlines() if line.startswith(("FAILED", "\t"))][:40]
        print("\n".join(shown or text.splitlines()[-20:]))
    return status == 0


def main(names: list[str]) -> int:
    """Run the command line."""
    unknown = set(names) - set(RUNS)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; expected some of {', '.join(RUNS)}")
        return 2
    install()
    good = [run(name) for name in names or RUNS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
