"""The command line: what is refused before anything starts."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import pytest

from coreweave_inference.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def usage_error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        main(list(arguments))
    assert exit_.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["emulator", "--port", "0", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("cw-inference emulator: ")
    assert "Traceback" not in captured.err
    return captured.err


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("cw-inference 0.")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param([], "COMMAND", id="no-command"),
        pytest.param(["emulate"], "invalid choice: 'emulate'", id="unknown-command"),
        pytest.param(["emulator", "--prot", "1"], "unrecognized arguments", id="abbreviated"),
        pytest.param(["emulator", "--port", "x"], "expected an integer 0 to 65535", id="port"),
        pytest.param(["emulator", "--port", "65536"], "got '65536'", id="port-range"),
        pytest.param(
            ["emulator", "--transition-seconds", "-1"], "expected seconds, 0 or more", id="pace"
        ),
        pytest.param(
            ["emulator", "--transition-seconds", "nan"], "expected seconds, 0 or more", id="nan"
        ),
        pytest.param(["emulator", "--max-body-bytes", "0"], "expected an integer 1", id="body"),
        pytest.param(["emulator", "--admin-port", "-1"], "expected an integer 0", id="admin-port"),
        pytest.param(["emulator", "--tls-cert", "c"], "go together", id="tls"),
        pytest.param(["demo", "--transport", "soap"], "invalid choice: 'soap'", id="wire"),
    ],
)
def test_a_mistake_in_the_usage_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert text in usage_error(capsys, *arguments)


def test_a_tokens_file_that_is_none_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "tokens"
    assert "cannot read --tokens" in failure(capsys, "--tokens", str(path))
    path.write_text("only-a-token\n")
    error = failure(capsys, "--tokens", str(path))
    assert "line 1: expected 'TOKEN ORGANIZATION ROLE', got 1 words" in error
    assert "only-a-token" not in error
    path.write_bytes(b"\xff\xfe")
    assert "cannot read --tokens" in failure(capsys, "--tokens", str(path))


def test_a_fault_script_that_is_none_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing, bad = tmp_path / "missing", tmp_path / "bad"
    bad.write_text('{"faults": [{"kind": "lateness"}]}')
    assert f"cannot read --faults {str(missing)!r}" in failure(capsys, "--faults", str(missing))
    text = failure(capsys, "--faults", str(bad))
    assert f"--faults {str(bad)!r}: faults[0].kind: expected one of latency" in text


def test_an_admin_port_that_is_taken_is_an_error_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"cannot listen on port {port}" in failure(capsys, "--admin-port", port)


def test_a_database_that_is_none_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("text " * 100)
    assert "file is not a database" in failure(capsys, "--database", str(path))
    missing = tmp_path / "missing" / "emulator.db"
    assert "cannot open the database" in failure(capsys, "--database", str(missing))


def test_an_unusable_certificate_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    flags = ("--tls-cert", str(certificate), "--tls-key", str(key))
    assert "cannot read" in failure(capsys, *flags)
    certificate.write_text("nothing")
    key.write_text("nothing")
    assert "are no PEM certificate with its private key" in failure(capsys, *flags)


def test_an_unknown_host_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "unknown host 'no.such.host.invalid'" in failure(
        capsys, "--host", "no.such.host.invalid"
    )


def test_an_address_of_another_machine_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    # 192.0.2.0/24 is for documentation (RFC 5737) and never an address of this machine.
    assert "cannot listen on port 0 of 192.0.2.1" in failure(capsys, "--host", "192.0.2.1")


def test_a_missing_libpython_is_named_with_the_package_that_has_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import find_libpython

    monkeypatch.setattr(find_libpython, "candidate_paths", lambda: iter(()))
    error = failure(capsys)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"needs Python {version}'s shared library" in error
    assert f"apt-get install libpython{version}" in error
    assert "pyenv" in error
