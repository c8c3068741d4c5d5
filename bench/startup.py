"""Import, construction and first call in fresh processes, per wire.

    python -m bench.startup [--rounds 15] [--json FILE]

Every figure is the wall time inside a new interpreter, after its own start. Peers: the bare grpcio
stub and the bare connectrpc client with the same generated messages, and httpx + json_format.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from bench.measure import Pair, compare, print_pairs, write_json
from bench.server import emulator

GEN = "coreweave_inference_gen.coreweave.inference.v1alpha1"
CLOCK = "import json, os, sys, time; t0 = time.perf_counter()\n"
REPORT = """
t3 = time.perf_counter()
print(json.dumps({"import": t1 - t0, "construct": t2 - t1, "first call": t3 - t2, "all": t3 - t0}))
"""
OURS = """
from coreweave_inference import InferenceClient
t1 = time.perf_counter()
client = InferenceClient(os.environ["URL"], token=os.environ["TOKEN"], transport="{wire}")
t2 = time.perf_counter()
client.gateways.list()
"""
THEIRS = {
    "connect": f"""
from {GEN}.gateway_connect import GatewayServiceClientSync
from {GEN}.gateway_pb2 import ListGatewaysRequest
t1 = time.perf_counter()
client = GatewayServiceClientSync(os.environ["URL"], send_compression=None, accept_compression=())
t2 = time.perf_counter()
token = os.environ["TOKEN"]
client.list_gateways(ListGatewaysRequest(), headers={{"authorization": f"Bearer {{token}}"}})
""",
    "grpc": f"""
import grpc
from {GEN}.gateway_pb2 import ListGatewaysRequest
from {GEN}.gateway_pb2_grpc import GatewayServiceStub
t1 = time.perf_counter()
stub = GatewayServiceStub(grpc.insecure_channel(os.environ["URL"].removeprefix("http://")))
t2 = time.perf_counter()
token = os.environ["TOKEN"]
stub.ListGateways(ListGatewaysRequest(), metadata=(("authorization", f"Bearer {{token}}"),))
""",
    "rest": f"""
import httpx
from google.protobuf import json_format
from {GEN}.gateway_pb2 import ListGatewaysResponse
t1 = time.perf_counter()
client = httpx.Client(headers={{"authorization": "Bearer " + os.environ["TOKEN"]}})
t2 = time.perf_counter()
response = client.get(os.environ["URL"] + "/v1alpha1/inference/gateways")
json_format.Parse(response.content, ListGatewaysResponse())
""",
}
PEERS = {"connect": "connectrpc", "grpc": "grpcio stub", "rest": "httpx + json_format"}


def run(source: str, url: str, token: str) -> dict[str, float]:
    """Run a measured program in a new interpreter; milliseconds by phase."""
    environ = {**os.environ, "URL": url, "TOKEN": token}
    done = subprocess.run(
        [sys.executable, "-c", CLOCK + source + REPORT],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    phases: dict[str, float] = json.loads(done.stdout)
    return {name: seconds * 1000 for name, seconds in phases.items()}


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pairs: list[Pair] = []
    with emulator() as server:
        for wire, peer in PEERS.items():
            sources = (OURS.format(wire=wire), THEIRS[wire])
            kept: list[list[dict[str, float]]] = [[], []]
            order = [0, 1]
            for _ in range(arguments.rounds):
                for index in order:
                    kept[index].append(run(sources[index], *server))
                order.reverse()
            for phase in ("import", "construct", "first call", "all"):
                ours, theirs = ([entry[phase] for entry in side] for side in kept)
                pairs.append(compare(f"{wire} {phase}", peer, "ms", ours, theirs))
    print_pairs("start-up in fresh processes", pairs)
    if arguments.json:
        write_json(arguments.json, pairs)


if __name__ == "__main__":
    main()
