"""The transcripts in docs/ are what the commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.transcripts import FOLDER, Step, normalised, play, steps
from tests.unit.contract.buf import fill_third_party

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOCUMENTS = sorted(FOLDER.glob("*.md"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_commands_print_what_the_document_shows(
    path: Path, program: Callable[[str], str], repository: Path
) -> None:
    document = steps(path.read_text())
    fill_third_party(repository)  # the first time, the script says what it wrote
    for name in ("bash", "curl"):
        program(name)
    assert normalised(play(document)) == normalised(document)


def test_there_is_a_document_for_each_kind_of_client() -> None:
    assert [path.stem for path in DOCUMENTS] == [
        "buf-curl-connect",
        "buf-curl-grpc",
        "faults-curl",
        "grpcio-stub",
        "rest-curl",
    ]


def test_a_document_is_read_as_commands_and_outputs() -> None:
    text = (
        "```console\n$ one \\\n> two\nout\n\nmore\n$ three\n```\nprose\n```console\n$ four\n```\n"
    )
    assert steps(text) == [
        Step(("one \\", "two"), "out\n\nmore\n"),
        Step(("three",), ""),
        Step(("four",), ""),
    ]


def test_ids_are_told_apart_when_times_and_tokens_are_not() -> None:
    first, second = "0" * 8 + "-0000-4000-8000-" + "0" * 12, "1" * 8 + "-0000-4000-8000-" + "0" * 12
    start = Step(("cw-inference emulator --port 8080",), "CW-SECRET-a CW-SECRET-b\n")

    def document(*ids: str) -> str:
        stamp = "2026-01-02T03:04:05.6Z"
        return normalised([start, Step(("x",), f"{' '.join(ids)} {stamp} CW-SECRET-a\n")])

    assert document(first, second) == document(second, first)
    assert document(first, first) != document(first, second)
    assert "2026" not in document(first)
    assert "CW-SECRET" not in document(first)
