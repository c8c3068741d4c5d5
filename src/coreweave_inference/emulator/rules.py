"""Checks of requests: the contract's own rules, then what the parameters methods answer.

The contract's rules stand in the protos as buf.validate options and are evaluated by
protovalidate; nothing of them is repeated here. What follows them needs the catalog, and is
only asked of requests that keep the contract's rules. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from coreweave_inference.emulator.failures import Violation

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    from coreweave_inference.emulator.catalog import Catalog
    from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_pb2 import (
        CapacityClaimResources,
    )
    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import (
        DeploymentRuntime,
    )

__all__ = [
    "ContractValidator",
    "claim_violations",
    "contract_violations",
    "gateway_violations",
    "instance_type_violations",
    "runtime_violations",
    "timestamp_violations",
]

# google/protobuf/timestamp.proto: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
_MIN_SECONDS = -62_135_596_800
_MAX_SECONDS = 253_402_300_799
_MAX_NANOS = 999_999_999
_SHOWN = 8


class ContractValidator(Protocol):
    """The part of protovalidate's Validator that is used."""

    def collect_violations(self, message: Message, /) -> Sequence[Any]:
        """Return what breaks a rule."""
        ...


def contract_violations(validator: ContractValidator, request: Message) -> list[Violation]:
    """Return the contract's rules that a request breaks, in protovalidate's order and words."""
    return [
        Violation(_path(violation.proto.field), violation.proto.message)
        for violation in validator.collect_violations(request)
    ]


def _path(field: Any) -> str:  # noqa: ANN401 - buf.validate.FieldPath of protovalidate's own runtime
    """Return a field path as text: `a.b[2].c["key"]`."""
    if field is None:
        return ""
    parts: list[str] = []
    for element in field.elements:
        if parts:
            parts.append(".")
        parts.append(element.field_name)
        subscript = element.subscript
        if subscript is not None:
            value = subscript.value
            parts.append(f'["{value}"]' if isinstance(value, str) else f"[{value}]")
    return "".join(parts)


def timestamp_violations(field: str, stamp: Timestamp) -> list[Violation]:
    """Return what is wrong with a Timestamp that binary carried: it may hold any numbers."""
    if _MIN_SECONDS <= stamp.seconds <= _MAX_SECONDS and 0 <= stamp.nanos <= _MAX_NANOS:
        return []
    return [Violation(field, "must be a timestamp between years 1 and 9999")]


def gateway_violations(catalog: Catalog, zones: Sequence[str]) -> list[Violation]:
    """Return what is wrong with a gateway's zones."""
    return [
        Violation(f"zones[{index}]", _not_in("zone", zone, catalog.zones))
        for index, zone in enumerate(zones)
        if zone not in catalog.zone_instance_types
    ]


def runtime_violations(catalog: Catalog, runtime: DeploymentRuntime) -> list[Violation]:
    """Return what is wrong with a deployment's engine, version, config keys and env names."""
    engine = catalog.engines.get(runtime.engine)
    if engine is None:
        return [
            Violation("runtime.engine", _not_in("engine", runtime.engine, sorted(catalog.engines)))
        ]
    found: list[Violation] = []
    if runtime.version not in engine.versions:
        text = _not_in(f"version of {runtime.engine}", runtime.version, engine.versions)
        found.append(Violation("runtime.version", text))
    found += _key_violations(
        "runtime.engine_config", runtime.engine_config, "config key", engine.config_keys
    )
    found += _key_violations("runtime.engine_env", runtime.engine_env, "env name", engine.env_names)
    return found


def instance_type_violations(offered: Collection[str], instance_type: str) -> list[Violation]:
    """Return what is wrong with a deployment's instance type.

    Args:
        offered: What is valid on every one of its gateways.
        instance_type: The one that was asked for.
    """
    if instance_type in offered:
        return []
    text = _not_in("instance type on these gateways", instance_type, sorted(offered))
    return [Violation("resources.instance_type", text)]


def claim_violations(catalog: Catalog, resources: CapacityClaimResources) -> list[Violation]:
    """Return what is wrong with a claim's zones and instance; instances have no case."""
    found: list[Violation] = []
    offered: set[str] = set()
    for index, zone in enumerate(resources.zones):
        types = catalog.zone_instance_types.get(zone)
        if types is None:
            text = _not_in("zone", zone, catalog.zones)
            found.append(Violation(f"resources.zones[{index}]", text))
        else:
            offered.update(types)
    if not found and resources.instance_id.lower() not in offered:
        text = _not_in("instance type in these zones", resources.instance_id, sorted(offered))
        found.append(Violation("resources.instance_id", text))
    return found


def _key_violations(
    field: str, values: Mapping[str, str], noun: str, allowed: Sequence[str]
) -> list[Violation]:
    return [
        Violation(f'{field}["{key}"]', _not_in(noun, key, allowed))
        for key in sorted(values)
        if key not in allowed
    ]


def _not_in(noun: str, value: str, allowed: Sequence[str]) -> str:
    shown = ", ".join(allowed[:_SHOWN])
    more = f" and {len(allowed) - _SHOWN} more" if len(allowed) > _SHOWN else ""
    return f"{value!r} is no {noun}: expected one of {shown}{more}"
