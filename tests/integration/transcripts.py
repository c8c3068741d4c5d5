"""Runs the commands of a document in docs/transcripts against a live emulator.

A document's ```console blocks hold commands after "$ " (continued after "> ") and what they print.
The first command starts the emulator; all others run in one shell, in the root of the work tree.
`python -m tests.integration.transcripts` writes anew what has changed: look at the diff.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

__all__ = ["FOLDER", "Step", "normalised", "play", "steps"]

REPOSITORY: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = REPOSITORY / "docs" / "transcripts"

# The ports that the documents name; the emulator of a run has others.
_PORTS: Final = (":8080", ":8081")
_MARK: Final = "end-of-command"
_START: Final = "cw-inference emulator "

_BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOKEN: Final = re.compile(r"CW-SECRET-[\w-]+|ADMIN_TOKEN|VIEWER_TOKEN")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
# What the documents show in place of a run's tokens.
_SHOWN_TOKENS: Final = ("CW-SECRET-admin-token-of-this-run", "CW-SECRET-viewer-token-of-this-run")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a document.

    Attributes:
        lines: The command, without "$ " and "> ".
        output: What it prints.
    """

    lines: tuple[str, ...]
    output: str


def steps(text: str) -> list[Step]:
    """Return the commands of a document in order."""
    found: list[Step] = []
    for block in _BLOCK.findall(text):
        lines: list[str] = []
        output: list[str] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                if lines:
                    found.append(_step(lines, output))
                lines, output = [line[2:]], []
            elif line.startswith("> ") or line == ">":
                lines.append(line[2:])
            else:
                output.append(line)
        found.append(_step(lines, output))
    return found


def _step(lines: Iterable[str], output: Iterable[str]) -> Step:
    return Step(tuple(lines), "".join(f"{line}\n" for line in output))


def play(document: list[Step]) -> list[Step]:
    """Run a document and return it with what the commands printed."""
    start, *rest = document
    assert start.lines[0].startswith(_START), "the first command starts the emulator"
    with _emulator(start.lines[0]) as banner, _shell() as shell:
        ports = dict(zip(_PORTS, re.findall(r":\d+", banner), strict=False))
        shown = {**ports, **dict(zip(_tokens(start), _TOKEN.findall(banner), strict=True))}
        live = {value: name for name, value in shown.items()}
        played = [Step(start.lines, _replaced(banner, live))]
        for step in rest:
            output = _run(shell, _replaced("\n".join(step.lines), shown))
            played.append(Step(step.lines, _replaced(output, live)))
    return played


def _replaced(text: str, pairs: Mapping[str, str]) -> str:
    for old, new in pairs.items():
        text = text.replace(old, new)
    return text


def _tokens(start: Step) -> list[str]:
    return _TOKEN.findall(start.output) or ["ADMIN_TOKEN", "VIEWER_TOKEN"]


@contextmanager
def _emulator(command: str) -> Generator[str]:
    """Start the emulator on a free port; gives the lines that it prints."""
    for port in _PORTS:
        command = command.replace(f"port {port[1:]}", "port 0")
    words = command.split()
    with subprocess.Popen(
        words, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            lines = 4 if "--admin-port" in words else 3
            banner = "".join(process.stdout.readline() for _ in range(lines))
            assert "listening on" in banner, banner
            yield banner
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def _shell() -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile"],
        cwd=REPOSITORY,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


def _environment() -> dict[str, str]:
    """Return this process's environment with its own programs first, and no settings of clients."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COREWEAVE_", "CW_", "TRIWIRE_"))
    }
    folder = Path(sys.executable).parent
    return {**kept, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _run(shell: subprocess.Popen[str], command: str) -> str:
    """Run one command in the shell and return what it printed, ended by a line end."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{command}\nprintf '\\n{_MARK}\\n'\n")
    shell.stdin.flush()
    lines: list[str] = []
    for line in shell.stdout:
        if line == f"{_MARK}\n":
            break
        lines.append(line)
    # The line end before the mark ends the output's last line, if that had none of its own.
    output = "".join(lines).removesuffix("\n")
    return output if not output or output.endswith("\n") else f"{output}\n"


def normalised(document: list[Step]) -> str:
    """Return a document with ids numbered and times, tokens blanked."""
    text = "\n".join(f"$ {chr(10).join(step.lines)}\n{step.output}" for step in document)
    tokens: dict[str, str] = {}
    for token in _tokens(document[0]):
        tokens.setdefault(token, f"<token {len(tokens) + 1}>")
    text = _TOKEN.sub(lambda match: tokens.get(match.group(), match.group()), text)
    ids: dict[str, str] = {}
    text = _UUID.sub(lambda m: ids.setdefault(m.group(), f"<id {len(ids) + 1}>"), text)
    return _INSTANT.sub("<instant>", text)


def written(text: str, played: list[Step]) -> str:
    """Return a document's text with the outputs of a run."""
    queue = iter(played)

    def block(match: re.Match[str]) -> str:
        count = sum(line.startswith("$ ") for line in match.group(1).splitlines())
        body: list[str] = []
        for _ in range(count):
            step = next(queue)
            first, *more = step.lines
            body += [f"$ {first}\n", *(f"> {line}".rstrip() + "\n" for line in more), step.output]
        return f"```console\n{''.join(body)}```"

    text = _BLOCK.sub(block, text)
    return _replaced(text, dict(zip(_tokens(played[0]), _SHOWN_TOKENS, strict=True)))


def main() -> None:
    """Write the outputs of every document that has changed."""
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text()
        document = steps(text)
        played = play(document)
        if normalised(played) != normalised(document):
            path.write_text(written(text, played))


if __name__ == "__main__":
    main()
