"""scripts/unasync.py: what becomes of async text, and that the twins in this tree are fresh."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scripts import unasync
from scripts.unasync import Pair, UnasyncError, find_orphans, find_pairs, run, to_sync

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("source", "twin"),
    [
        pytest.param(
            "async def f():\n    return await g(1)\n",
            "def f():\n    return g(1)\n",
            id="keywords go",
        ),
        pytest.param(
            "async def f():\n    async with a as b:\n        async for c in b: await c\n",
            "def f():\n    with a as b:\n        for c in b: c\n",
            id="with and for",
        ),
        pytest.param(
            "async def f():\n    return [await x async for x in y]\n",
            "def f():\n    return [x for x in y]\n",
            id="comprehensions",
        ),
        pytest.param("class AsyncClient: ...\n", "class Client: ...\n", id="Async prefix"),
        pytest.param("Asynchronous = 1\n", "Asynchronous = 1\n", id="Async as part of a word"),
        pytest.param("def f(async_client): ...\n", "def f(client): ...\n", id="async_ prefix"),
        pytest.param("def f(async_): ...\n", "def f(async_): ...\n", id="nothing but the prefix"),
        pytest.param("a.b.aio.aclose()\n", "a.b.sync.close()\n", id="table"),
        pytest.param("aio_thing = 1\n", "aio_thing = 1\n", id="table wants whole names"),
        pytest.param(
            "from contextlib import AsyncExitStack, aclosing\n",
            "from contextlib import ExitStack, closing\n",
            id="contextlib",
        ),
        pytest.param(
            '__all__ = ["AsyncCaller", "aio"]\n', '__all__ = ["Caller", "sync"]\n', id="__all__"
        ),
        pytest.param("x: 'AsyncCaller'\n", "x: 'Caller'\n", id="quoted type"),
        pytest.param(
            'raise ValueError("an AsyncCaller cannot await")\n',
            'raise ValueError("an AsyncCaller cannot await")\n',
            id="other strings stay",
        ),
        pytest.param(
            '"""An AsyncCaller; await it."""\n', '"""A Caller; await it."""\n', id="docstring"
        ),
        pytest.param("# an `AsyncImage`\n", "# an `Image`\n", id="an before a vowel"),
        pytest.param(
            'class A:\n    """Of AsyncB."""\n    x = 1\n',
            'class A:\n    """Of B."""\n    x = 1\n',
            id="docstring of a class",
        ),
        pytest.param("# AsyncCaller, async\n", "# Caller, async\n", id="comment"),
        pytest.param('f"{AsyncA} {b}"\n', 'f"{AsyncA} {b}"\n', id="f-strings stay"),
        pytest.param(
            's = """two\nlines"""; await_ = AsyncA\n',
            's = """two\nlines"""; await_ = A\n',
            id="after a string over several lines",
        ),
        pytest.param("é = AsyncÉ\n", "é = É\n", id="letters beyond ASCII"),
    ],
)
def test_text_is_rewritten(source: str, twin: str) -> None:
    assert to_sync(source) == twin


@pytest.mark.parametrize("name", sorted(unasync.BANNED))
def test_a_name_without_a_blocking_counterpart_is_refused(name: str) -> None:
    with pytest.raises(UnasyncError, match=rf"^aio\.py:2: '{name}' has no sync twin: move it"):
        to_sync(f"x = 1\n{name}.y()\n", where="aio.py")


def test_an_await_inside_an_f_string_is_found_before_a_user_finds_it() -> None:
    with pytest.raises(UnasyncError, match=r"^aio\.py:2: the twin does not compile"):
        to_sync('async def f():\n    return f"{await g()}"\n', where="aio.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src" / "p").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "src" / "p" / "aio.py").write_text("async def f( ): await  g()\n")
    return tmp_path


def run_in(tree: Path, *, check: bool = False) -> int:
    pairs = find_pairs(tree)
    return run(pairs, find_orphans(pairs, tree), check=check, root=tree)


def test_a_twin_is_written_with_a_header_and_formatted(tree: Path) -> None:
    assert run_in(tree) == 0
    assert (tree / "src" / "p" / "sync.py").read_text() == (
        "# Generated from src/p/aio.py by scripts/unasync.py. DO NOT EDIT.\ndef f():\n    g()\n"
    )
    assert run_in(tree, check=True) == 0


def test_imports_are_sorted_again_after_renaming(tree: Path) -> None:
    source = "from a import AsyncZ, B\n\n\nasync def f() -> AsyncZ:\n    return await B()\n"
    (tree / "src" / "p" / "aio.py").write_text(source)
    assert run_in(tree) == 0
    assert "from a import B, Z\n" in (tree / "src" / "p" / "sync.py").read_text()


def test_check_writes_nothing_and_fails_on_a_missing_twin(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_in(tree, check=True) == 1
    assert not (tree / "src" / "p" / "sync.py").exists()
    assert "src/p/sync.py: stale or missing; run `make generate`" in capsys.readouterr().err


def test_check_fails_on_an_edited_twin_and_a_run_mends_it(tree: Path) -> None:
    run_in(tree)
    twin = tree / "src" / "p" / "sync.py"
    good = twin.read_text()
    twin.write_text(good + "x = 1\n")
    assert run_in(tree, check=True) == 1
    assert run_in(tree) == 0
    assert twin.read_text() == good


def test_a_twin_whose_source_is_gone_fails_the_check_and_a_run_deletes_it(tree: Path) -> None:
    run_in(tree)
    (tree / "src" / "p" / "aio.py").unlink()
    twin = tree / "src" / "p" / "sync.py"
    assert run_in(tree, check=True) == 1
    assert twin.exists()
    assert run_in(tree) == 0
    assert not twin.exists()


def test_a_hand_written_file_named_like_a_twin_is_left_alone(tree: Path) -> None:
    other = tree / "src" / "p" / "q" / "sync.py"
    other.parent.mkdir()
    other.write_text("x = 1\n")
    run_in(tree)
    assert other.read_text() == "x = 1\n"


def test_a_source_with_the_mark_has_no_twin(tree: Path) -> None:
    source = tree / "src" / "p" / "aio.py"
    source.write_text("# unasync: skip (why)\n" + source.read_text())
    assert find_pairs(tree) == []


def test_tests_have_twins_too(tree: Path) -> None:
    (tree / "tests" / "test_x_aio.py").write_text("async def test_x() -> None: ...\n")
    assert Pair(tree / "tests" / "test_x_aio.py", tree / "tests" / "test_x_sync.py") in find_pairs(
        tree
    )


def test_a_source_without_a_twin_of_its_own_fails_the_run_and_names_the_line(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "src" / "p" / "aio.py").write_text("import asyncio\n")
    assert run_in(tree) == 1
    assert "src/p/aio.py:1: 'asyncio' has no sync twin" in capsys.readouterr().err


def test_the_twins_of_this_tree_are_fresh(repository: Path) -> None:
    command = [sys.executable, "scripts/unasync.py", "--check"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
