"""Reads whose latency matters go out once more when the first attempt is slow.

python examples/hedging.py
"""

from __future__ import annotations

from coreweave_inference import HedgingPolicy, InferenceClient
from triwire.interceptors import Call, Interception


def log(call: Call) -> Interception:
    """Tell how many attempts a call took."""
    reply = yield call
    print(call.method.name, "attempts:", reply.attempts)
    return reply


def main() -> None:
    """List twice; if the server is slow to answer the first attempt, the second one does."""
    with InferenceClient(
        hedging=HedgingPolicy(delay_seconds=0.5, max_attempts=2), interceptors=[log]
    ) as client:
        client.gateways.list()
        # Without it, in a view of the same client.
        client.with_options(hedging=None).gateways.list()


if __name__ == "__main__":
    main()
