"""Runs the official protobuf conformance suite, its JSON cases of proto3, against each codec.

Usage: python -m tests.protojson [NAME...]; without a name every codec runs. Prints cases, passes
and known failures of each and exits with 1 if one is not as it should be; a case that is listed
as known to fail and passes is a failure too. `known/NAME.txt` lists them, each with its reason.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.protojson.install import OUTPUT, ROOT, InstallError, install

HERE = Path(__file__).parent
NAMES = ("native-first", "strict", "json_format")
LIMIT_SECONDS = 300.0
_SUMMARY = re.compile(
    r"CONFORMANCE SUITE (?:PASSED|FAILED): (\d+) successes, (\d+) skipped, "
    r"(\d+) expected failures, (\d+) unexpected failures"
)


def run(runner: list[str], name: str) -> bool:
    """Test one codec, print its line, and return whether all is as it should be."""
    options = ["--enforce_recommended", "--maximum_edition", "PROTO3"]
    known = HERE / "known" / f"{name}.txt"
    if known.exists():
        options += ["--failure_list", str(known)]
    # The runner starts one program without arguments of its own, so a script names the codec.
    script = OUTPUT / f"testee-{name}"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.protojson.testee {name}\n')
    script.chmod(0o755)
    done = subprocess.run(
        [*runner, *options, "--output_dir", str(OUTPUT), str(script)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LIMIT_SECONDS,
        check=False,
    )
    text = done.stdout + done.stderr
    (OUTPUT / f"{name}.log").write_text(text)
    suites = [tuple(map(int, found)) for found in _SUMMARY.findall(text)]
    passed, _, expected, unexpected = (sum(column) for column in zip(*suites, strict=True))
    print(
        f"{name:14} {passed + expected + unexpected:5} cases {passed:5} passed"
        f" {expected:3} known failures {unexpected:3} failures",
        flush=True,
    )
    good = done.returncode == 0 and bool(suites) and unexpected == 0
    if not good:
        print("\n".join(text.splitlines()[-60:]))
    return good


def main(names: list[str]) -> int:
    """Run the command line."""
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; expected some of {', '.join(NAMES)}")
        return 2
    try:
        runner = install()
    except InstallError as error:
        print(f"the protobuf conformance runner cannot be had: {error}")
        return 1
    good = [run(runner, name) for name in names or NAMES]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
