"""What a client is made of, from its arguments and the environment. No network I/O."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_triwire import (
    CapacityClaimServiceMethods,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    DeploymentServiceMethods,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_triwire import (
    GatewayServiceMethods,
)
from triwire._typing import override
from triwire.auth import TokenFile, bearer_header
from triwire.config import Endpoint, first_set, proxy_for
from triwire.dial.wires import check_wire
from triwire.retry import HedgingPolicy
from triwire.transports.metadata import check_metadata
from triwire.transports.options import ConnectionOptions, WireOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triwire.auth import Tokens
    from triwire.config import Proxy
    from triwire.retry import RetryPolicy
    from triwire.spec import CallOptions, MetadataInput, Pairs
    from triwire.tls import TlsOptions

__all__ = [
    "DEFAULT_ENDPOINT",
    "DEFAULT_TIMEOUT_SECONDS",
    "DEFAULT_TRANSPORT",
    "UNCHANGED",
    "Settings",
    "Unchanged",
    "call_options",
    "check_wire_options",
    "credentials",
    "refuse_beside_transport",
    "resolve",
]

# https://docs.coreweave.com, Inference API overview: "available at api.coreweave.com".
DEFAULT_ENDPOINT: Final = "https://api.coreweave.com"
# Ours: the API publishes no limit. Long enough for a List of thousands on a slow link, short
# enough that a hung connection is noticed.
DEFAULT_TIMEOUT_SECONDS: Final = 60.0
# The fastest wire measured that also passes HTTP/1.1 proxies (bench/).
DEFAULT_TRANSPORT: Final = "connect"

ENDPOINT_VARIABLES: Final = ("COREWEAVE_API_ENDPOINT", "CW_BASE_URL")
TOKEN_VARIABLES: Final = ("COREWEAVE_API_TOKEN", "CW_API_TOKEN")
_METHODS: Final = (
    *GatewayServiceMethods.ALL,
    *DeploymentServiceMethods.ALL,
    *CapacityClaimServiceMethods.ALL,
)

TOKEN_FILE_VARIABLES: Final = ("COREWEAVE_API_TOKEN_FILE",)
TRANSPORT_VARIABLES: Final = ("TRIWIRE_TRANSPORT",)


class Unchanged:
    """The type of `UNCHANGED`."""

    @override
    def __repr__(self) -> str:
        return "UNCHANGED"


#: Stands for an option that keeps its value, where None means something else.
UNCHANGED: Final = Unchanged()


@dataclass(frozen=True, slots=True)
class Settings:
    """Where and how a client connects.

    Attributes:
        endpoint: The server.
        wire: Name of the wire.
        tls: How the server is trusted.
        proxy: What stands between, or None.
        headers: Authorization, ready to send. Never shown.
        tokens: The token instead, if it changes.
        user_agent: Value of the User-Agent header.
    """

    endpoint: Endpoint
    wire: str
    tls: TlsOptions
    proxy: Proxy | None
    headers: Pairs = field(repr=False)
    tokens: Tokens | None
    user_agent: str


def resolve(
    endpoint: str | None,
    *,
    token: str | Tokens | None,
    transport: str | None,
    tls: TlsOptions,
    user_agent: str | None,
    allow_token_over_plaintext: bool,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Join arguments and environment; arguments win.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: unknown transport, malformed endpoint or proxy, missing or malformed token, or a
            token that would cross the network unencrypted.
    """
    wire = check_wire(transport or first_set(TRANSPORT_VARIABLES, environ) or DEFAULT_TRANSPORT)
    if endpoint is None:
        endpoint = first_set(ENDPOINT_VARIABLES, environ) or DEFAULT_ENDPOINT
    parsed = Endpoint.parse(endpoint)
    headers, tokens = credentials(token, environ=environ, required=True)
    if parsed.scheme == "http" and not parsed.is_loopback and not allow_token_over_plaintext:
        message = (
            f"refusing to send the token unencrypted to {parsed.authority}: use https, or pass "
            "allow_token_over_plaintext=True if the network is yours"
        )
        raise ValueError(message)
    return Settings(
        endpoint=parsed,
        wire=wire,
        tls=tls,
        proxy=proxy_for(parsed, environ),
        headers=headers,
        tokens=tokens,
        user_agent=_user_agent(user_agent),
    )


def check_wire_options(wire: object, connections: object) -> None:
    """Refuse what are no options of a wire and its connections.

    Raises:
        TypeError: an argument is neither None nor of its type.
    """
    for name, given, kind in (
        ("wire", wire, WireOptions),
        ("connections", connections, ConnectionOptions),
    ):
        if given is not None and not isinstance(given, kind):
            message = f"{name} must be a {kind.__name__}, got {type(given).__name__}"
            raise TypeError(message)


def refuse_beside_transport(**arguments: object) -> None:
    """Refuse what says how to connect beside a transport object, which knows that itself.

    Raises:
        TypeError: one of the arguments is not None.
    """
    given = [name for name, value in arguments.items() if value is not None]
    if given:
        message = f"{' and '.join(given)}: belongs to a transport named by a string"
        raise TypeError(message)


def credentials(
    token: str | Tokens | None, *, required: bool, environ: Mapping[str, str] | None = None
) -> tuple[Pairs, Tokens | None]:
    """Return the authorization header from the argument or the environment, or what makes it.

    Raises:
        TypeError: the token is no str.
        ValueError: it is malformed, or missing although required.
    """
    if token is None and required:
        token = first_set(TOKEN_VARIABLES, environ)
        path = first_set(TOKEN_FILE_VARIABLES, environ)
        if token is None and path is not None:
            token = TokenFile(path)
        if token is None:
            names = " or ".join((*TOKEN_VARIABLES, *TOKEN_FILE_VARIABLES))
            message = f"no token: pass token= or set {names} to a CoreWeave API access token"
            raise ValueError(message)
    if token is None:
        return (), None
    if isinstance(token, str):
        return (bearer_header(token),), None
    return (), token


def call_options(
    base: CallOptions,
    *,
    timeout_seconds: float | Unchanged | None = UNCHANGED,
    attempt_timeout_seconds: float | Unchanged | None = UNCHANGED,
    retry: RetryPolicy | Literal["method"] | Unchanged | None = UNCHANGED,
    headers: MetadataInput | Unchanged = UNCHANGED,
    wait_for_ready: bool | Unchanged = UNCHANGED,
    hedging: HedgingPolicy | Literal["method"] | Unchanged | None = UNCHANGED,
) -> CallOptions:
    """Return `base` with what is given replaced.

    Raises:
        TypeError: a timeout that is no number, a policy or header of the wrong type.
        ValueError: a timeout that is not above zero, a header that some wire cannot carry,
            hedging beside a policy for retries or for a method that cannot be hedged.
    """
    changes: dict[str, Any] = {}
    for name, seconds in (
        ("timeout_seconds", timeout_seconds),
        ("attempt_timeout_seconds", attempt_timeout_seconds),
    ):
        if not isinstance(seconds, Unchanged):
            _check_above_zero(name, seconds)
            changes[name] = seconds
    if not isinstance(retry, Unchanged):
        changes["retry"] = retry
    if not isinstance(headers, Unchanged):
        changes["headers"] = check_metadata(headers)
    if not isinstance(wait_for_ready, Unchanged):
        changes["wait_for_ready"] = wait_for_ready
    if not isinstance(hedging, Unchanged):
        changes["hedging"] = hedging
    changed = replace(base, **changes)
    if isinstance(changed.hedging, HedgingPolicy):
        _check_hedged(changed.hedging.methods or frozenset())
    return changed


def _check_hedged(named: frozenset[str]) -> None:
    allowed = {method.name for method in _METHODS if method.is_hedgeable}
    refused = sorted(named - allowed)
    if refused:
        message = (
            f"hedging: {', '.join(refused)} cannot be hedged: expected some of the methods "
            f"without side effects, {', '.join(sorted(allowed))}"
        )
        raise ValueError(message)


def _check_above_zero(name: str, seconds: float | None) -> None:
    # Of another type it is for CallOptions to refuse.
    if isinstance(seconds, (int, float)) and not 0 < seconds < float("inf"):
        message = f"{name} must be above 0 and finite, got {seconds!r}"
        raise ValueError(message)


def _user_agent(own: str | None) -> str:
    from triwire._version import VERSION

    python = ".".join(map(str, sys.version_info[:3]))
    product = f"triwire/{VERSION} python/{python}"
    if own is None:
        return product
    # RFC 9110 section 10.1.5; the same check as for any other header value.
    check_metadata({"x-user-agent": own})
    return f"{own} {product}"
