"""What differs between the protobuf runtimes that are supported, in one place."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = [
    "AnyDescriptor",
    "AnyField",
    "AnyMessage",
    "AnyValue",
    "is_http_body",
    "is_map",
    "is_repeated",
]

# google.protobuf has two implementations of its descriptors, and the stubs name both as
# unrelated classes.
AnyDescriptor: TypeAlias = Any
AnyField: TypeAlias = Any
# A message whose fields are reached by reflection.
AnyMessage: TypeAlias = Any
# The value of a field.
AnyValue: TypeAlias = Any

_LABEL_REPEATED = 3


def is_repeated(field: AnyField) -> bool:
    """Whether a field holds many values, a map included."""
    # protobuf 7 has no `label`, 5.29 and 6.30 no `is_repeated`.
    found = getattr(field, "is_repeated", None)
    return bool(field.label == _LABEL_REPEATED) if found is None else bool(found)


def is_map(field: AnyField) -> bool:
    """Whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def is_http_body(descriptor: AnyDescriptor) -> bool:
    """Whether a message is google.api.HttpBody: over HTTP it is its own bytes, not JSON."""
    return descriptor is not None and bool(descriptor.full_name == "google.api.HttpBody")
