# Generated from src/coreweave_inference/client/aio.py by scripts/unasync.py. DO NOT EDIT.
"""The clients of the CoreWeave Inference API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from coreweave_inference.client.aliases import ENUM_ALIASES
from coreweave_inference.client.settings import (
    DEFAULT_TIMEOUT_SECONDS,
    UNCHANGED,
    Unchanged,
    call_options,
    check_wire_options,
    credentials,
    refuse_beside_transport,
    resolve,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_triwire import (
    CapacityClaims,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    Deployments,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_triwire import (
    RETRY_THROTTLING,
    Gateways,
    GatewayServiceMethods,
)
from triwire._io import SystemClock
from triwire._typing import override
from triwire.auth import token_of
from triwire.call.sync import Caller
from triwire.dial.sync import dial
from triwire.interceptors import check_interceptors
from triwire.retry import RetryBudget
from triwire.spec import CallOptions
from triwire.tls import TlsOptions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from triwire._io import Clock
    from triwire.auth import TokenSource
    from triwire.interceptors import Interceptor
    from triwire.retry import HedgingPolicy, RetryPolicy
    from triwire.spec import MetadataInput
    from triwire.tls import Pem
    from triwire.transports.base import Transport
    from triwire.transports.options import ConnectionOptions, WireOptions

__all__ = ["InferenceClient"]


class InferenceClient:
    """Client of the CoreWeave Inference API over gRPC, Connect, gRPC-Web or REST.

    Making one does no I/O; the first call connects. It holds connections: close it, or use it
    in a `with` block. One client serves any number of concurrent calls.

    Args:
        endpoint: URL of the API with an optional path prefix. Without it the environment's
            COREWEAVE_API_ENDPOINT, then CW_BASE_URL, then https://api.coreweave.com.
        token: CoreWeave API access token, a `triwire.auth.TokenFile` that holds it, or a function
            that returns it (for the async client also a coroutine function). Without it the
            environment's COREWEAVE_API_TOKEN, then CW_API_TOKEN, then the file that
            COREWEAVE_API_TOKEN_FILE names.
        transport: "connect", "grpc", "grpc-web", "rest", or "auto" for the first of connect, grpc
            and rest that the network lets through; or a transport object such as the memory wire
            of `triwire.testing`, which the client then owns. Without it the environment's
            TRIWIRE_TRANSPORT, then "connect".
        wire: Compression and size limits of the wire, a `WireOptions`; by default nothing is
            compressed or limited.
        connections: How long connections are kept, a `ConnectionOptions`.
        ca_certificates: Certificate authorities to trust instead of the system's: PEM bytes,
            or the path of a PEM file.
        client_certificate: The certificate, with its chain, that shows a server who this client
            is: PEM bytes or a path, `client_key` likewise. Files that change are read again and
            used for new connections, without a restart.
        client_key: The private key of `client_certificate`, not encrypted.
        timeout_seconds: Time for each call, all its attempts, the waits between them and
            connecting included; None for no limit.
        attempt_timeout_seconds: Limit for each attempt; None for what is left of the call.
        retry: How failed attempts are tried again: "method" for the policy that is made for
            each method of the API, a `RetryPolicy` for all methods, None for not at all.
        hedging: How methods without side effects (get, list, parameters) are called several times
            at once in place of retries: "method" for the methods that the API's service config
            hedges, which are none, a `HedgingPolicy`, None for not at all.
        headers: Metadata to send with every call.
        interceptors: Functions that run around every call; see `triwire.interceptors`. The first
            is the outermost.
        wait_for_ready: Whether calls wait for a connection until their timeout, in place of
            failing at once where there is none.
        user_agent: Product token to put first in the User-Agent, such as "my-service/1.2".
        allow_token_over_plaintext: Send the token to an http endpoint that is not this machine.
        clock: Time for waiting; tests pass a manual one.

    Attributes:
        gateways: Inference gateways.
        deployments: Model deployments.
        capacity_claims: Capacity claims.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: unknown transport, malformed endpoint, missing token, unreadable
            certificates. All of it before any I/O on the network.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        token: TokenSource | None = None,
        transport: str | Transport | None = None,
        wire: WireOptions | None = None,
        connections: ConnectionOptions | None = None,
        ca_certificates: Pem | None = None,
        client_certificate: Pem | None = None,
        client_key: Pem | None = None,
        timeout_seconds: float | None = DEFAULT_TIMEOUT_SECONDS,
        attempt_timeout_seconds: float | None = None,
        retry: RetryPolicy | Literal["method"] | None = "method",
        hedging: HedgingPolicy | Literal["method"] | None = "method",
        headers: MetadataInput = (),
        interceptors: Iterable[Interceptor] = (),
        wait_for_ready: bool = False,
        user_agent: str | None = None,
        allow_token_over_plaintext: bool = False,
        clock: Clock | None = None,
    ) -> None:
        options = call_options(
            CallOptions(),
            timeout_seconds=timeout_seconds,
            attempt_timeout_seconds=attempt_timeout_seconds,
            retry=retry,
            hedging=hedging,
            headers=headers,
            wait_for_ready=wait_for_ready,
        )
        check_wire_options(wire, connections)
        clock = clock if clock is not None else SystemClock()
        if transport is None or isinstance(transport, str):
            settings = resolve(
                endpoint,
                token=token_of(token),
                transport=transport,
                tls=TlsOptions.load(
                    ca_certificates, client_certificate=client_certificate, client_key=client_key
                ),
                user_agent=user_agent,
                allow_token_over_plaintext=allow_token_over_plaintext,
            )
            authorization, tokens = settings.headers, settings.tokens
            self._where = settings.endpoint.url
            carrier = dial(
                settings.wire,
                settings.endpoint,
                tls=settings.tls,
                proxy=settings.proxy,
                user_agent=settings.user_agent,
                enum_aliases=ENUM_ALIASES,
                options=wire,
                connections=connections,
                probe=GatewayServiceMethods.GET_GATEWAY_PARAMETERS,
                now=clock.monotonic_seconds,
            )
        else:
            refuse_beside_transport(
                endpoint=endpoint,
                ca_certificates=ca_certificates,
                client_certificate=client_certificate,
                client_key=client_key,
                wire=wire,
                connections=connections,
            )
            authorization, tokens = credentials(token_of(token), required=False)
            self._where = "in memory" if transport.wire == "memory" else "a given transport"
            carrier = transport
        caller = Caller(
            carrier,
            options=options,
            headers=authorization,
            tokens=tokens,
            interceptors=check_interceptors(interceptors),
            clock=clock,
            budget=RetryBudget(RETRY_THROTTLING),
            server=self._where,
        )
        self._use(caller)

    def _use(self, caller: Caller) -> None:
        self._caller = caller
        self.gateways = Gateways(caller)
        self.deployments = Deployments(caller)
        self.capacity_claims = CapacityClaims(caller)

    @property
    def transport(self) -> str:
        """Name of the wire that carries the calls."""
        return self._caller.transport.wire

    def with_options(
        self,
        *,
        timeout_seconds: float | Unchanged | None = UNCHANGED,
        attempt_timeout_seconds: float | Unchanged | None = UNCHANGED,
        retry: RetryPolicy | Literal["method"] | Unchanged | None = UNCHANGED,
        hedging: HedgingPolicy | Literal["method"] | Unchanged | None = UNCHANGED,
        headers: MetadataInput | Unchanged = UNCHANGED,
        wait_for_ready: bool | Unchanged = UNCHANGED,
    ) -> Self:
        """Return a view of this client whose calls have other settings.

        The view shares the connections: closing either closes both.

        Args:
            timeout_seconds: Time for each call; None for no limit.
            attempt_timeout_seconds: Limit for each attempt; None for none of its own.
            retry: As for the client.
            hedging: As for the client.
            headers: Metadata for every call, instead of this client's.
            wait_for_ready: As for the client.

        Raises:
            TypeError: an argument of the wrong type.
            ValueError: a timeout that is not above zero, a header that some wire cannot carry.
        """
        options = call_options(
            self._caller.options,
            timeout_seconds=timeout_seconds,
            attempt_timeout_seconds=attempt_timeout_seconds,
            retry=retry,
            hedging=hedging,
            headers=headers,
            wait_for_ready=wait_for_ready,
        )
        view = object.__new__(type(self))
        view._where = self._where
        view._use(self._caller.with_options(options))
        return view

    def close(self) -> None:
        """Close the connections. Calls made afterwards raise ValueError. Idempotent."""
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._where} transport={self.transport!r}>"
