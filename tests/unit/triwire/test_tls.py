"""Certificates and keys are read, checked against each other, and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trustme

from triwire.tls import TlsOptions

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY = trustme.CA()
FIRST = AUTHORITY.issue_cert("first.test")
SECOND = AUTHORITY.issue_cert("second.test")
ROOTS = AUTHORITY.cert_pem.bytes()


def certificate_of(issued: trustme.LeafCert) -> bytes:
    return b"".join(blob.bytes() for blob in issued.cert_chain_pems)


def key_of(issued: trustme.LeafCert) -> bytes:
    return issued.private_key_pem.bytes()


class Files:
    """The files of a client."""

    def __init__(self, folder: Path) -> None:
        self.roots = folder / "roots.pem"
        self.certificate = folder / "client.pem"
        self.key = folder / "client.key"
        self.roots.write_bytes(ROOTS)
        self.write(FIRST)

    def write(self, issued: trustme.LeafCert) -> None:
        self.certificate.write_bytes(certificate_of(issued))
        self.key.write_bytes(key_of(issued))

    def load(self) -> TlsOptions:
        return TlsOptions.load(
            self.roots, client_certificate=self.certificate, client_key=str(self.key)
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_certificates_come_as_bytes_or_paths(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(ROOTS)
    assert TlsOptions.load(ROOTS) == TlsOptions.load(path) == TlsOptions.load(str(path))
    assert TlsOptions.load(None).ca_certificates is None


def test_certificates_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ca_certificates file .*No such file"):
        TlsOptions.load(tmp_path / "missing.pem")
    with pytest.raises(ValueError, match="ca_certificates holds no certificate"):
        TlsOptions.load(b"hello")
    with pytest.raises(TypeError, match="got int"):
        TlsOptions.load(1)  # type: ignore[arg-type]  # the misuse under test


def test_certificate_and_key_come_together() -> None:
    with pytest.raises(ValueError, match="expected both or neither"):
        TlsOptions.load(client_certificate=certificate_of(FIRST))
    with pytest.raises(ValueError, match="expected both or neither"):
        TlsOptions.load(client_key=key_of(FIRST))


def test_a_key_of_another_certificate_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="KEY_VALUES_MISMATCH") as caught:
        TlsOptions.load(client_certificate=certificate_of(FIRST), client_key=key_of(SECOND))
    assert "BEGIN" not in str(caught.value)


def test_what_is_no_certificate_or_key_is_refused() -> None:
    with pytest.raises(ValueError, match="client_certificate holds no certificate"):
        TlsOptions.load(client_certificate=key_of(FIRST), client_key=key_of(FIRST))
    with pytest.raises(ValueError, match="client_key holds no private key"):
        TlsOptions.load(client_certificate=certificate_of(FIRST), client_key=certificate_of(FIRST))
    broken = certificate_of(FIRST).replace(b"M", b"N", 1)
    with pytest.raises(ValueError, match="cannot be used"):
        TlsOptions.load(client_certificate=broken, client_key=key_of(FIRST))


def test_nothing_secret_is_shown(files: Files) -> None:
    assert "BEGIN" not in repr(files.load())


def test_reloading_reads_the_files_and_keeps_the_bytes(files: Files) -> None:
    options = TlsOptions.load(ROOTS, client_certificate=files.certificate, client_key=files.key)
    files.write(SECOND)
    again = options.reload()
    assert again.ca_certificates == ROOTS
    assert again.client_certificate == certificate_of(SECOND)
    assert again.paths == options.paths


def test_exchanging_a_symbolic_link_is_a_change(tmp_path: Path) -> None:
    for name, issued in (("a", FIRST), ("b", SECOND)):
        folder = tmp_path / name
        folder.mkdir()
        Files(folder).write(issued)
    link = tmp_path / "current"
    link.symlink_to("a")
    options: Any = TlsOptions.load(
        client_certificate=link / "client.pem", client_key=link / "client.key"
    )
    stamp = options.file_stamp()
    (tmp_path / "next").symlink_to("b")
    (tmp_path / "next").rename(link)
    assert options.file_stamp() != stamp
