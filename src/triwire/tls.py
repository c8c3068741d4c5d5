"""How a server is trusted, and how it recognises this client."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Pem", "TlsOptions"]

#: PEM text, or the path of a file that holds it.
Pem: TypeAlias = "bytes | str | os.PathLike[str]"

_CERTIFICATE: Final = (
    b"-----BEGIN CERTIFICATE-----",
    'no certificate: expected PEM with "BEGIN CERTIFICATE"',
)
_KEY: Final = (b"PRIVATE KEY-----", 'no private key: expected PEM with "BEGIN PRIVATE KEY"')
_FIELDS: Final = {
    "ca_certificates": _CERTIFICATE,
    "client_certificate": _CERTIFICATE,
    "client_key": _KEY,
}


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How the server is trusted, the same on every wire: a snapshot, see `reload`.

    Attributes:
        ca_certificates: PEM text of the certificate authorities to trust instead of the
            system's, or None for the system's.
        client_certificate: PEM text of the certificate that shows who this client is, and of
            its chain, or None for none.
        client_key: PEM text of its private key; both or neither are given.
        paths: The files that these came from, by the name of the attribute.

    Raises:
        ValueError: only one of certificate and key is given.
    """

    ca_certificates: bytes | None = field(default=None, repr=False)
    client_certificate: bytes | None = field(default=None, repr=False)
    client_key: bytes | None = field(default=None, repr=False)
    paths: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key: expected both or neither")

    @classmethod
    def load(
        cls,
        ca_certificates: Pem | None = None,
        *,
        client_certificate: Pem | None = None,
        client_key: Pem | None = None,
    ) -> TlsOptions:
        """Make options from PEM bytes, or from the paths of PEM files.

        Raises:
            TypeError: neither bytes nor a path.
            ValueError: a file cannot be read, a text holds no certificate or key, or the key is
                not that of the certificate.
        """
        given = {
            "ca_certificates": ca_certificates,
            "client_certificate": client_certificate,
            "client_key": client_key,
        }
        texts = {name: _read(name, pem) for name, pem in given.items() if pem is not None}
        paths = tuple(
            (name, os.fspath(pem))
            for name, pem in given.items()
            if isinstance(pem, (str, os.PathLike))
        )
        loaded = cls(**texts, paths=paths)
        if loaded.client_certificate is not None and loaded.client_key is not None:
            _check_pair(loaded.client_certificate, loaded.client_key)
        return loaded

    def reload(self) -> TlsOptions:
        """Return options with what the files hold now.

        Raises:
            ValueError: As for `load`; also while files are being replaced one by one, so that
                the key does not fit the certificate yet.
        """
        paths = dict(self.paths)
        return TlsOptions.load(
            paths.get("ca_certificates", self.ca_certificates),
            client_certificate=paths.get("client_certificate", self.client_certificate),
            client_key=paths.get("client_key", self.client_key),
        )

    def file_stamp(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Return something that differs after a file was changed, replaced or removed."""
        return tuple(_stamp(path) for _, path in self.paths)


def _stamp(path: str) -> tuple[int, int, int] | None:
    # Symbolic links are followed: Kubernetes exchanges one to replace all files of a secret.
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _read(name: str, pem: Pem) -> bytes:
    """Return the PEM text of an argument."""
    origin = name
    if isinstance(pem, (str, os.PathLike)):
        origin = f"{name} file {os.fspath(pem)!r}"
        try:
            text = Path(pem).read_bytes()
        except OSError as error:
            message = f"cannot read {origin}: {error.strerror or error}"
            raise ValueError(message) from error
    elif isinstance(pem, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        text = pem
    else:
        message = f"{origin} must be PEM bytes or a path, got {type(pem).__name__}"
        raise TypeError(message)
    mark, lack = _FIELDS[name]
    if mark not in text:
        message = f"{origin} holds {lack}"
        raise ValueError(message)
    return text


def _check_pair(certificate: bytes, key: bytes) -> None:
    """Refuse a key that is not the certificate's: grpcio would only fail to connect, for ever.

    Raises:
        ValueError: with OpenSSL's reason.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with _as_file(key + b"\n" + certificate) as path:
        try:
            # An encrypted key would ask for its password on the terminal.
            context.load_cert_chain(path, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or "no reason given"
            message = (
                f"client_certificate and client_key cannot be used ({reason}): expected a PEM "
                "certificate with its chain, and its own private key, not encrypted"
            )
            raise ValueError(message) from error


@contextlib.contextmanager
def _as_file(data: bytes) -> Generator[str]:
    """Give data a path, in memory where the system can: OpenSSL reads keys from files only."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem")
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.name
