"""`python -m tests.fuzz [--seconds N] [TARGET...]`: fuzz each target, one after the other.

Inputs that reached something new are kept in .cache/fuzz; `--keep` writes the smallest set of them
that reaches as much to tests/fuzz/corpus. A finding is printed with the file that holds its input.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.oracles import ORACLES
from tests.fuzz.seeds import dictionary, seeds

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
CORPUS = FOLDER / "corpus"
CACHE = ROOT / ".cache" / "fuzz"
# Per input. The slowest good one takes a few milliseconds.
TIMEOUT_SECONDS = 5
MEMORY_MIB = 1024
ALLOCATION_MIB = 64


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Fuzz the URL, template, JSON and stream parsers.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(ORACLES))
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--seed", type=int, default=0, help="of the inputs; 0: another each time")
    parser.add_argument("--keep", action="store_true", help="minimise the corpus and keep it")
    options = parser.parse_args()
    unknown = set(options.targets) - ORACLES.keys()
    if unknown:
        parser.error(f"unknown target {', '.join(unknown)}: expected {', '.join(ORACLES)}")
    if importlib.util.find_spec("atheris") is None:
        print("skipped: atheris is not installed (it has wheels for Linux and CPython to 3.13)")
        return 0
    failed = [
        name
        for name in options.targets or ORACLES
        if not _fuzz(name, options.seconds, seed=options.seed)
    ]
    if options.keep:
        for name in options.targets or ORACLES:
            _keep(name)
    if failed:
        print(f"findings: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _fuzz(target: str, seconds: int, *, seed: int) -> bool:
    """Fuzz one target and print a line about it; return whether there was no finding."""
    found = CACHE / target
    findings = CACHE / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder, "dictionary")
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in dictionary(target)))
        begin = Path(folder, "seeds")
        begin.mkdir()
        for number, start in enumerate(seeds(target)):
            (begin / str(number)).write_bytes(start)
        done = _run(
            target,
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-timeout={TIMEOUT_SECONDS}",
            f"-rss_limit_mb={MEMORY_MIB}",
            f"-malloc_limit_mb={ALLOCATION_MIB}",
            f"-artifact_prefix={findings}/{target}-",
            f"-dict={words}",
            "-print_final_stats=1",
            str(found),
            str(CORPUS / target),
            str(begin),
        )
    text = done.stdout
    runs = re.search(r"stat::number_of_executed_units: +(\d+)", text)
    coverage = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/", text)
    memory = re.search(r"stat::peak_rss_mb: +(\d+)", text)
    slowest = re.search(r"stat::slowest_unit_time_sec: +(\d+)", text)
    cov, features, inputs = coverage[-1] if coverage else ("?", "?", "?")
    print(
        f"{target:9} {runs[1] if runs else '?':>10} executions in {seconds} s   "
        f"coverage {cov}, features {features}, {inputs} inputs   "
        f"slowest input {slowest[1] if slowest else '?'} s, "
        f"memory {memory[1] if memory else '?'} MiB   "
        f"{'no finding' if done.returncode == 0 else 'FINDING'}",
        flush=True,
    )
    if done.returncode != 0:
        print(text[-6000:], file=sys.stderr)
    return done.returncode == 0


def _keep(target: str) -> None:
    """Write the smallest set of inputs that reaches as much as all of them to the corpus."""
    with tempfile.TemporaryDirectory() as folder:
        launcher, merged = Path(folder, "launcher"), Path(folder, "merged")
        merged.mkdir()
        command = shlex.join([sys.executable, "-m", "tests.fuzz.child", target])
        launcher.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        launcher.chmod(0o700)
        done = _run(
            target,
            "-merge=1",
            str(merged),
            str(CORPUS / target),
            str(CACHE / target),
            launcher=launcher,
        )
        kept = {path.name: path.read_bytes() for path in merged.iterdir()}
        if done.returncode != 0 or not kept:
            raise SystemExit(f"cannot minimise the corpus of {target}:\n{done.stdout[-3000:]}")
    for old in (CORPUS / target).iterdir():
        old.unlink()
    # Names are hashes of what is in them: the same inputs give the same files.
    for name, data in kept.items():
        (CORPUS / target / name).write_bytes(data)
    print(f"{target:9} {len(kept)} inputs kept, {sum(map(len, kept.values()))} bytes")


def _run(
    target: str, *arguments: str, launcher: Path | None = None
) -> subprocess.CompletedProcess[str]:
    more = {} if launcher is None else {"FUZZ_LAUNCHER": str(launcher)}
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz.child", target, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0", **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
