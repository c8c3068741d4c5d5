"""scripts/bootstrap.py: everything that a machine lacks is named at once, with how to get it."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from scripts import bootstrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from pathlib import Path

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def without_modules(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that makes modules look absent, as on a Debian that splits them off."""
    real = importlib.util.find_spec

    def hide(*hidden: str) -> None:
        def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
            return None if name in hidden else real(name, package)

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)

    return hide


@pytest.fixture
def without_libpython(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An interpreter linked statically, with no shared library anywhere."""

    def get_config_var(name: str) -> str | None:
        return {"LIBDIR": str(tmp_path), "LIBPL": str(tmp_path)}.get(name)

    def refuse(name: str) -> None:
        raise OSError(name)

    def nothing(name: str) -> str | None:
        del name
        return None

    monkeypatch.setattr(sysconfig, "get_config_var", get_config_var)
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    monkeypatch.setattr(ctypes.util, "find_library", nothing)
    monkeypatch.setattr(sys, "base_exec_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", *arguments])
    return bootstrap.main()


def test_finds_the_shared_library_of_the_interpreter_that_runs_the_tests() -> None:
    assert bootstrap.find_libpython() is not None
    assert bootstrap.lack_of_libpython() is None


@pytest.mark.usefixtures("without_libpython")
def test_a_static_python_is_told_which_library_it_lacks() -> None:
    lack = bootstrap.lack_of_libpython()
    assert lack is not None
    assert f"`apt-get install libpython{VERSION}`" in lack


@pytest.mark.usefixtures("without_libpython")
def test_a_library_beside_the_interpreter_is_found(tmp_path: Path) -> None:
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    (tmp_path / f"libpython{VERSION}{suffix}").touch()
    assert bootstrap.find_libpython() == str(tmp_path / f"libpython{VERSION}{suffix}")


def test_without_ensurepip_the_interpreter_s_own_pip_will_do(
    without_modules: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_modules("ensurepip")
    monkeypatch.setattr(bootstrap, "outer_pip_works", lambda: True)
    assert bootstrap.lack_of_venv() is None
    assert not bootstrap.can_make_venv()


@pytest.mark.parametrize(
    ("printed", "works"),
    [
        pytest.param("pip 23.0.1 from somewhere (python 3.11)", True, id="new enough"),
        pytest.param("pip 22.3 from somewhere (python 3.11)", True, id="first with --python"),
        pytest.param("pip 22.2.2 from somewhere (python 3.11)", False, id="too old"),
        pytest.param("", False, id="broken"),
        pytest.param("pip x.y from somewhere", False, id="unreadable"),
    ],
)
def test_only_a_pip_that_can_fill_another_environment_counts(
    printed: str, works: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, stdout=printed)

    monkeypatch.setattr(subprocess, "run", run)
    assert bootstrap.outer_pip_works() is works


@pytest.mark.usefixtures("without_libpython")
def test_everything_missing_is_listed_at_once_and_nothing_is_made(
    without_modules: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    without_modules("ensurepip", "pip")
    assert run_main(monkeypatch, "--venv", str(tmp_path / "venv")) == 1
    printed = capsys.readouterr().err
    assert f"apt-get install python{VERSION}-venv" in printed
    assert f"apt-get install libpython{VERSION}" in printed
    assert not (tmp_path / "venv").exists()


def test_an_old_python_is_told_which_version_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 14, "final", 0))
    lack = bootstrap.lack_of_version()
    assert lack is not None
    assert lack.startswith("Python 3.11 or later;")


def test_a_missing_program_is_named_with_where_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_main(monkeypatch, "--tool", "go", "--tool", "node", "--purpose", "interop") == 1
    printed = capsys.readouterr().err
    assert printed.startswith("This machine lacks, for interop:\n")
    assert "https://go.dev/dl" in printed
    assert "https://nodejs.org" in printed


def test_a_program_that_is_there_is_no_lack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "go").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_main(monkeypatch, "--tool", "go") == 0
