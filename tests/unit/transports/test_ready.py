"""The waits for a connection: short at first, at most a second, never in step."""

from __future__ import annotations

import pytest

from triwire.errors import Code, RpcError
from triwire.transports.ready.wire import not_ready_error, wait_seconds


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.1), (2, 0.2), (4, 0.8), (5, 1.0), (10_000, 1.0)]
)
def test_waits_grow_up_to_a_second(failures: int, longest: float) -> None:
    assert wait_seconds(failures, 1.0) == pytest.approx(longest)
    assert wait_seconds(failures, 0.0) == pytest.approx(longest / 2)


def test_the_error_says_why_there_was_no_connection() -> None:
    error = not_ready_error(2.5, RpcError(Code.UNAVAILABLE, "refused"))
    assert str(error) == "DEADLINE_EXCEEDED: no connection within 2.5 s: refused"
