"""Where a kind of resource shows what waiting for it needs. Cheap to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from google.protobuf.message import Message

if TYPE_CHECKING:
    from triwire.spec import MethodSpec

__all__ = ["ERROR_GRACE_SECONDS", "POLL_SECONDS", "Lifecycle", "Listing"]

ResourceT = TypeVar("ResourceT", bound=Message)

# Before the second read of a wait, unless the caller says otherwise.
POLL_SECONDS: Final = 2.0

# How long a wait for readiness bears with ERROR, which the API that this was made for calls
# recoverable and its Terraform provider takes for final.
ERROR_GRACE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How all resources of a kind are listed. Made by generated code.

    Attributes:
        method: The List method; it needs no field of its request.
        items: The repeated field of its response that holds the resources.
        updated_after: The request's field that leaves out what has not changed since, or "".
        is_paged: Whether it has the page tokens of AIP-158.
    """

    method: MethodSpec[Any, Any]
    items: str
    updated_after: str = ""
    is_paged: bool = False


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
        failed: Names of the states that end it with an error at once.
        in_error: Names of the states that do if they last.
        deleting: Names of the states after which the resource is gone.
        disabled: Path of a bool that, if set, may keep the resource from ever being ready.
        created_at: Path of the google.protobuf.Timestamp of creation.
        updated_at: Path of that of the last change.
        conditions: Path of repeated messages that explain the state.
        condition_updated_at: Field of these messages, the Timestamp of their last change.
        listing: How to read many at once, or None.
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
    in_error: tuple[str, ...] = ()
    deleting: tuple[str, ...] = ()
    disabled: str = ""
    created_at: str = ""
    updated_at: str = ""
    conditions: str = ""
    condition_updated_at: str = ""
    listing: Listing | None = None
