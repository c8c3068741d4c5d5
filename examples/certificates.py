"""A private authority and a client certificate; through the environment's proxy, if it has one.

python examples/certificates.py CA CERTIFICATE KEY
"""

from __future__ import annotations

import sys

from coreweave_inference import InferenceClient, RpcError


def main(authority: str, certificate: str, key: str) -> None:
    """Call a server with and without what it asks for."""
    with InferenceClient() as stranger:
        try:
            stranger.gateways.list()
        except RpcError as error:
            print("with the system's authorities:", error.code.name)
    # Paths, not bytes: when the files are replaced, new connections use the new ones.
    with InferenceClient(
        ca_certificates=authority, client_certificate=certificate, client_key=key
    ) as client:
        client.gateways.list()
        print("with the authority and a certificate: ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
