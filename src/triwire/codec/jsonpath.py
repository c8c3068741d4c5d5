"""Where in a JSON text something is wrong, and how that is said to users."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from triwire._typing import override

if TYPE_CHECKING:
    from triwire.errors import RpcError

__all__ = ["Json", "JsonError", "array_in", "describe", "object_in"]

Json: TypeAlias = Any
"""A parsed JSON value: what json.loads returns, with Decimal for numbers that are no integers."""

_SHOWN = 40
_STEPS_SHOWN = 20  # at either end of a path


class JsonError(ValueError):
    """JSON that is no such message. Internal to the codec; users see `RpcError`.

    Attributes:
        problem: What was expected and what came.
        steps: Keys (text) and indexes (int) from the problem up to the root.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.steps: list[str | int] = []

    def below(self, step: str | int) -> JsonError:
        """Note that the problem lies below `step`; return the error itself, to be raised."""
        self.steps.append(step)
        return self

    @property
    def path(self) -> str:
        """The path as in `spec.zones[2]` or `labels["a b"]`; "" for the root."""
        parts: list[str] = []
        steps = self.steps[::-1]
        if len(steps) > 2 * _STEPS_SHOWN:
            steps = [*steps[:_STEPS_SHOWN], "...", *steps[-_STEPS_SHOWN:]]
        for step in steps:
            if isinstance(step, int):
                parts.append(f"[{step}]")
            elif step.isidentifier():
                parts.append(f".{step}" if parts else step)
            else:
                parts.append(f"[{_shortened(json.dumps(step))}]")
        return "".join(parts)

    @override
    def __str__(self) -> str:
        path = self.path
        return f"{path}: {self.problem}" if path else self.problem

    def to_rpc_error(self) -> RpcError:
        """Return it as INTERNAL with a BadRequest detail that names the path."""
        from google.rpc.error_details_pb2 import BadRequest

        from triwire.errors import Code, RpcError

        violation = BadRequest.FieldViolation(field=self.path, description=self.problem)
        return RpcError(
            Code.INTERNAL,
            f"invalid JSON: {self}",
            details=[BadRequest(field_violations=[violation])],
        )


def describe(value: object) -> str:
    """Name a JSON value in an error: its kind, and the value where it is short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"string {_shortened(json.dumps(value))}"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, dict):
        return "an object"
    return f"number {_shortened(str(value))}"


def object_in(value: object) -> dict[str, Json]:
    """Return a JSON value that must be an object."""
    if not isinstance(value, dict):
        raise JsonError(f"expected an object, got {describe(value)}")
    return cast("dict[str, Json]", value)


def array_in(value: object) -> list[Json]:
    """Return a JSON value that must be an array."""
    if not isinstance(value, list):
        raise JsonError(f"expected an array, got {describe(value)}")
    return value  # pyright: ignore[reportUnknownVariableType]  # it holds what json.loads made


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
