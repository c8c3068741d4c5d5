"""Retry settings out of a gRPC service config file.

The format is grpc/grpc-proto's service_config.proto in JSON, as gRPC A6 describes its fields.
Only what is about retries is used; the rest of the format (timeouts, message sizes, load
balancing) is let through unread, so that a file made for gRPC serves here as well. A key that
the format does not have is refused: it is a retry setting that somebody misspelt.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from triwire.plugin.failure import PluginError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from triwire.plugin.model import Api, Service

__all__ = [
    "RETRYABLE",
    "Policy",
    "ServiceConfig",
    "Throttling",
    "check_methods",
    "parse_service_config",
]

# AIP-194 forbids to retry the others by themselves. The runtime's NEVER_RETRIED says the same.
RETRYABLE: Final = ("ABORTED", "INTERNAL", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "UNKNOWN")

# gRPC A6, "Validation of retryPolicy": more are treated as 5. "maxTokens": at most 1000.
_MOST_ATTEMPTS: Final = 5
_MOST_TOKENS: Final = 1000
_DURATION: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)s")

_CONFIG_KEYS: Final = (
    "methodConfig",
    "retryThrottling",
    "loadBalancingPolicy",
    "loadBalancingConfig",
    "healthCheckConfig",
)
_METHOD_KEYS: Final = (
    "name",
    "retryPolicy",
    "timeout",
    "waitForReady",
    "maxRequestMessageBytes",
    "maxResponseMessageBytes",
)
_NAME_KEYS: Final = ("service", "method")
_POLICY_KEYS: Final = (
    "maxAttempts",
    "initialBackoff",
    "maxBackoff",
    "backoffMultiplier",
    "retryableStatusCodes",
)
_THROTTLING_KEYS: Final = ("maxTokens", "tokenRatio")


@dataclass(frozen=True, slots=True)
class Policy:
    """How a method is retried; attributes as the runtime's RetryPolicy has them."""

    max_attempts: int
    initial_backoff_seconds: float
    max_backoff_seconds: float
    backoff_multiplier: float
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Throttling:
    """The retry budget; attributes as the runtime's RetryThrottling has them."""

    max_tokens: int
    token_ratio: float


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """What a file says about retries.

    Attributes:
        policies: By (service, method); ("service", "") is for all methods of a service,
            ("", "") for all services. None turns retries off there.
        throttling: The budget, or None for the runtime's own.
        where: The file, for error texts.
    """

    policies: Mapping[tuple[str, str], Policy | None] = field(
        default_factory=dict[tuple[str, str], "Policy | None"]
    )
    throttling: Throttling | None = None
    where: str = ""

    def policy(self, service: str, method: str) -> Policy | None:
        """Return the policy of a method: the entry that names it most closely decides alone."""
        for key in ((service, method), (service, ""), ("", "")):
            if key in self.policies:
                return self.policies[key]
        return None


def parse_service_config(text: str, *, where: str) -> ServiceConfig:
    """Read a service config.

    Args:
        text: The file's JSON.
        where: Its name, for error texts.

    Raises:
        PluginError: No such JSON, or values that contradict each other or cannot be followed.
    """
    try:
        parsed: object = json.loads(text)
    except ValueError as error:
        raise PluginError(f"{where}: expected a gRPC service config in JSON: {error}") from error
    root = _object(parsed, _CONFIG_KEYS, where)
    policies: dict[tuple[str, str], Policy | None] = {}
    for at, entry in enumerate(_list(root.get("methodConfig", []), f"{where}: methodConfig")):
        here = f"{where}: methodConfig[{at}]"
        _refuse_hedging(entry, here)
        config = _object(entry, _METHOD_KEYS, here)
        policy = None
        if "retryPolicy" in config:
            policy = _policy(config["retryPolicy"], f"{here}.retryPolicy")
        for name in _list(config.get("name", []), f"{here}.name"):
            key = _name(name, f"{here}.name")
            if key in policies:
                shown = "/".join(filter(None, key)) or "the default {}"
                raise PluginError(f"{here}.name: {shown} is named twice")
            policies[key] = policy
    throttling = None
    if "retryThrottling" in root:
        throttling = _throttling(root["retryThrottling"], f"{where}: retryThrottling")
    return ServiceConfig(policies, throttling, where)


def _refuse_hedging(entry: object, where: str) -> None:
    if isinstance(entry, dict) and "hedgingPolicy" in entry:
        raise PluginError(f"{where}: hedgingPolicy is not supported: use retryPolicy")


def check_methods(config: ServiceConfig, api: Api) -> None:
    """Refuse names that nothing in the run has: retries that are never made.

    Services of packages for which nothing is generated are let through: one file may configure
    several APIs.

    Raises:
        PluginError: An unknown service of a package of the run, or an unknown method.
    """
    services = {
        service.full_name: service for file in api.files.values() for service in file.services
    }
    packages = {api.files[target].package for target in api.targets}
    for service, method in config.policies:
        found = services.get(service)
        if found is not None:
            _check_method(config.where, found, method)
        elif service and service.rpartition(".")[0] in packages:
            known = _listed(name for name in services if name.rpartition(".")[0] in packages)
            raise PluginError(f"{config.where}: unknown service {service}: expected {known}")


def _check_method(where: str, service: Service, name: str) -> None:
    names = [method.name for method in service.methods]
    if name and name not in names:
        raise PluginError(
            f"{where}: unknown method {service.full_name}/{name}: expected one of {_listed(names)}"
        )


def _name(value: object, where: str) -> tuple[str, str]:
    name = _object(value, _NAME_KEYS, where)
    service, method = name.get("service", ""), name.get("method", "")
    if not isinstance(service, str) or not isinstance(method, str):
        raise PluginError(f"{where}: expected strings, got {name!r}")
    if method and not service:
        raise PluginError(f"{where}: method {method!r} without a service")
    return service, method


def _policy(value: object, where: str) -> Policy:
    policy = _object(value, _POLICY_KEYS, where)
    missing = [key for key in _POLICY_KEYS if key not in policy]
    if missing:
        raise PluginError(f"{where}: missing {', '.join(missing)}")
    attempts = policy["maxAttempts"]
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 2:  # noqa: PLR2004 - one attempt and one more
        raise PluginError(f"{where}.maxAttempts: expected a whole number from 2, got {attempts!r}")
    initial = _seconds(policy["initialBackoff"], f"{where}.initialBackoff")
    highest = _seconds(policy["maxBackoff"], f"{where}.maxBackoff")
    if highest < initial:
        raise PluginError(
            f"{where}: maxBackoff {policy['maxBackoff']} is below initialBackoff "
            f"{policy['initialBackoff']}"
        )
    return Policy(
        max_attempts=min(attempts, _MOST_ATTEMPTS),
        initial_backoff_seconds=initial,
        max_backoff_seconds=highest,
        backoff_multiplier=_above_zero(policy["backoffMultiplier"], f"{where}.backoffMultiplier"),
        codes=_codes(policy["retryableStatusCodes"], f"{where}.retryableStatusCodes"),
    )


def _codes(value: object, where: str) -> tuple[str, ...]:
    codes = _list(value, where)
    allowed = ", ".join(RETRYABLE)
    if not codes:
        raise PluginError(f"{where}: expected some of {allowed}, got none")
    for code in codes:
        # gRPC also takes names in lower case and numbers; one spelling is enough to read.
        if code not in RETRYABLE:
            raise PluginError(
                f"{where}: {code!r} is no code that may be retried (AIP-194): allowed are {allowed}"
            )
    return tuple(code for code in RETRYABLE if code in codes)


def _throttling(value: object, where: str) -> Throttling:
    throttling = _object(value, _THROTTLING_KEYS, where)
    missing = [key for key in _THROTTLING_KEYS if key not in throttling]
    if missing:
        raise PluginError(f"{where}: missing {', '.join(missing)}")
    tokens = throttling["maxTokens"]
    if isinstance(tokens, bool) or not isinstance(tokens, int) or not 0 < tokens <= _MOST_TOKENS:
        raise PluginError(
            f"{where}.maxTokens: expected a whole number from 1 to {_MOST_TOKENS}, got {tokens!r}"
        )
    return Throttling(tokens, _above_zero(throttling["tokenRatio"], f"{where}.tokenRatio"))


def _seconds(value: object, where: str) -> float:
    """Return a google.protobuf.Duration in JSON as seconds."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    seconds = float(found.group(1)) if found is not None else 0.0
    if seconds <= 0:
        raise PluginError(f'{where}: expected a duration above 0 such as "0.2s", got {value!r}')
    return seconds


def _above_zero(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PluginError(f"{where}: expected a number above 0, got {value!r}")
    if not (value > 0 and math.isfinite(value)):
        raise PluginError(f"{where}: expected a number above 0, got {value!r}")
    return float(value)


def _object(value: object, allowed: Collection[str], where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PluginError(f"{where}: expected an object, got {type(value).__name__}")
    found = cast("dict[str, Any]", value)
    for key in found:
        if key not in allowed:
            raise PluginError(f"{where}: unknown key {key!r}: allowed are {', '.join(allowed)}")
    return found


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise PluginError(f"{where}: expected a list, got {type(value).__name__}")
    items: list[Any] = cast("Any", value)
    return items


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
