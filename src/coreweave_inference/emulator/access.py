"""Who calls: tokens, organizations, roles. Pure, but for the making of random tokens."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from triwire.spec import Metadata

__all__ = [
    "DEVELOPMENT_ORGANIZATION",
    "Access",
    "Principal",
    "Role",
    "development_tokens",
    "new_token",
]

DEVELOPMENT_ORGANIZATION: Final = "cw0001"
"""Owner of everything that the development tokens create; it outlives them in a database file."""

# The rule valid_organization_id of the contract's validation.proto.
_ORGANIZATION: Final = re.compile(
    r"(cw[a-f0-9]{4}|(s|q)[a-f0-9]{5}|poc[a-f0-9]{3}|[a-f0-9]{6})", re.ASCII
)
# RFC 6750 section 2.1, b64token.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_FIELDS_PER_LINE: Final = 3


class Role(Enum):
    """What a token's user may do.

    The sources name two roles, Inference Viewer and Inference Admin. NONE is a valid token
    whose user holds neither.
    """

    ADMIN = "admin"
    VIEWER = "viewer"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    organization: str
    role: Role


@dataclass(frozen=True, slots=True)
class Access:
    """The known tokens."""

    principals: dict[str, Principal]

    @classmethod
    def parse(cls, text: str) -> Access:
        """Read a tokens file: one `TOKEN ORGANIZATION ROLE` a line; blank lines and `#` lines
        are skipped.

        Raises:
            ValueError: a line is malformed; the message has its number, never a token.
        """  # noqa: D205 - the format belongs into the first sentence
        principals: dict[str, Principal] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            fields = line.split()
            if not fields or fields[0].startswith("#"):
                continue
            if len(fields) != _FIELDS_PER_LINE:
                raise ValueError(
                    f"line {number}: expected 'TOKEN ORGANIZATION ROLE', got {len(fields)} words"
                )
            token, organization, role = fields
            if not _TOKEN.fullmatch(token):
                raise ValueError(
                    f"line {number}: the token must be letters, digits and any of ._~+/- only"
                )
            if token in principals:
                raise ValueError(f"line {number}: this token stands on an earlier line")
            if not _ORGANIZATION.fullmatch(organization):
                raise ValueError(
                    f"line {number}: {organization!r} is no organization ID such as 'cw4637'"
                )
            try:
                principals[token] = Principal(organization, Role(role.lower()))
            except ValueError:
                names = ", ".join(known.value for known in Role)
                raise ValueError(
                    f"line {number}: unknown role {role!r}: expected one of {names}"
                ) from None
        if not principals:
            raise ValueError("no token: expected a line 'TOKEN ORGANIZATION ROLE'")
        return cls(principals)

    def authenticate(self, headers: Metadata) -> Principal:
        """Return who sent a request, the same on every wire.

        Raises:
            RpcError: UNAUTHENTICATED.
        """
        values = headers.getall("authorization")
        if len(values) != 1 or not isinstance(values[0], str):
            raise _unauthenticated(
                "no access token: send 'authorization: Bearer <token>'"
                if not values
                else f"expected one authorization header, got {len(values)}"
            )
        scheme, _, token = values[0].partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthenticated("expected 'authorization: Bearer <token>', got another scheme")
        principal = self.principals.get(token.strip())
        if principal is None:
            raise _unauthenticated("unknown access token")
        return principal

    def authorize(self, headers: Metadata, *, write: bool) -> Principal:
        """Return who sent a request, if they may make it.

        Args:
            headers: The request's metadata.
            write: Whether the method changes anything: that takes an Admin, reading a Viewer.

        Raises:
            RpcError: UNAUTHENTICATED or PERMISSION_DENIED.
        """
        principal = self.authenticate(headers)
        allowed = (Role.ADMIN,) if write else (Role.ADMIN, Role.VIEWER)
        if principal.role not in allowed:
            wanted = "Inference Admin" if write else "Inference Viewer or Inference Admin"
            raise RpcError(
                Code.PERMISSION_DENIED,
                f"the token's user lacks the role {wanted}",
                from_server=True,
            )
        return principal


def _unauthenticated(message: str) -> RpcError:
    return RpcError(Code.UNAUTHENTICATED, message, from_server=True)


def new_token() -> str:
    """Return a fresh random token in the form of CoreWeave's."""
    return f"CW-SECRET-{secrets.token_urlsafe(24)}"


def development_tokens(admin: str, viewer: str) -> str:
    """Return the tokens file of an emulator that was given none."""
    organization = DEVELOPMENT_ORGANIZATION
    return (
        f"{admin} {organization} {Role.ADMIN.value}\n{viewer} {organization} {Role.VIEWER.value}\n"
    )
