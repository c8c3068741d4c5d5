"""Resume tokens: a short text that says where a watch stood.

A token holds the watermark, the adapted visibility bound, a digest of the tenant, and the objects
stamped since or in a later epoch, each as its key, stamps and a cut fingerprint; no objects. It
resumes on any wire.
What it cannot know is what was deleted meanwhile: that is what Synced(resumed) and its keys are
for.

Layout: base64url, no padding, of a version byte, varints and byte strings with their length as a
varint, and the first eight bytes of a BLAKE2b over everything before. It is no secret and proves
nothing; the digest finds truncation and typing errors.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Never, TypeVar

from triwire.watch.checkpoint import Checkpoint, StoredRow
from triwire.watch.observation import Phase
from triwire.watch.rows import TOKEN_FINGERPRINT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

_VERSION: Final = 2
_DIGEST_BYTES: Final = 8
_SCOPE_BYTES: Final = 8
_NO_OWNER: Final = bytes(_SCOPE_BYTES)
_TEXT_KEY: Final = 0
_UUID_KEY: Final = 1
# Seven bits of a varint byte carry the number, the eighth says that more follow.
_LOW_BITS: Final = 0x7F
_MORE: Final = 0x80


class InvalidTokenError(ValueError):
    """The text is no resume token, or it was cut or changed."""


class TokenScopeError(ValueError):
    """The token belongs to another endpoint, tenant, kind or filter."""


class TokenExpiredError(ValueError):
    """The token is too old, or of a version that this library does not read any more."""


def _scope_digest(scope: str) -> bytes:
    return blake2b(scope.encode(), digest_size=_SCOPE_BYTES).digest()


@dataclass(frozen=True, slots=True)
class ResumeToken:
    """A token, taken apart.

    Attributes:
        scope_digest: Of the scope; the scope itself would not belong in a text that is passed on.
        checkpoint: What it holds, its `scope` empty.
        owner_digest: Of the tenant's name; zeros if it was not known.
    """

    scope_digest: bytes
    checkpoint: Checkpoint[Never]
    owner_digest: bytes = _NO_OWNER

    @classmethod
    def of(cls, checkpoint: Checkpoint[T]) -> ResumeToken:
        """Cut a token from a tracker's state; every row of it is kept."""
        return cls(
            _scope_digest(checkpoint.scope),
            Checkpoint(
                scope="",
                closed_ns=checkpoint.closed_ns,
                open_ns=checkpoint.open_ns,
                bound_seconds=checkpoint.bound_seconds,
                taken_at_ns=checkpoint.taken_at_ns,
                complete=False,
                rows=tuple(
                    StoredRow(
                        row.key,
                        row.created_ns,
                        row.shown_created_ns,
                        row.updated_ns,
                        row.fingerprint[:TOKEN_FINGERPRINT_BYTES],
                        row.phase,
                        row.count,
                        row.epoch,
                    )
                    for row in checkpoint.rows
                ),
            ),
            _NO_OWNER if checkpoint.owner is None else _scope_digest(checkpoint.owner),
        )

    def is_of(self, owner: str) -> bool:
        """Tell whether it may be this tenant's: it is, or it does not know whose it is."""
        return self.owner_digest in (_NO_OWNER, _scope_digest(owner))

    def text(self) -> str:
        """Write it."""
        state = self.checkpoint
        out = bytearray([_VERSION])
        out += self.scope_digest
        out += self.owner_digest
        closed, opened = state.closed_ns or 0, state.open_ns or 0
        millis = round(state.bound_seconds * 1000)
        _put_numbers(out, (closed, opened - closed, millis, state.taken_at_ns, len(state.rows)))
        for row in state.rows:
            _put_key(out, row.key)
            _put_numbers(
                out,
                (
                    row.created_ns,
                    row.shown_created_ns - row.created_ns,
                    row.updated_ns - closed,
                    int(row.phase),
                    row.count,
                    row.epoch,
                ),
            )
            out += row.fingerprint
        out += blake2b(out, digest_size=_DIGEST_BYTES).digest()
        return base64.urlsafe_b64encode(out).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> ResumeToken:
        """Read it.

        Raises:
            InvalidTokenError: It is none, or damaged.
            TokenExpiredError: Its version is not read any more.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidTokenError(
                f"expected the text of a resume token, got {len(text)} characters that are not"
                " base64url: pass Bookmark.token unchanged"
            ) from error
        body, digest = raw[:-_DIGEST_BYTES], raw[-_DIGEST_BYTES:]
        if len(raw) <= _DIGEST_BYTES or blake2b(body, digest_size=_DIGEST_BYTES).digest() != digest:
            raise InvalidTokenError(
                f"resume token of {len(text)} characters is cut or changed:"
                " pass Bookmark.token unchanged"
            )
        if body[0] != _VERSION:
            raise TokenExpiredError(f"expected a resume token of version {_VERSION}, got {body[0]}")
        return _Reader(body).token()

    def resume(
        self, scope: str, *, now_ns: int, max_age_seconds: float = 86_400.0
    ) -> Checkpoint[Any]:
        """Give the state to start a tracker of this scope with.

        Args:
            scope: Of the tracker.
            now_ns: Local wall clock.
            max_age_seconds: Above this a full snapshot is the better start.

        Raises:
            TokenScopeError: It belongs to another scope.
            TokenExpiredError: It is too old.
        """
        if _scope_digest(scope) != self.scope_digest:
            raise TokenScopeError(
                "resume token of another endpoint, tenant, resource or filter:"
                " start this watch without it"
            )
        state = self.checkpoint
        age = (now_ns - state.taken_at_ns) / 1e9
        if age > max_age_seconds:
            raise TokenExpiredError(
                f"resume token is {age:.0f} seconds old, at most {max_age_seconds:.0f} are taken"
            )
        # Not Checkpoint[Never](...): a frozen class with slots does not survive that call.
        return Checkpoint(
            scope=scope,
            closed_ns=state.closed_ns,
            open_ns=state.open_ns,
            bound_seconds=state.bound_seconds,
            taken_at_ns=state.taken_at_ns,
            complete=False,
            rows=tuple(
                StoredRow(
                    row.key,
                    row.created_ns,
                    row.shown_created_ns,
                    row.updated_ns,
                    row.fingerprint,
                    row.phase,
                    row.count,
                    row.epoch,
                )
                for row in state.rows
            ),
        )


def _put_numbers(out: bytearray, numbers: Iterable[int]) -> None:
    for number in numbers:
        # ZigZag, so that differences may be negative.
        rest = number << 1 if number >= 0 else (-number << 1) - 1
        while rest > _LOW_BITS:
            out.append(rest & _LOW_BITS | _MORE)
            rest >>= 7
        out.append(rest)


def _put_key(out: bytearray, key: str) -> None:
    try:
        packed = uuid.UUID(key)
    except ValueError:
        packed = None
    if packed is not None and str(packed) == key:
        out.append(_UUID_KEY)
        out += packed.bytes
        return
    raw = key.encode()
    out.append(_TEXT_KEY)
    _put_numbers(out, (len(raw),))
    out += raw


class _Reader:
    """Reads a body whose digest was right, so its layout can be trusted."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 1

    def token(self) -> ResumeToken:
        scope, owner = self._take(_SCOPE_BYTES), self._take(_SCOPE_BYTES)
        closed, ahead, millis, taken_at, count = (self._number() for _ in range(5))
        rows = tuple(self._row(closed) for _ in range(count))
        return ResumeToken(
            scope,
            Checkpoint(
                scope="",
                # No server stamps anything with 1970: it stands for no watermark at all.
                closed_ns=closed or None,
                open_ns=closed + ahead or None,
                bound_seconds=millis / 1000,
                taken_at_ns=taken_at,
                complete=False,
                rows=rows,
            ),
            owner,
        )

    def _row(self, closed: int) -> StoredRow[Never]:
        key = self._key()
        created, shown, updated, phase, count, epoch = (self._number() for _ in range(6))
        return StoredRow(
            key,
            created,
            created + shown,
            closed + updated,
            self._take(TOKEN_FINGERPRINT_BYTES),
            Phase(phase),
            count,
            epoch,
        )

    def _key(self) -> str:
        if self._take(1)[0] == _UUID_KEY:
            return str(uuid.UUID(bytes=self._take(16)))
        return self._take(self._number()).decode()

    def _take(self, size: int) -> bytes:
        self._at += size
        return self._body[self._at - size : self._at]

    def _number(self) -> int:
        value = shift = 0
        while True:
            byte = self._body[self._at]
            self._at += 1
            value |= (byte & _LOW_BITS) << shift
            shift += 7
            if byte < _MORE:
                return value >> 1 if not value & 1 else -((value + 1) >> 1)
