"""TLS credentials for grpcio channels, with the same trust as on the other wires."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from triwire.config import system_ca_file

if TYPE_CHECKING:
    import grpc

    from triwire.tls import TlsOptions

__all__ = ["channel_credentials"]


def channel_credentials(tls: TlsOptions) -> grpc.ChannelCredentials:
    """Return credentials that trust the given authorities, or else the system's.

    grpcio alone would trust the list of authorities that it ships, not the system's.
    """
    import grpc

    roots = tls.ca_certificates
    if roots is None:
        bundle = system_ca_file()
        roots = Path(bundle).read_bytes() if bundle else None
    return grpc.ssl_channel_credentials(
        root_certificates=roots,
        private_key=tls.client_key,
        certificate_chain=tls.client_certificate,
    )
