"""What the emulator's event loop says of its callbacks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from coreweave_inference.emulator.child import without_late_results
from triwire._typing import override


def told_of(context: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the loop's own handler is given."""

    class Loop(asyncio.SelectorEventLoop):
        @override
        def default_exception_handler(self, context: dict[str, Any]) -> None:
            told.append(context)

    told: list[dict[str, Any]] = []
    loop = Loop()
    try:
        without_late_results(loop, context)
    finally:
        loop.close()
    return told


@pytest.mark.parametrize("setter", ["set_result", "set_exception"])
def test_a_result_for_a_cancelled_future_is_not_told(setter: str) -> None:
    loop = asyncio.new_event_loop()
    contexts: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: contexts.append(dict(context)))
    future = loop.create_future()
    future.cancel()
    loop.call_soon(getattr(future, setter), None if setter == "set_result" else ValueError())
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    # As the loop itself describes it.
    (context,) = contexts
    assert told_of(context) == []


@pytest.mark.parametrize(
    "context",
    [
        pytest.param(
            {"message": "Exception in callback f()", "exception": asyncio.InvalidStateError()},
            id="of another callback",
        ),
        pytest.param(
            {"message": "Exception in callback <method set_result>", "exception": ValueError()},
            id="of another kind",
        ),
        pytest.param({"message": "Task was destroyed but it is pending!"}, id="no exception"),
    ],
)
def test_everything_else_is_told(context: dict[str, Any]) -> None:
    assert told_of(context) == [context]
