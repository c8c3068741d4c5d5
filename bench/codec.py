"""JSON codecs: one, a hundred and a thousand deployments, encoded and decoded.

    python -m bench.codec [--rounds 15] [--json FILE]

Each round measures every codec in turn, CPU time of one thread, garbage collection off. Ours and
json_format turn google.protobuf messages into JSON bytes and back; protobuf-py does it with
messages of its own, orjson with plain dicts (the floor for JSON in Python), binary with
google.protobuf's wire format (the floor for messages). "exact" is our reader where the native
codec is not used: strict servers, and texts with a field that this client does not know.
"""

from __future__ import annotations

import argparse
import gc
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from google.protobuf import json_format

from bench.measure import Pair, compare, print_pairs, write_json
from coreweave_inference.v1alpha1 import Deployment, ListDeploymentsResponse
from triwire.codec.bridge import native_type
from triwire.codec.protojson import ProtoJsonCodec

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS = (1, 100, 1000)
UNIT = "CPU us/message"


def deployment(number: int) -> Deployment:
    """Return a deployment as the API answers it: about 1,150 bytes of JSON."""
    return json_format.ParseDict(
        {
            "spec": {
                "id": f"0f8fad5b-d9cb-469f-a165-{number:012d}",
                "name": f"llama-{number}",
                "gatewayIds": ["7c9e6679-7425-40de-944b-e07fc1f90ae7"],
                "runtime": {
                    "engine": "vllm",
                    "version": "0.22.0+crwv.2",
                    "engineConfig": {"max-model-len": "8192", "tensor-parallel-size": "8"},
                    "engineEnv": {"VLLM_LOGGING_LEVEL": "INFO"},
                },
                "resources": {"instanceType": "gd-8xh200ib-i128", "gpuCount": 8},
                "model": {
                    "name": "meta-llama/Llama-3.1-8B-Instruct",
                    "bucket": "models",
                    "path": "raw/meta-llama/Llama-3.1-8B-Instruct/5206a32e",
                },
                "autoscaling": {
                    "min": 1,
                    "max": 8,
                    "priority": 100,
                    "capacityClasses": ["CAPACITY_CLASS_RESERVED"],
                    "concurrency": 16,
                },
                "traffic": {"weight": 100},
                "organizationId": "cw4637",
            },
            "status": {
                "createdAt": "2026-08-01T12:00:00.123456Z",
                "updatedAt": "2026-08-01T12:10:00.654321Z",
                "status": "STATUS_READY",
                "conditions": [
                    {
                        "type": kind,
                        "status": "STATUS_TRUE",
                        "lastUpdateTime": "2026-08-01T12:10:00.654321Z",
                        "reason": "AsExpected",
                        "message": "all replicas are serving",
                    }
                    for kind in ("ResourcesApplied", "Ready")
                ],
            },
        },
        Deployment(),
    )


def measure(count: int, *, rounds: int) -> list[Pair]:
    """Measure a page of `count` deployments."""
    page = ListDeploymentsResponse(items=[deployment(number) for number in range(count)])
    codec = ProtoJsonCodec()
    text = codec.encode(page)
    newer = text.replace(b'"organizationId"', b'"newField":[1,{}],"organizationId"')
    binary = page.SerializeToString()
    tree = orjson.loads(text)
    native: Any = native_type(
        ListDeploymentsResponse.DESCRIPTOR, enum_aliases={}, write_aliases=False
    ).message_class
    own = native.from_binary(binary)
    kind = ListDeploymentsResponse
    if not codec.decode(text, kind) == codec.decode(newer, kind) == page:
        raise SystemExit("the codec does not read what it writes: there is nothing to measure")
    encoders: dict[str, Callable[[], object]] = {
        "triwire": lambda: codec.encode(page),
        "json_format": lambda: json_format.MessageToJson(page, indent=None).encode(),
        "protobuf-py": lambda: own.to_json().encode(),
        "orjson": lambda: orjson.dumps(tree),
        "binary": page.SerializeToString,
    }
    decoders: dict[str, Callable[[], object]] = {
        "triwire": lambda: codec.decode(text, kind),
        "exact": lambda: codec.decode(newer, kind),
        "json_format": lambda: json_format.Parse(text, kind()),
        "protobuf-py": lambda: native.from_json(text),
        "orjson": lambda: orjson.loads(text),
        "binary": lambda: kind.FromString(binary),
    }
    encoded = _interleaved(encoders, rounds=rounds, count=count)
    decoded = _interleaved(decoders, rounds=rounds, count=count)
    pairs = [
        compare(f"encode {count}", peer, UNIT, encoded["triwire"], encoded[peer])
        for peer in encoders
        if peer != "triwire"
    ]
    pairs += [
        compare(f"decode {count}", peer, UNIT, decoded["triwire"], decoded[peer])
        for peer in decoders
        if peer not in {"triwire", "exact"}
    ]
    exact = decoded["exact"]
    pairs.append(
        compare(f"decode {count}, exact", "json_format", UNIT, exact, decoded["json_format"])
    )
    return pairs


def _interleaved(
    calls: dict[str, Callable[[], object]], *, rounds: int, count: int
) -> dict[str, list[float]]:
    """Return CPU microseconds per message, one value per round, every codec in each round."""
    repeat = max(1, 200 // count)
    found: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name in order:
            call = calls[name]
            started = time.thread_time()
            for _ in range(repeat):
                call()
            seconds = time.thread_time() - started
            found[name].append(seconds / repeat / count * 1e6)
        order.reverse()
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure the JSON codec beside its peers.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    gc.disable()
    pairs = [pair for count in COUNTS for pair in measure(count, rounds=options.rounds)]
    print_pairs("JSON codec, CPU microseconds per message", pairs)
    if options.json is not None:
        write_json(options.json, pairs)


if __name__ == "__main__":
    main()
