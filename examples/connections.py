"""Finding the wire, limits on messages, waiting for a server, and giving a call up.

python examples/connections.py
"""

from __future__ import annotations

import threading

from coreweave_inference import (
    Cancellation,
    ConnectionOptions,
    InferenceClient,
    RpcError,
    WireOptions,
)


def main() -> None:
    """Make calls with settings that a network may ask for."""
    with InferenceClient(
        transport="auto",
        wire=WireOptions(max_request_bytes=100_000, gzip_requests_from_bytes=4096),
        connections=ConnectionOptions(max_age_seconds=300),
    ) as client:
        print("before the first call:", client.transport)
        client.gateways.parameters()
        print("after it:", client.transport)

        try:
            client.gateways.create(name="x" * 200_000, core_weave_auth={}, path_based_routing={})
        except RpcError as error:
            print("too large:", error.code.name, "from the server:", error.from_server)

    # Nothing listens here, and this client would wait for that to change.
    token = "unused"  # noqa: S105 - no secret
    nowhere = InferenceClient("http://127.0.0.1:9", token=token, wait_for_ready=True)
    with nowhere, Cancellation() as cancellation:
        threading.Timer(0.1, cancellation.cancel).start()
        try:
            nowhere.gateways.list()
        except RpcError as error:
            print("given up:", error.code.name)


if __name__ == "__main__":
    main()
