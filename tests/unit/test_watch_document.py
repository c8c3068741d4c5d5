"""docs/watch.md: each guarantee names tests, and the tests exist."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_ROW = re.compile(r"^\| ([GA]\d+) \|(.*)\|$", re.MULTILINE)
_TEST = re.compile(r"`(test_\w+)`")


@pytest.fixture(scope="module")
def document(repository: Path) -> str:
    return (repository / "docs" / "watch.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tests(repository: Path) -> set[str]:
    """The names of all test functions."""
    sources = (repository / "tests").rglob("test_*.py")
    pattern = re.compile(r"^\s*(?:async )?def (test_\w+)\(", re.MULTILINE)
    return {name for path in sources for name in pattern.findall(path.read_text(encoding="utf-8"))}


def test_every_test_that_the_document_names_exists(document: str, tests: set[str]) -> None:
    named = set(_TEST.findall(document))
    assert len(named) > 50
    assert not named - tests


def test_every_guarantee_and_assumption_names_a_test(document: str) -> None:
    rows = dict(_ROW.findall(document))
    assert list(rows) == [f"G{number}" for number in range(1, 14)] + [
        f"A{number}" for number in range(1, 8)
    ]
    for label, row in rows.items():
        cells = [cell.strip() for cell in row.split("|")]
        assert len(cells) == 3, f"{label} has {len(cells)} cells"
        assert _TEST.search(cells[2]), f"{label} names no test"


def test_every_heading_that_promises_behaviour_names_a_test(document: str) -> None:
    for heading in ("Using it", "When polls fail", "What it costs"):
        section = document.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        assert _TEST.search(section), f"{heading} names no test"


def test_its_python_is_python(document: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        ast.parse(block)
