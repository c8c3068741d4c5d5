"""Lets reading calls through and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from triwire.interceptors import Call, Interception

__all__ = ["READS", "WritingCallError", "reads_only"]

_PACKAGE: Final = "coreweave.inference.v1alpha1"

# Written out rather than made of a rule: a method that is new is refused until somebody adds it.
READS: Final = frozenset(
    {
        f"/{_PACKAGE}.GatewayService/ListGateways",
        f"/{_PACKAGE}.GatewayService/GetGateway",
        f"/{_PACKAGE}.GatewayService/GetGatewayParameters",
        f"/{_PACKAGE}.DeploymentService/ListDeployments",
        f"/{_PACKAGE}.DeploymentService/GetDeployment",
        f"/{_PACKAGE}.DeploymentService/GetDeploymentParameters",
        f"/{_PACKAGE}.CapacityClaimService/ListCapacityClaims",
        f"/{_PACKAGE}.CapacityClaimService/GetCapacityClaim",
        f"/{_PACKAGE}.CapacityClaimService/GetCapacityClaimParameters",
    }
)


class WritingCallError(AssertionError):
    """A call that could change something was about to be made."""


def reads_only(call: Call) -> Interception:
    """Refuse every method that is not known to read, before anything is sent.

    Raises:
        WritingCallError: The method is not one of `READS`.
    """
    if call.method.path not in READS:
        raise WritingCallError(f"{call.method.path} is not one of the methods that only read")
    return (yield call)
