"""The errors that the service answers with, their details included. Pure.

Codes and detail types are those that the API's Terraform provider reads: ResourceInfo for
NOT_FOUND and ALREADY_EXISTS, PreconditionFailure for FAILED_PRECONDITION, BadRequest for
INVALID_ARGUMENT, QuotaFailure for RESOURCE_EXHAUSTED.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.rpc.error_details_pb2 import (
    BadRequest,
    PreconditionFailure,
    QuotaFailure,
    ResourceInfo,
)

from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coreweave_inference.emulator.records import AnyKind

__all__ = [
    "Violation",
    "already_exists",
    "being_deleted",
    "in_use",
    "invalid",
    "name_taken",
    "not_found",
    "over_quota",
]


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request.

    Attributes:
        field: Proto path of the field, such as "runtime.engine_env", or "" for the message.
        description: What is wrong, for people.
    """

    field: str
    description: str


def invalid(violations: Sequence[Violation]) -> RpcError:
    """Return INVALID_ARGUMENT for a request that breaks rules, each of them listed."""
    details = BadRequest()
    for violation in violations:
        details.field_violations.add(field=violation.field, description=violation.description)
    texts = (f"{v.field}: {v.description}" if v.field else v.description for v in violations)
    return _error(Code.INVALID_ARGUMENT, "; ".join(texts), details)


def not_found(kind: AnyKind, resource_id: str) -> RpcError:
    """Return NOT_FOUND for an id that the organization has no resource under."""
    text = f"{kind.name} {resource_id!r} not found"
    return _error(Code.NOT_FOUND, text, _info(kind, resource_id, text))


def already_exists(kind: AnyKind, resource_id: str) -> RpcError:
    """Return ALREADY_EXISTS for a create with an id that is in use."""
    text = f"{kind.name} {resource_id!r} already exists"
    return _error(Code.ALREADY_EXISTS, text, _info(kind, resource_id, text))


def name_taken(kind: AnyKind, name: str) -> RpcError:
    """Return ALREADY_EXISTS for a name that another resource has."""
    text = f"a {kind.name} named {name!r} already exists"
    return _error(Code.ALREADY_EXISTS, text, _info(kind, name, text))


def in_use(gateway_id: str, deployments: Iterable[str]) -> RpcError:
    """Return FAILED_PRECONDITION for a gateway that deployments use, one violation for each."""
    details = PreconditionFailure()
    for deployment_id in deployments:
        details.violations.add(
            type="GATEWAY_IN_USE",
            subject=deployment_id,
            description=f"deployment {deployment_id!r} uses the gateway: delete it first",
        )
    count = len(details.violations)
    noun = "deployment uses" if count == 1 else "deployments use"
    text = f"gateway {gateway_id!r} cannot be deleted: {count} {noun} it"
    return _error(Code.FAILED_PRECONDITION, text, details)


def being_deleted(kind: AnyKind, resource_id: str) -> RpcError:
    """Return FAILED_PRECONDITION for a change of what is going away."""
    text = f"{kind.name} {resource_id!r} is being deleted"
    details = PreconditionFailure()
    details.violations.add(type="BEING_DELETED", subject=resource_id, description=text)
    return _error(Code.FAILED_PRECONDITION, text, details)


def over_quota(kind: AnyKind, organization: str, limit: int) -> RpcError:
    """Return RESOURCE_EXHAUSTED for one resource too many."""
    text = f"organization {organization!r} may have {limit} of {kind.name}"
    details = QuotaFailure()
    details.violations.add(subject=f"organizations/{organization}", description=text)
    return _error(Code.RESOURCE_EXHAUSTED, text, details)


def _info(kind: AnyKind, resource_name: str, description: str) -> ResourceInfo:
    return ResourceInfo(
        resource_type=kind.message.DESCRIPTOR.full_name,
        resource_name=resource_name,
        description=description,
    )


def _error(
    code: Code, text: str, detail: BadRequest | PreconditionFailure | QuotaFailure | ResourceInfo
) -> RpcError:
    return RpcError(code, text, details=(detail,), from_server=True)
