"""From requests to specs, by field name: numbers differ between the two. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import (
    EndpointConfiguration,
    GatewaySpec,
)
from triwire.codec.reflection import is_repeated

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["endpoints_of", "fill_spec", "keep_dns"]

SpecT = TypeVar("SpecT", bound="Message")

# Addresses that can never reach anybody: prompts and tokens that are sent to them by mistake
# must not end at a stranger's (RFC 2606 reserves .example).
_DOMAIN = "inference.coreweave.example"


def fill_spec(request: Message, spec: SpecT) -> SpecT:
    """Copy every field of a request that is set into the spec's field of the same name.

    What the request does not set, the spec does not get: there are no defaults.

    Args:
        request: A create or update request.
        spec: The message to fill; returned.
    """
    for field, value in request.ListFields():
        if is_repeated(field):
            getattr(spec, field.name).MergeFrom(value)
        elif field.message_type is not None:
            # An empty message counts: CopyFrom sets presence, and with it the oneof's case.
            getattr(spec, field.name).CopyFrom(value)
        else:
            setattr(spec, field.name, value)
    return spec


def keep_dns(spec: GatewaySpec, old: GatewaySpec, *, merge: bool) -> None:
    """Decide what becomes of a gateway's extra host names in an update.

    The one field of the API that is not simply replaced: an update without names changes
    nothing. With names it replaces, or with `merge` adds to, the ones that are there.

    Args:
        spec: The new spec; changed in place.
        old: The spec before the update.
        merge: Whether names are added.
    """
    before = list(old.endpoint_configuration.additional_dns)
    wanted = list(spec.endpoint_configuration.additional_dns)
    if not wanted:
        if old.HasField("endpoint_configuration"):
            spec.endpoint_configuration.CopyFrom(old.endpoint_configuration)
    elif merge:
        joined = before + [name for name in wanted if name not in before]
        spec.endpoint_configuration.CopyFrom(EndpointConfiguration(additional_dns=joined))


def endpoints_of(spec: GatewaySpec) -> list[str]:
    """Return the URLs that a READY gateway lists: its own, then one per extra host name."""
    own = f"https://gw-{spec.id.lower()}.{_DOMAIN}"
    names = dict.fromkeys(name.lower() for name in spec.endpoint_configuration.additional_dns)
    return [own, *(f"https://{name}" for name in names)]
