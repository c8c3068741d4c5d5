"""Attempts, limits and what a create and a delete promise when answers are lost.

python examples/retries.py
"""

from __future__ import annotations

import uuid

from coreweave_inference import Code, InferenceClient, RpcError
from triwire import RetryPolicy


def main() -> None:
    """Create a gateway twice under one id, and delete it twice."""
    with InferenceClient(timeout_seconds=30, attempt_timeout_seconds=10) as client:
        # Without an id the client sends a UUID of its own: an attempt that follows a lost
        # answer cannot create a second gateway.
        gateway = client.gateways.create(
            name="retries-example", core_weave_auth={}, path_based_routing={}
        )
        print("version of the id:", uuid.UUID(gateway.spec.id).version)

        # The same id again, at the first attempt: that is a conflict, and no lost answer.
        try:
            client.gateways.create(
                id=gateway.spec.id,
                name="retries-example",
                core_weave_auth={},
                path_based_routing={},
            )
        except RpcError as error:
            print("again:", error.code.name, "attempts:", error.attempts)

        client.gateways.delete(gateway.spec.id)
        client.gateways.wait_until_deleted(gateway.spec.id, timeout_seconds=60)

        # A delete is successful without a resource only if an earlier attempt was lost.
        try:
            client.gateways.delete(gateway.spec.id)
        except RpcError as error:
            print("gone:", error.code.name, "attempts:", error.attempts)

    # Nothing listens here. The policy is the client's own, and the budget limits it, too.
    quick = RetryPolicy(
        max_attempts=3,
        initial_backoff_seconds=0.01,
        max_backoff_seconds=0.05,
        retryable_codes=frozenset({Code.UNAVAILABLE}),
    )
    with InferenceClient("http://127.0.0.1:9", token="unused", retry=quick) as nowhere:  # noqa: S106 - no secret
        for view in (nowhere, nowhere.with_options(retry=None)):
            try:
                view.gateways.list()
            except RpcError as error:
                print("nowhere:", error.code.name, "attempts:", error.attempts)


if __name__ == "__main__":
    main()
