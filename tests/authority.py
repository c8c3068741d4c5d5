"""A private certificate authority, with the files of a client and the TLS of a server."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import trustme

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Authority"]


class Authority:
    """An authority, the files of a client, and the TLS of a server that wants to know clients.

    Args:
        folder: Where the files go.
        names: What the server is called beside 127.0.0.1.

    Attributes:
        roots: The authority's certificate.
        certificate: The client's.
        key: The client's key.
        server: The server's side; asks for a certificate.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self._authority: Any = trustme.CA()
        self.roots = folder / "roots.pem"
        self.certificate = folder / "client.pem"
        self.key = folder / "client.key"
        self._authority.cert_pem.write_to_path(self.roots)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.set_alpn_protocols(["h2", "http/1.1"])
        self.server.verify_mode = ssl.CERT_REQUIRED
        self._authority.configure_trust(self.server)
        self._authority.issue_cert("127.0.0.1", *names).configure_cert(self.server)

    def issue(self, name: str) -> None:
        """Write a new certificate and key for the client."""
        made = self._authority.issue_cert(f"{name}.test", common_name=name)
        made.private_key_pem.write_to_path(self.key)
        made.cert_chain_pems[0].write_to_path(self.certificate)

    def replace(self) -> None:
        """Go over to another authority: for the server at once, for clients as the files say."""
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(self.roots)
        self._authority.configure_trust(self.server)
        self._authority.issue_cert("127.0.0.1").configure_cert(self.server)

    def arguments(self) -> dict[str, Any]:
        """Return what a client has to be told."""
        return {
            "ca_certificates": self.roots,
            "client_certificate": self.certificate,
            "client_key": self.key,
        }
