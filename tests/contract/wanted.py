"""Valid requests, and the resources that answer them, as plain data."""

from __future__ import annotations

from typing import Any, Final

from tests.contract.outcome import Failure

__all__ = [
    "CLAIM",
    "CLAIM_ID",
    "DEPLOYMENT",
    "DEPLOYMENT_ID",
    "GATEWAY",
    "GATEWAY_ID",
    "MISSING_ID",
    "NOUNS",
    "already_exists",
    "being_deleted",
    "but",
    "claim",
    "deployment",
    "gateway",
    "invalid",
    "name_taken",
    "not_found",
    "over_quota",
    "precondition",
    "resource_info",
]

ZONE: Final = "US-EAST-04A"
# Chosen by the caller; server-made ids never begin like this.
GATEWAY_ID: Final = "c0ffee00-0000-4000-8000-000000000001"
DEPLOYMENT_ID: Final = "c0ffee00-0000-4000-8000-000000000002"
CLAIM_ID: Final = "c0ffee00-0000-4000-8000-000000000003"
MISSING_ID: Final = "c0ffee00-0000-4000-8000-00000000dead"

# The resource's message -> what error texts call it.
NOUNS: Final = {
    "Gateway": "gateway",
    "Deployment": "deployment",
    "CapacityClaim": "capacity claim",
}

GATEWAY: Final[dict[str, Any]] = {
    "id": GATEWAY_ID,
    "name": "edge",
    "zones": [ZONE],
    "core_weave_auth": {},
    "body_based_routing": {"api_type": "API_TYPE_OPENAI"},
}

CLAIM: Final[dict[str, Any]] = {
    "id": CLAIM_ID,
    "name": "reserved",
    "resources": {
        "instance_id": "gb200-4x",
        "instance_count": 3,
        "capacity_type": "CAPACITY_TYPE_MANAGED",
        "zones": [ZONE],
    },
}

# Every field set, none to its default.
DEPLOYMENT: Final[dict[str, Any]] = {
    "id": DEPLOYMENT_ID,
    "name": "llama",
    "gateway_ids": [GATEWAY_ID],
    "runtime": {
        "engine": "vllm",
        "version": "0.22.0+crwv.2",
        "engine_config": {"max-model-len": "8192", "seed": "1"},
        "engine_env": {"VLLM_USE_FLASHINFER_MOE_FP4": "0"},
    },
    "resources": {"instance_type": "gb200-4x", "gpu_count": 4},
    "model": {
        "name": "meta-llama/Llama-3.1-8B-Instruct",
        "bucket": "weights",
        "path": "raw/llama",
    },
    "autoscaling": {
        "min": 1,
        "max": 4,
        "priority": 1000,
        "capacity_classes": ["CAPACITY_CLASS_RESERVED", "CAPACITY_CLASS_ON_DEMAND"],
        "concurrency": 32,
    },
    "traffic": {"weight": 1000},
    "disabled": True,
}


def but(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the fields of a request with some replaced."""
    return {**base, **changes}


def gateway(status: str, *stamps: str, **changes: Any) -> dict[str, Any]:
    """Return a gateway as answered.

    Args:
        status: "CREATING", "UPDATING", "READY" or "DELETING".
        stamps: created_at, updated_at, then when ResourcesApplied and Ready changed last; one
            time may stand for both.
        changes: Fields of the spec that differ from `GATEWAY` (None: left out), `endpoints` of
            the status, and `zone` of the conditions.
    """
    return _resource("gateway", status, stamps, GATEWAY, changes)


def deployment(status: str, *stamps: str, **changes: Any) -> dict[str, Any]:
    """Return a deployment as answered; arguments as for `gateway`."""
    return _resource("deployment", status, stamps, DEPLOYMENT, changes)


def claim(status: str, *stamps: str, **changes: Any) -> dict[str, Any]:
    """Return a capacity claim as answered.

    Args:
        status: As for `gateway`.
        stamps: As for `gateway`.
        changes: As for `gateway`, and `allocated_instances` and `pending_instances`.
    """
    return _resource("capacity claim", status, stamps, CLAIM, changes)


# What stands in the status, not in the spec, of a resource.
_STATUS_FIELDS: Final = ("endpoints", "allocated_instances", "pending_instances")


def _resource(
    noun: str,
    status: str,
    stamps: tuple[str, ...],
    base: dict[str, Any],
    changes: dict[str, Any],
) -> dict[str, Any]:
    created, updated, *times = stamps
    zone = changes.pop("zone", ZONE)
    own_status = {name: changes.pop(name) for name in _STATUS_FIELDS if name in changes}
    fields = {**base, "organization_id": "<organization>", **changes}
    return {
        "spec": {name: value for name, value in fields.items() if value is not None},
        "status": {
            "created_at": created,
            "updated_at": updated,
            "status": f"STATUS_{status}",
            "conditions": _conditions(noun, status, times, zone),
            **own_status,
        },
    }


def _conditions(noun: str, status: str, times: list[str], zone: str) -> list[dict[str, str]]:
    applied_at, ready_at = times if len(times) == 2 else times * 2
    applied = ("TRUE", "AsExpected", "All resources were applied.")
    match status:
        case "CREATING" | "UPDATING":
            word = "created" if status == "CREATING" else "updated"
            ready = applied = ("FALSE", "Reconciling", f"The resource is being {word}.")
        case "DELETING":
            ready = ("FALSE", "Reconciling", f"The {noun} is being deleted.")
        case _ if noun == "capacity claim":
            ready = ("TRUE", "AllAllocated", "All instances allocated.")
        case _:
            ready = ("TRUE", "AsExpected", f"The {noun} is ready.")
    return [
        {
            "type": kind,
            "status": f"STATUS_{value}",
            "last_update_time": at,
            "reason": reason,
            "message": message,
            "zone": zone,
        }
        for kind, at, (value, reason, message) in (
            ("ResourcesApplied", applied_at, applied),
            ("Ready", ready_at, ready),
        )
    ]


def not_found(kind: str, resource_id: str) -> Failure:
    """Return NOT_FOUND for a resource; `kind` as in `NOUNS`."""
    text = f"{NOUNS[kind]} {resource_id!r} not found"
    return Failure("NOT_FOUND", text, (resource_info(kind, resource_id, text),))


def already_exists(kind: str, resource_id: str) -> Failure:
    """Return ALREADY_EXISTS for a resource; `kind` as in `NOUNS`."""
    text = f"{NOUNS[kind]} {resource_id!r} already exists"
    return Failure("ALREADY_EXISTS", text, (resource_info(kind, resource_id, text),))


def name_taken(kind: str, name: str) -> Failure:
    """Return ALREADY_EXISTS for a name, where names are unique; `kind` as in `NOUNS`."""
    text = f"a {NOUNS[kind]} named {name!r} already exists"
    return Failure("ALREADY_EXISTS", text, (resource_info(kind, name, text),))


def over_quota(kind: str, limit: int) -> Failure:
    """Return RESOURCE_EXHAUSTED for one resource too many; `kind` as in `NOUNS`."""
    text = f"organization '<organization>' may have {limit} of {NOUNS[kind]}"
    violation = {"subject": "organizations/<organization>", "description": text}
    return Failure(
        "RESOURCE_EXHAUSTED",
        text,
        ({"@type": "google.rpc.QuotaFailure", "violations": [violation]},),
    )


def being_deleted(kind: str, resource_id: str) -> Failure:
    """Return FAILED_PRECONDITION for a change of what is going; `kind` as in `NOUNS`."""
    text = f"{NOUNS[kind]} {resource_id!r} is being deleted"
    return Failure("FAILED_PRECONDITION", text, (precondition("BEING_DELETED", resource_id, text),))


def invalid(*violations: tuple[str, str]) -> Failure:
    """Return INVALID_ARGUMENT for rules that a request broke: pairs of field and description."""
    fields = [{"field": field, "description": text} for field, text in violations]
    return Failure(
        "INVALID_ARGUMENT",
        "; ".join(f"{field}: {text}" for field, text in violations),
        ({"@type": "google.rpc.BadRequest", "field_violations": fields},),
    )


def resource_info(kind: str, name: str, description: str) -> dict[str, str]:
    """Return a google.rpc.ResourceInfo as error details show it."""
    return {
        "@type": "google.rpc.ResourceInfo",
        "resource_type": f"coreweave.inference.v1alpha1.{kind}",
        "resource_name": name,
        "description": description,
    }


def precondition(kind: str, subject: str, description: str) -> dict[str, Any]:
    """Return a google.rpc.PreconditionFailure with one violation."""
    return {
        "@type": "google.rpc.PreconditionFailure",
        "violations": [{"type": kind, "subject": subject, "description": description}],
    }
