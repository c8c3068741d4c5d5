"""When a wait is over. Pure: the clock's readings come in as numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from google.protobuf.message import Message

from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from triwire.spec import CallOptions, MethodSpec

__all__ = ["POLL_SECONDS", "Lifecycle", "Wait"]

ResourceT = TypeVar("ResourceT", bound=Message)

# Between two reads while waiting, unless the caller says otherwise.
POLL_SECONDS: Final = 2.0

# Timers of transports and servers are not our clock, and they round: what ends this close to
# the deadline ended at it.
_CLOCK_SLACK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle(Generic[ResourceT]):
    """Where a kind of resource shows what waiting needs. Made by generated code.

    Paths are dotted field names from the resource down, "" where the resource has no such
    field.

    Attributes:
        name: What error texts call the resource.
        resource_type: Its message class.
        get: The method that reads one.
        get_id: The field of that method's request that names the resource.
        envelope: The field of its response that holds the resource, "" if it is the resource.
        resource_id: Path of what goes into `get_id`.
        state: Path of the state enum.
        ready: Names of the states that end a wait for readiness.
        failed: Names of the states that end it with an error.
        updated_at: Path of the google.protobuf.Timestamp of the last change.
        conditions: Path of repeated messages that explain the state.
    """

    name: str
    resource_type: type[ResourceT]
    get: MethodSpec[Any, Any]
    get_id: str
    envelope: str = ""
    resource_id: str = ""
    state: str = ""
    ready: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    updated_at: str = ""
    conditions: str = ""


class Wait(Generic[ResourceT]):
    """One wait for one resource.

    Args:
        lifecycle: The kind of resource.
        target: The resource as last seen, or its id. A resource is the baseline: states that
            are older than it, by its time of update, are not believed.
        timeout_seconds: How long to wait in all.
        poll_seconds: How long to pause between two reads.
        now: The clock's reading.
        goal: What error texts say was not reached.

    Raises:
        TypeError: `target` is neither.
        ValueError: the resource has no id, or a duration is not positive.
    """

    def __init__(
        self,
        lifecycle: Lifecycle[ResourceT],
        target: ResourceT | str,
        *,
        timeout_seconds: float,
        poll_seconds: float,
        now: float,
        goal: str,
    ) -> None:
        # Written so that NaN is refused, too.
        if not timeout_seconds >= 0:
            raise ValueError(f"expected timeout_seconds of at least 0, got {timeout_seconds!r}")
        if not poll_seconds > 0:
            raise ValueError(f"expected poll_seconds above 0, got {poll_seconds!r}")
        self._lifecycle = lifecycle
        self._deadline = now + timeout_seconds
        self._timeout_seconds = timeout_seconds
        self._poll_seconds = poll_seconds
        self._goal = goal
        self._baseline = self._updated_at(target) if isinstance(target, Message) else 0
        self._last = ""
        self._read_has_all_time = False
        self.resource_id = self._id_of(target)

    def request(self) -> Any:  # noqa: ANN401 - of the type that lifecycle.get takes
        """Return the request that reads the resource."""
        return self._lifecycle.get.request_type(**{self._lifecycle.get_id: self.resource_id})

    def options(self, options: CallOptions, *, now: float) -> CallOptions:
        """Return the caller's options with a timeout that ends with the wait.

        Raises:
            RpcError: DEADLINE_EXCEEDED, there is no time left.
        """
        left = self._deadline - now
        if left <= 0:
            raise self._timeout()
        own = options.timeout_seconds
        self._read_has_all_time = own is None or own > left
        return replace(options, timeout_seconds=left) if self._read_has_all_time else options

    def pause_seconds(self, now: float) -> float:
        """Return how long to sleep before the next read.

        Raises:
            RpcError: DEADLINE_EXCEEDED, there is no time left.
        """
        left = self._deadline - now
        if left <= 0:
            raise self._timeout()
        return min(self._poll_seconds, left)

    def read_failed(self, error: RpcError, *, now: float) -> None:
        """Turn the error of a read that had no more time into the wait's own.

        Raises:
            RpcError: DEADLINE_EXCEEDED; otherwise the error is the caller's to raise.
        """
        if error.code is not Code.DEADLINE_EXCEEDED:
            return
        # A timeout that our side noticed was the one that `options` gave, however early the
        # transport's timer went off. A server's may be its own affair, unless it is time.
        ours = self._read_has_all_time and not error.from_server
        if ours or self._deadline - now <= _CLOCK_SLACK_SECONDS:
            raise self._timeout() from error

    def resource_in(self, response: Message) -> ResourceT:
        """Return the resource that a response carries."""
        envelope = self._lifecycle.envelope
        return cast("ResourceT", getattr(response, envelope) if envelope else response)

    def is_ready(self, resource: ResourceT) -> bool:
        """Tell whether the resource is ready.

        Raises:
            RpcError: FAILED_PRECONDITION, it is in a state that a wait does not outlive; the
                conditions are the details.
        """
        self.saw(resource)
        if self._updated_at(resource) < self._baseline:
            return False
        if self._last in self._lifecycle.ready:
            return True
        if self._last in self._lifecycle.failed:
            raise self._failed(resource)
        return False

    def saw(self, resource: ResourceT) -> None:
        """Remember the state for the text of a timeout."""
        if self._lifecycle.state:
            self._last = _enum_name(resource, self._lifecycle.state)

    def _id_of(self, target: ResourceT | str) -> str:
        lifecycle = self._lifecycle
        wanted = f"a {lifecycle.resource_type.DESCRIPTOR.full_name} message or an id"
        if isinstance(target, str):
            found: object = target
        elif isinstance(target, lifecycle.resource_type) and lifecycle.resource_id:
            found = _value(target, lifecycle.resource_id)
        else:
            raise TypeError(f"expected {wanted}, got {type(target).__name__}")
        if not found:
            raise ValueError(f"expected {wanted}, got one that is empty")
        return cast("str", found)

    def _updated_at(self, resource: Message) -> int:
        path = self._lifecycle.updated_at
        if not path or not isinstance(resource, self._lifecycle.resource_type):
            return 0
        stamp = _value(resource, path)
        return int(stamp.seconds) * 1_000_000_000 + int(stamp.nanos)

    def _timeout(self) -> RpcError:
        last = f"; last seen as {self._last}" if self._last else ""
        return RpcError(
            Code.DEADLINE_EXCEEDED,
            f"{self._lifecycle.name} {self.resource_id} was not {self._goal} within "
            f"{self._timeout_seconds:g} s{last}",
        )

    def _failed(self, resource: Message) -> RpcError:
        path = self._lifecycle.conditions
        conditions: list[Message] = list(_value(resource, path)) if path else []
        text = f"{self._lifecycle.name} {self.resource_id} is {self._last}"
        reasons = "; ".join(filter(None, map(_words, conditions)))
        if reasons:
            text += f": {reasons}"
        return RpcError(Code.FAILED_PRECONDITION, text, details=conditions)


def _value(resource: Message, path: str) -> Any:  # noqa: ANN401 - whatever the field holds
    found: Any = resource
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _enum_name(resource: Message, path: str) -> str:
    *parents, last = path.split(".")
    holder: Any = _value(resource, ".".join(parents)) if parents else resource
    number = getattr(holder, last)
    known = holder.DESCRIPTOR.fields_by_name[last].enum_type.values_by_number.get(number)
    return str(number) if known is None else str(known.name)


def _words(condition: Message) -> str:
    """Return what a condition says: the fields that Kubernetes' conditions have, if it has them."""
    texts = [getattr(condition, name, "") for name in ("type", "reason", "message")]
    return " ".join(text for text in texts if isinstance(text, str) and text)
