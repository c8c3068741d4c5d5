"""The text of the repository: nothing in it ties it to the machine that it was written on."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Written in pieces, so that this file does not find itself.
FORBIDDEN = [
    pytest.param(r"(?<![\w.])/(?:" + "work" + r"|" + "root" + r"|home)/[\w.]", id="a home folder"),
    pytest.param(r"(?<![\w.{}])/" + "tmp" + r"\b", id="a temporary folder"),
    pytest.param(
        "|".join(
            host.replace(" ", r"\.")
            for host in (
                "pypi org",
                "files pythonhosted org",
                "registry npmjs org",
                "proxy golang org",
                "sum golang org",
                "deb debian org",
                "static crates io",
                "repo maven apache org",
            )
        ),
        id="a package registry's host",
    ),
]


# "noqa: X", "type: ignore[x]", "pyright: ignore[x]", "pragma: no cover", after a hash.
EXCEPTION = re.compile(
    r"# (?:noqa(?:: [A-Z]+\d+(?:, [A-Z]+\d+)*)?"
    r"|(?:type|pyright): ignore(?:\[[\w, -]+\])?"
    r"|pragma: no \w+)"
)


def tracked_text(repository: Path) -> list[tuple[str, str]]:
    """Return (path, text) of every file under version control that is text."""
    if shutil.which("git") is None or not (repository / ".git").exists():
        pytest.skip("needs git and a clone: only files under version control are looked at")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout
    found: list[tuple[str, str]] = []
    for name in filter(None, listed.split("\0")):
        path = repository / name
        if not path.is_file():
            continue
        try:
            found.append((name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_file_names(pattern: str, repository: Path) -> None:
    expression = re.compile(pattern)
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tracked_text(repository)
        for number, line in enumerate(text.splitlines(), 1)
        if expression.search(line)
    ]
    assert not found, "\n".join(found)


def anchors(text: str) -> set[str]:
    """Return the names that a document's headings are linked by, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_in_the_documents_leads_somewhere(repository: Path) -> None:
    broken: list[str] = []
    for name, text in tracked_text(repository):
        if not name.endswith(".md"):
            continue
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in link:
                continue
            path, _, anchor = link.partition("#")
            target = (repository / name).parent / path if path else repository / name
            if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
                broken.append(f"{name}: {link}")
    assert not broken, "\n".join(broken)


def test_every_exception_to_a_check_has_its_reason_on_the_line(repository: Path) -> None:
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked_text(repository)
        # What other projects' generators write has no reasons, and a twin has its source's.
        if name.endswith(".py") and not name.startswith("gen/") and not name.endswith("sync.py")
        for number, line in enumerate(text.splitlines(), 1)
        if (exception := EXCEPTION.search(line))
        and not re.search(r"\w{2}", EXCEPTION.sub("", line[exception.start() :]))
    ]
    assert not found, "\n".join(found)


def test_the_toolkit_names_no_api(repository: Path) -> None:
    sources = sorted((repository / "src" / "triwire").rglob("*.py"))
    assert sources
    found = [path for path in sources if "coreweave" in path.read_text(encoding="utf-8").lower()]
    assert not found
