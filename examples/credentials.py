"""Tokens that change: a file that is replaced, and a function that is asked for a new one.

python examples/credentials.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from coreweave_inference import InferenceClient, RpcError, TokenFile


def from_a_file(token: str) -> None:
    """Follow a file, as a mounted secret is one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "token")
        path.write_text("expired")
        with InferenceClient(token=TokenFile(path)) as client:
            try:
                client.gateways.list()
            except RpcError as error:
                print("with the old file:", error.code.name)
            path.write_text(token)
            client.gateways.list()
            print("with the new file: ok")


def from_a_function(token: str) -> None:
    """Ask for a token before the first call, and again when the server refuses it."""
    issued = iter(["expired", token])
    asked = 0

    def fetch() -> str:
        nonlocal asked
        asked += 1
        return next(issued)

    with InferenceClient(token=fetch) as client:
        client.gateways.list()
        client.gateways.list()
    print("two calls, tokens asked for:", asked)


if __name__ == "__main__":
    from_a_file(os.environ["COREWEAVE_API_TOKEN"])
    from_a_function(os.environ["COREWEAVE_API_TOKEN"])
