"""One body for both colours: scenarios are coroutines, and blocking clients are driven by hand.

A scenario is written once, against the async client. For the sync colour it gets the sync client
with every method dressed as a coroutine function that never suspends, so the scenario's coroutine
runs from start to end in one `send`. A generated second copy of each scenario would test the same
and leave two files to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from coreweave_inference import AsyncInferenceClient, InferenceClient

__all__ = ["dressed", "run_blocking"]

T = TypeVar("T")


def dressed(client: InferenceClient) -> AsyncInferenceClient:
    """Return the sync client in the shape of the async one."""
    return cast("AsyncInferenceClient", _Dressed(client))


def run_blocking(body: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine whose every await is a dressed call."""
    try:
        body.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    body.close()
    raise AssertionError("the scenario waits for something that is not a blocking client")


class _Dressed:
    """An object of the client whose methods return awaitables."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, "close" if name == "aclose" else name)
        if name == "with_options":

            def view(**options: object) -> _Dressed:
                return _Dressed(found(**options))

            return view
        if callable(found):

            async def call(*arguments: object, **keywords: object) -> Any:
                return found(*arguments, **keywords)

            return call
        return found if isinstance(found, str) else _Dressed(found)
