"""The emulator as service objects, for any wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coreweave_inference.emulator.calls import Emulator
from coreweave_inference.emulator.claims import CapacityClaims
from coreweave_inference.emulator.deployments import Deployments
from coreweave_inference.emulator.gateways import Gateways

if TYPE_CHECKING:
    from triwire.server.service import Service

__all__ = ["Emulator", "emulator_services"]


def emulator_services(emulator: Emulator) -> list[Service]:
    """Return the three services of an emulator."""
    from importlib import import_module

    from google.api import annotations_pb2

    from triwire.server.service import MethodHandler, Service
    from triwire.spec import HttpRule, MethodSpec

    found = []
    for name, file, servant in (
        ("GatewayService", "gateway", Gateways(emulator)),
        ("DeploymentService", "deployment", Deployments(emulator)),
        ("CapacityClaimService", "capacity_claim", CapacityClaims(emulator)),
    ):
        module = import_module(f"coreweave_inference_gen.coreweave.inference.v1alpha1.{file}_pb2")
        descriptor = module.DESCRIPTOR.services_by_name[name]
        handlers = []
        for method in descriptor.methods:
            options = method.GetOptions()
            options = type(options).FromString(options.SerializeToString())
            rule = options.Extensions[annotations_pb2.http]
            verb = rule.WhichOneof("pattern")
            spec = MethodSpec(
                descriptor.full_name,
                method.name,
                getattr(module, method.input_type.name),
                getattr(module, method.output_type.name),
                http=HttpRule(verb.upper(), getattr(rule, verb), rule.body),
            )
            snake = "".join("_" + c.lower() if c.isupper() else c for c in method.name)[1:]
            handlers.append(MethodHandler(spec, getattr(servant, snake)))
        found.append(Service(descriptor.full_name, tuple(handlers)))
    return found
