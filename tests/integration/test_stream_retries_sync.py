# Generated from tests/integration/test_stream_retries_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Streams that are lost before they open, on every wire that carries them."""

from __future__ import annotations

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tests.flaky_proxy import flaky_proxy
from tests.stream_service import EXPAND
from triwire.call.sync import Caller
from triwire.config import Endpoint
from triwire.dial.sync import dial
from triwire.dial.wires import WIRES
from triwire.retry import RetryBudget, RetryPolicy, RetryThrottling
from triwire.spec import CallOptions
from triwire.tls import TlsOptions

# More attempts and tokens than any script has steps, and waits in which a client hears of a
# connection's end: one that goes out just as it closes is lost before the proxy sees it.
QUICK = RetryPolicy(max_attempts=20, initial_backoff_seconds=0.02, max_backoff_seconds=0.1)
AMPLE = RetryThrottling(max_tokens=100.0)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("step", ["before", "busy", "after"])
def test_a_stream_that_does_not_open_is_opened_again(
    wire: str, step: str, stream_port: int
) -> None:
    with flaky_proxy("127.0.0.1", stream_port) as proxy:
        proxy.script([step, step])
        caller = Caller(
            dial(
                wire,
                Endpoint.parse(f"http://127.0.0.1:{proxy.port}"),
                tls=TlsOptions(),
                user_agent="test/1",
            ),
            options=CallOptions(timeout_seconds=20, retry=QUICK),
            budget=RetryBudget(AMPLE),
        )
        try:
            stream = caller.server_stream(EXPAND, StringValue(value="abc"))
            assert [message.value for message in stream] == ["a", "b", "c"]
        finally:
            caller.close()
        assert proxy.seen == [step, step, "pass"]
