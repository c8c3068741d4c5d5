"""Write each `sync.py` and `test_*_sync.py` from the `aio.py` or `test_*_aio.py` beside it.

The async file is the source: it is edited, linted and reviewed. Its twin is derived from it,
checked in and never edited. With `--check` nothing is written, and the exit code is 1 if a twin is
stale, missing or has lost its source. Paths given as arguments restrict the run to those sources.

What is rewritten (`to_sync`):

* the keywords `async` and `await` go;
* names listed in `RENAME` change; other names lose a leading `Async` or `async_`;
* a string that is one such name (`__all__`, a quoted type) follows the same rule;
* comments and docstrings lose the `Async` of names; nothing else in them is touched;
* every other string, f-strings included, stays as written.

The result is compiled, so that an `await` hidden in an f-string is found here and not by a user.

A source with the line `# unasync: skip` has a hand-written twin, or none.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parent.parent

# Searched for sources, whose file names end in "aio.py"; in the twins' names it is "sync.py".
FOLDERS = ("src", "tests")

# Names whose counterpart is not found by dropping a prefix. Third-party names that are too plain to
# be renamed everywhere (pyqwest's Client, Request) belong in a hand-written pair, not here.
RENAME = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aclosing": "closing",
    "aio": "sync",
    "aiter": "iter",
    "anext": "next",
    "asynccontextmanager": "contextmanager",
    "ConnectClient": "ConnectClientSync",
    "StopAsyncIteration": "StopIteration",
}

# What has no blocking counterpart of the same shape: such code is a hand-written pair.
BANNED = frozenset({"TaskGroup", "anyio", "asyncio", "create_task", "gather", "threading"})

HEADER = "# Generated from {source} by scripts/unasync.py. DO NOT EDIT.\n"
GENERATED = re.compile(r"# Generated from (\S+) by scripts/unasync\.py\.")
SKIP = re.compile(r"^# unasync: skip\b", re.MULTILINE)

# In prose the article goes along: "an AsyncClient" is "a Client", but "an InferenceClient".
_ASYNC_WORD = re.compile(r"(?:\b(?P<a>[Aa])n (?P<tick>`?))?\bAsync(?=(?P<vowel>[AEIOU])|[A-Z])")
_NAME_LITERAL = re.compile(r"""(?P<quote>["'])(?P<name>[A-Za-z_]\w*)(?P=quote)""")
# Tokens after which a string is a statement of its own: a docstring or of no effect.
_LINE_STARTS = frozenset({tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})
_INVISIBLE = frozenset({tokenize.NL, tokenize.COMMENT})
# Python 3.12 and later split f-strings into tokens, 3.11 does not; the twin must not depend on it.
_FSTRING_START: int = getattr(tokenize, "FSTRING_START", -1)
_FSTRING_END: int = getattr(tokenize, "FSTRING_END", -1)

_Position = tuple[int, int]


class UnasyncError(Exception):
    """A source without a faithful sync twin; the text says where and how to mend it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An async source and the twin derived from it, as absolute paths."""

    source: Path
    twin: Path


def sync_name(name: str) -> str:
    """Return the counterpart of one identifier, which may be the identifier itself."""
    if name in RENAME:
        return RENAME[name]
    if name.startswith("Async") and name[5:6].isupper():
        return name[5:]
    if name.startswith("async_") and name[6:].isidentifier():
        return name[6:]
    return name


def to_sync(source: str, *, where: str = "<source>") -> str:
    """Return the text of the sync twin, not yet formatted and without a header.

    Args:
        source: Python text.
        where: What errors call the source.

    Raises:
        UnasyncError: The source names something that has no sync counterpart, or the result does
            not compile.
    """
    edits: list[tuple[_Position, _Position, str]] = []
    previous = tokenize.ENCODING
    fstring_depth = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == _FSTRING_START:
            fstring_depth += 1
        elif token.type == _FSTRING_END:
            fstring_depth -= 1
        elif not fstring_depth:
            new = _rewritten(token, previous=previous, where=where)
            if new is not None:
                edits.append((token.start, _end_of(token, new), new))
        if token.type not in _INVISIBLE:
            previous = token.type
    text = _apply(source, edits)
    try:
        compile(text, where, "exec", dont_inherit=True)
    except SyntaxError as error:
        message = (
            f"{where}:{error.lineno}: the twin does not compile ({error.msg}): move an await out "
            f"of an f-string, and what is async only into _io.py"
        )
        raise UnasyncError(message) from error
    return text


def _without_async(prose: str) -> str:
    """Drop the prefix from the names in a comment or docstring."""

    def replaced(match: re.Match[str]) -> str:
        if match["a"] is None:
            return ""
        return match["a"] + ("n " if match["vowel"] else " ") + match["tick"]

    return _ASYNC_WORD.sub(replaced, prose)


def _rewritten(token: tokenize.TokenInfo, *, previous: int, where: str) -> str | None:
    """Return what replaces a token, or None to keep it."""
    text = token.string
    new = text
    if token.type == tokenize.NAME:
        if text in BANNED:
            message = f"{where}:{token.start[0]}: {text!r} has no sync twin: move it to _io.py"
            raise UnasyncError(message)
        new = "" if text in {"async", "await"} else sync_name(text)
    elif token.type == tokenize.COMMENT:
        new = _without_async(text)
    elif token.type == tokenize.STRING:
        literal = _NAME_LITERAL.fullmatch(text)
        if literal is not None:
            new = literal["quote"] + sync_name(literal["name"]) + literal["quote"]
        elif previous in _LINE_STARTS and text[0] in "\"'":
            new = _without_async(text)
    return None if new == text else new


def _end_of(token: tokenize.TokenInfo, new: str) -> _Position:
    """Return where the replaced span ends: a dropped keyword takes the space after it along."""
    row, column = token.end
    if not new and token.line.splitlines()[row - token.start[0]][column : column + 1] == " ":
        column += 1
    return row, column


def _apply(source: str, edits: Iterable[tuple[_Position, _Position, str]]) -> str:
    """Replace spans given as (row from 1, column from 0) positions, in ascending order."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    parts: list[str] = []
    done = 0
    for (row, column), (end_row, end_column), new in edits:
        parts += [source[done : starts[row - 1] + column], new]
        done = starts[end_row - 1] + end_column
    return "".join([*parts, source[done:]])


def ruffed(text: str, *, path: Path) -> str:
    """Sort the imports and format, with the configuration that applies to `path`."""
    for arguments in (
        ["check", "--select=I", "--fix-only", "--exit-zero", "--quiet"],
        ["format", "--quiet"],
    ):
        command = [sys.executable, "-m", "ruff", *arguments, f"--stdin-filename={path}", "-"]
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, cwd=ROOT
        )
        if done.returncode != 0:
            message = f"{path}: ruff failed ({done.returncode}): {done.stderr.strip()}"
            raise UnasyncError(message)
        text = done.stdout
    return text


def twin_text(pair: Pair, *, root: Path = ROOT) -> str:
    """Return what the twin's file should hold.

    Raises:
        UnasyncError: See `to_sync`.
    """
    where = pair.source.relative_to(root).as_posix()
    body = to_sync(pair.source.read_text(encoding="utf-8"), where=where)
    # The source's own path: the twins are excluded from ruff, and the configuration is the same.
    return HEADER.format(source=where) + ruffed(body, path=pair.source)


def find_pairs(root: Path = ROOT) -> list[Pair]:
    """Return every pair below `root`, in a stable order, without the skipped ones."""
    pairs = [
        Pair(source, source.with_name(source.name.removesuffix("aio.py") + "sync.py"))
        for folder in FOLDERS
        for source in sorted((root / folder).rglob("*aio.py"))
    ]
    return [pair for pair in pairs if not SKIP.search(pair.source.read_text(encoding="utf-8"))]


def find_orphans(pairs: Iterable[Pair], root: Path = ROOT) -> list[Path]:
    """Return generated files below `root` that no pair produces any more."""
    wanted = {pair.twin for pair in pairs}
    return [
        path
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*sync.py"))
        if path not in wanted and GENERATED.match(path.read_text(encoding="utf-8"))
    ]


def run(pairs: Sequence[Pair], orphans: Sequence[Path], *, check: bool, root: Path = ROOT) -> int:
    """Write what is stale, or with `check` only name it; return the exit code."""
    problems = 0
    for pair in pairs:
        name = pair.twin.relative_to(root)
        try:
            text = twin_text(pair, root=root)
        except UnasyncError as error:
            print(error, file=sys.stderr)
            problems += 1
            continue
        if pair.twin.exists() and pair.twin.read_text(encoding="utf-8") == text:
            continue
        if check:
            print(f"{name}: stale or missing; run `make generate`", file=sys.stderr)
            problems += 1
        else:
            pair.twin.write_text(text, encoding="utf-8")
            print(f"{name}: written")
    for path in orphans:
        if check:
            print(f"{path.relative_to(root)}: its source is gone; delete it", file=sys.stderr)
            problems += 1
        else:
            path.unlink()
            print(f"{path.relative_to(root)}: deleted, its source is gone")
    return 1 if problems else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Derive the sync twins of the async sources.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if stale")
    parser.add_argument("sources", nargs="*", type=Path, help="only these async files")
    options = parser.parse_args(arguments)
    pairs = find_pairs()
    orphans = find_orphans(pairs)
    if options.sources:
        chosen = {path.resolve() for path in options.sources}
        unknown = chosen - {pair.source for pair in pairs}
        if unknown:
            parser.error(f"not an async source with a twin: {', '.join(map(str, sorted(unknown)))}")
        pairs, orphans = [pair for pair in pairs if pair.source in chosen], []
    return run(pairs, orphans, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
