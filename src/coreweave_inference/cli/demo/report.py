"""What the demo prints."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from coreweave_inference_gen.coreweave.inference.v1alpha1.status_pb2 import Status

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment
    from triwire.watch import ObjectEvent

__all__ = ["Report", "StepFailedError", "expect"]


class StepFailedError(Exception):
    """A step of the demo failed, and was reported."""


def expect(condition: bool, text: str) -> None:  # noqa: FBT001 - reads as an assertion does
    """Fail the step if the server answered something else than the demo counts on."""
    if not condition:
        raise ValueError(f"expected {text}")


class Report:
    """Counts and prints steps.

    Attributes:
        calls: How many steps were done.
        events: How many events the watches told.
        failures: One text for each that failed.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.events = 0
        self.failures: list[str] = []
        self._prefix = ""
        self._runs = 0

    def run(self, wire: str, colour: str) -> None:
        """Begin the steps of one wire and colour."""
        self._prefix = f"{wire} {colour}"
        self._runs += 1

    @contextmanager
    def step(self, method: str) -> Generator[None]:
        """Time a block that calls `method`, and print the outcome.

        Raises:
            StepFailedError: the block raised.
        """
        start = time.perf_counter()
        with self.quietly(method):
            yield
        milliseconds = (time.perf_counter() - start) * 1000
        self.calls += 1
        print(f"{self._prefix} {method} ok {milliseconds:.1f}", flush=True)

    def told(self, events: Iterable[ObjectEvent[Deployment]]) -> None:
        """Print what a watch told."""
        for event in events:
            self.events += 1
            state = Status.Name(event.object.status.status)
            kind = type(event).__name__
            print(f"{self._prefix} watch {kind} {event.object.spec.name} {state}", flush=True)

    @contextmanager
    def quietly(self, what: str) -> Generator[None]:
        """Run a block of which only a failure is printed.

        Raises:
            StepFailedError: the block raised.
        """
        try:
            yield
        except Exception as error:
            text = f"{self._prefix} {what} FAILED {type(error).__name__}: {error}"
            self.failures.append(text)
            print(text, file=sys.stderr, flush=True)
            raise StepFailedError(text) from error

    def summary(self, seconds: float) -> str:
        """Return the last line, or lines, of the demo."""
        if self.failures:
            listed = "\n".join(f"  {text}" for text in self.failures)
            return (
                f"{len(self.failures)} of {self._runs} runs failed after {self.calls} calls:\n"
                f"{listed}"
            )
        return (
            f"{self.calls} calls in {self._runs} runs succeeded in {seconds:.1f} s: gateways, "
            "capacity claims and deployments created, listed, updated, awaited until READY "
            f"and deleted; {self.events} events of watches beside them"
        )
