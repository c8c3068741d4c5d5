"""scripts/third_party.py, with pip replaced by a function that returns archives made here."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts import third_party

VALIDATE_FILE = "buf/validate/validate.proto"
VALIDATE = b"the validation options"
GOOGLE = {name: name.encode() for name in third_party.GOOGLE_FILES}


class Index:
    """Stands in for `pip_download`: makes the archive of a package and counts the calls."""

    def __init__(self, validate: bytes = VALIDATE) -> None:
        self.downloads: list[str] = []
        self.validate = validate

    def download(
        self, package: str, version: str, *_options: str, into: str, python_path: Path | None = None
    ) -> Path:
        self.downloads.append(f"{package}=={version}")
        path = Path(into, package)
        if package == third_party.GOOGLE_PACKAGE:
            assert python_path is None
            with zipfile.ZipFile(path, "w") as wheel:
                for name, content in GOOGLE.items():
                    wheel.writestr(name, content)
        else:
            assert python_path is not None
            assert (python_path / "maturin.py").is_file()
            with tarfile.open(path, "w:gz") as tar:
                member = tarfile.TarInfo(f"{package}-{version}/proto/{VALIDATE_FILE}")
                member.size = len(self.validate)
                tar.addfile(member, io.BytesIO(self.validate))
        return path


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Index:
    """An index, an empty target folder, and google/api not installed."""
    index = Index()
    monkeypatch.setattr(third_party, "TARGET", tmp_path / ".third_party")
    google = {name: third_party.sha256(content) for name, content in GOOGLE.items()}
    monkeypatch.setattr(third_party, "GOOGLE_FILES", google)
    validate = {VALIDATE_FILE: third_party.sha256(VALIDATE)}
    monkeypatch.setattr(third_party, "VALIDATE_FILES", validate)
    monkeypatch.setattr(third_party, "pip_download", index.download)
    monkeypatch.setattr(third_party, "installed_google_files", dict[str, bytes])
    return index


def test_fills_an_empty_folder_from_the_index(index: Index) -> None:
    assert third_party.main([]) == 0

    assert index.downloads == ["googleapis-common-protos==1.76.0", "protovalidate==2.1.0"]
    written = {name: (third_party.TARGET / name).read_bytes() for name in GOOGLE}
    assert written == GOOGLE
    assert (third_party.TARGET / VALIDATE_FILE).read_bytes() == VALIDATE


def test_leaves_a_filled_folder_alone(index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    third_party.main([])
    index.downloads.clear()
    capsys.readouterr()

    assert third_party.main([]) == 0

    assert index.downloads == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("installed", "downloads"),
    [
        pytest.param(GOOGLE, ["protovalidate==2.1.0"], id="the expected one"),
        pytest.param(
            dict.fromkeys(GOOGLE, b"older"),
            ["googleapis-common-protos==1.76.0", "protovalidate==2.1.0"],
            id="another version",
        ),
    ],
)
def test_takes_the_installed_package_if_it_is(
    installed: dict[str, bytes],
    downloads: list[str],
    index: Index,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(third_party, "installed_google_files", lambda: installed)

    assert third_party.main([]) == 0

    assert index.downloads == downloads
    assert third_party.stale_files() == []


def test_replaces_a_file_that_was_changed(index: Index) -> None:
    third_party.main([])
    index.downloads.clear()
    path = third_party.TARGET / VALIDATE_FILE
    path.write_bytes(b"changed")

    assert third_party.main([]) == 0

    assert index.downloads == ["protovalidate==2.1.0"]
    assert path.read_bytes() == VALIDATE


def test_writes_nothing_if_the_index_serves_another_file(
    index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    index.validate = b"another file"

    assert third_party.main([]) == 1

    assert third_party.sha256(b"another file") in capsys.readouterr().err
    assert not third_party.TARGET.exists()


def test_check_names_what_is_missing_and_downloads_nothing(
    index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    assert third_party.main(["--check"]) == 1

    assert "lacks google/api/annotations.proto" in capsys.readouterr().err
    assert index.downloads == []


def test_says_how_to_go_on_if_the_index_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(third_party, "TARGET", tmp_path / ".third_party")
    monkeypatch.setattr(third_party, "installed_google_files", lambda: GOOGLE)
    monkeypatch.setattr(
        third_party, "GOOGLE_FILES", {name: third_party.sha256(GOOGLE[name]) for name in GOOGLE}
    )
    # An index is switched off, and the folder that is searched instead is empty.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    assert third_party.main([]) == 1

    error = capsys.readouterr().err
    assert "pip could not download protovalidate==2.1.0" in error
    assert "PIP_INDEX_URL" in error
    assert "No matching distribution found" in error
