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
from triwire.plugin.model import Streaming

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from triwire.plugin.model import Api, Method, Service

__all__ = [
    "RETRYABLE",
    "Hedging",
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
    "hedgingPolicy",
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
_HEDGING_KEYS: Final = ("maxAttempts", "hedgingDelay", "nonFatalStatusCodes")
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
class Hedging:
    """How a method is hedged; attributes as the runtime's HedgingPolicy has them."""

    max_attempts: int
    delay_seconds: float
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
            ("", "") for all services. None turns retries and hedging off there.
        throttling: The budget, or None for the runtime's own.
        where: The file, for error texts.
    """

    policies: Mapping[tuple[str, str], Policy | Hedging | None] = field(
        default_factory=dict[tuple[str, str], "Policy | Hedging | None"]
    )
    throttling: Throttling | None = None
    where: str = ""

    def policy(self, service: str, method: str) -> Policy | Hedging | None:
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
    policies: dict[tuple[str, str], Policy | Hedging | None] = {}
    for at, entry in enumerate(_list(root.get("methodConfig", []), f"{where}: methodConfig")):
        here = f"{where}: methodConfig[{at}]"
        config = _object(entry, _METHOD_KEYS, here)
        policy = _policy_of(config, here)
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


def _policy_of(config: dict[str, Any], where: str) -> Policy | Hedging | None:
    if "retryPolicy" in config and "hedgingPolicy" in config:
        # gRPC A6, "Hedging Policy": at most one of the two.
        raise PluginError(f"{where}: expected retryPolicy or hedgingPolicy, got both")
    if "retryPolicy" in config:
        return _policy(config["retryPolicy"], f"{where}.retryPolicy")
    if "hedgingPolicy" in config:
        return _hedging(config["hedgingPolicy"], f"{where}.hedgingPolicy")
    return None


def check_methods(config: ServiceConfig, api: Api) -> None:
    """Refuse names that nothing in the run has: retries that are never made.

    Services of packages for which nothing is generated are let through: one file may configure
    several APIs.

    Raises:
        PluginError: An unknown service of a package of the run, an unknown method, or hedging of
            a method that has side effects or streams.
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
    for target in api.targets:
        for generated in api.files[target].services:
            _check_hedged(config, generated)


def _check_hedged(config: ServiceConfig, service: Service) -> None:
    refused = [
        method.name
        for method in service.methods
        if isinstance(config.policy(service.full_name, method.name), Hedging)
        and not _is_hedgeable(method)
    ]
    if refused:
        allowed = _listed(method.name for method in service.methods if _is_hedgeable(method))
        raise PluginError(
            f"{config.where}: hedgingPolicy for {_listed(refused)} of {service.full_name}: "
            "expected unary methods without side effects (idempotency_level = NO_SIDE_EFFECTS, or "
            f"HTTP GET), here {allowed or 'none'}; give the others an entry of their own"
        )


def _is_hedgeable(method: Method) -> bool:
    """Whether a method may be called several times at once; as the runtime's MethodSpec says."""
    is_get = method.http is not None and method.http.verb == "GET"
    is_unary = method.streaming is Streaming.UNARY
    return is_unary and (is_get or method.idempotency == "NO_SIDE_EFFECTS")


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
    initial = _seconds(policy["initialBackoff"], f"{where}.initialBackoff")
    highest = _seconds(policy["maxBackoff"], f"{where}.maxBackoff")
    if highest < initial:
        raise PluginError(
            f"{where}: maxBackoff {policy['maxBackoff']} is below initialBackoff "
            f"{policy['initialBackoff']}"
        )
    return Policy(
        max_attempts=_attempts(policy["maxAttempts"], f"{where}.maxAttempts"),
        initial_backoff_seconds=initial,
        max_backoff_seconds=highest,
        backoff_multiplier=_above_zero(policy["backoffMultiplier"], f"{where}.backoffMultiplier"),
        codes=_codes(policy["retryableStatusCodes"], f"{where}.retryableStatusCodes"),
    )


def _hedging(value: object, where: str) -> Hedging:
    hedging = _object(value, _HEDGING_KEYS, where)
    if "maxAttempts" not in hedging:
        raise PluginError(f"{where}: missing maxAttempts")
    delay = hedging.get("hedgingDelay", "0s")
    codes = hedging.get("nonFatalStatusCodes", [])
    return Hedging(
        max_attempts=_attempts(hedging["maxAttempts"], f"{where}.maxAttempts"),
        # gRPC A6: without a delay all are sent at once.
        delay_seconds=0.0 if delay == "0s" else _seconds(delay, f"{where}.hedgingDelay"),
        codes=_codes(codes, f"{where}.nonFatalStatusCodes", may_be_empty=True),
    )


def _attempts(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 2:  # noqa: PLR2004 - one attempt and one more
        raise PluginError(f"{where}: expected a whole number from 2, got {value!r}")
    return min(value, _MOST_ATTEMPTS)


def _codes(value: object, where: str, *, may_be_empty: bool = False) -> tuple[str, ...]:
    codes = _list(value, where)
    allowed = ", ".join(RETRYABLE)
    if not (codes or may_be_empty):
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
