"""Smaller scripts, for a reader of a failure. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.equivalence.script import Variant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.equivalence.script import Attempt, Script

__all__ = ["smaller"]


def smaller(script: Script) -> Iterator[Script]:
    """Yield scripts with one thing less each, the largest things first."""
    if script.variant != Variant():
        yield replace(script, variant=Variant())
        yield replace(script, variant=replace(script.variant, json=False))
        yield replace(script, variant=replace(script.variant, gzip=False))
        yield replace(script, variant=replace(script.variant, get=False))
    if script.headers:
        yield replace(script, headers=())
        yield replace(script, headers=script.headers[1:])
    for index, attempt in enumerate(script.attempts):
        if len(script.attempts) > 1:
            yield replace(script, attempts=script.attempts[:index] + script.attempts[index + 1 :])
        for less in _smaller_attempts(attempt):
            attempts = (*script.attempts[:index], less, *script.attempts[index + 1 :])
            yield replace(script, attempts=attempts)


def _smaller_attempts(attempt: Attempt) -> Iterator[Attempt]:
    if attempt.headers:
        yield replace(attempt, headers=())
        yield replace(attempt, headers=attempt.headers[1:])
    if attempt.trailers:
        yield replace(attempt, trailers=())
        yield replace(attempt, trailers=attempt.trailers[1:])
    failure = attempt.failure
    if failure is not None:
        if failure.message:
            yield replace(attempt, failure=replace(failure, message=""))
        for index in range(len(failure.details)):
            details = failure.details[:index] + failure.details[index + 1 :]
            yield replace(attempt, failure=replace(failure, details=details))
    pauses = tuple(step for step in attempt.steps if step[0] != "pause")
    if pauses != attempt.steps:
        yield replace(attempt, steps=pauses)
