"""Bearer tokens: where they come from, and what happens when a server refuses one.

A token is given as text, as a file that is replaced from time to time, or as a function. What a
call does with one is a generator (`current`, `newer`), like the call itself: it yields `Fetch`
when a function has to be called, and the drivers of both colours do that, one at a time for a
client however many calls wait for it.

Nothing here shows a token: not a repr, not an error, not a pickle.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from triwire._typing import override
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from triwire.spec import Pairs

__all__ = ["AsyncTokenSource", "TokenFile", "TokenSource"]

# token68 of RFC 9110 section 11.2 is what RFC 6750 allows in a bearer header.
_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def bearer_header(token: str) -> tuple[str, str]:
    """Return the authorization pair for a bearer token (RFC 6750 section 2.1).

    Raises:
        TypeError: `token` is no str.
        ValueError: it holds a character that a bearer token cannot have. The text of the
            error never shows the token.
    """
    if not isinstance(token, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        message = f"token must be a str, got {type(token).__name__}"
        raise TypeError(message)
    if not _TOKEN68.fullmatch(token):
        message = (
            f"token of {len(token)} characters is no bearer token: expected letters, digits and "
            "-._~+/ only; look for spaces, quotes or a line end around it"
        )
        raise ValueError(message)
    return ("authorization", f"Bearer {token}")


class Held:
    """A token in use; compared by identity.

    Attributes:
        pairs: The header that carries it.
    """

    __slots__ = ("pairs",)

    def __init__(self, token: str) -> None:
        self.pairs: Pairs = (bearer_header(token),)


class Tokens(Protocol):
    """A token that changes."""

    def current(self, timeout_seconds: float | None) -> Flow:
        """Return the token to begin with."""
        ...

    def newer(self, refused: Held, timeout_seconds: float | None) -> Flow:
        """Return the token to go on with after the server refused one; maybe the same."""
        ...


class TokenFile:
    """A bearer token in a file, which is read again whenever it changes.

    The file is looked at (one `stat`) before each call, and read again if it was replaced or
    written, or if the server refuses the token. White space around the token is ignored. While the
    file cannot be read, the last token stays in use. May be shared by clients.

    Args:
        path: The file, such as one that Kubernetes mounts. It has to be readable at the first
            call, not before.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        if not isinstance(self._path, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # PathLike may give bytes
            message = f"path must be a str or PathLike of str, got {type(self._path).__name__}"
            raise TypeError(message)
        self._held: Held | None = None
        self._stamp: tuple[int, int, int] | None = None

    @override
    def __repr__(self) -> str:
        return f"TokenFile({self._path!r})"

    @override
    def __reduce__(self) -> tuple[object, ...]:
        return (TokenFile, (self._path,))

    def current(self, timeout_seconds: float | None = None) -> Flow:
        """Return the token; see `Tokens`."""
        del timeout_seconds
        return self._read_again(only_if_changed=True)
        yield  # A generator like its like, which has nothing to wait for.

    def newer(self, refused: Held, timeout_seconds: float | None = None) -> Flow:
        """Read the file whether or not it seems to have changed; see `Tokens`."""
        del refused, timeout_seconds
        return self._read_again(only_if_changed=False)
        yield  # As above.

    def _read_again(self, *, only_if_changed: bool) -> Held:
        held = self._held
        try:
            # Taken before the read: what is written in between shows in the next one.
            found = os.stat(self._path)  # noqa: PTH116 - half the time of Path.stat
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if held is not None and only_if_changed and stamp == self._stamp:
                return held
            fresh = Held(Path(self._path).read_text("utf-8").strip())
        except (OSError, ValueError) as error:
            if held is None or not only_if_changed:
                reason = error.strerror if isinstance(error, OSError) else None
                raise no_token(f"file {self._path!r}", reason or str(error)) from error
            return held
        if held is None or held.pairs != fresh.pairs:
            self._held = held = fresh
        self._stamp = stamp
        return held


class CalledTokens:
    """The token that a function returns, kept until the server refuses it.

    Args:
        source: Returns the token, or an awaitable of it.
    """

    def __init__(self, source: Callable[[], str | Awaitable[str]]) -> None:
        self.source = source
        self._held: Held | None = None
        self._failure: Exception | None = None
        self._reason = ""
        self._flights = 0

    @override
    def __repr__(self) -> str:
        return f"CalledTokens({_name(self.source)})"

    @override
    def __reduce__(self) -> tuple[object, ...]:
        return (CalledTokens, (self.source,))

    @property
    def flights(self) -> int:
        """How often the function has been called to its end."""
        return self._flights

    def current(self, timeout_seconds: float | None) -> Flow:
        """Return the token, which the first call fetches; see `Tokens`."""
        if self._held is not None:
            return self._held
        return (yield from self._fetched(timeout_seconds))

    def newer(self, refused: Held, timeout_seconds: float | None) -> Flow:
        """Return the token that another call has fetched meanwhile, or fetch one; see `Tokens`."""
        if self._held is not None and self._held is not refused:
            return self._held
        return (yield from self._fetched(timeout_seconds))

    def _fetched(self, timeout_seconds: float | None) -> Flow:
        fetch = Fetch(self, timeout_seconds)
        yield fetch
        if fetch.held is None:
            origin = f"function {_name(self.source)}"
            raise no_token(origin, fetch.reason) from fetch.failure
        return fetch.held

    def land(self, token: str) -> None:
        """Take what the function returned."""
        try:
            found = Held(token)
        except (TypeError, ValueError) as error:
            self.fail(error, str(error))
            return
        if self._held is None or self._held.pairs != found.pairs:
            self._held = found
        self._flights += 1
        self._failure = None

    def fail(self, failure: Exception, reason: str) -> None:
        """Take what the function raised, or what is wrong with what it returned."""
        self._flights += 1
        self._failure, self._reason = failure, reason

    def settle(self, fetch: Fetch) -> None:
        """Give a call the last answer, whoever has asked for it."""
        fetch.failure, fetch.reason = self._failure, self._reason
        fetch.held = self._held if self._failure is None else None


class Fetch:
    """Ask the function for a token, unless somebody else has meanwhile.

    For the drivers, who let one at a time do so: if `is_due`, call `source` and `land` what it
    returns, or `fail`; then `settle`, before the next may begin.

    Attributes:
        source: The function.
        timeout_seconds: Time that the call has left, or None for no limit.
        held: The token, once settled; None after a failure.
        failure: What the function raised, or what is wrong with what it returned.
        reason: The same as text that holds no token.
    """

    __slots__ = ("_flights", "_tokens", "failure", "held", "reason", "source", "timeout_seconds")

    def __init__(self, tokens: CalledTokens, timeout_seconds: float | None) -> None:
        self._tokens = tokens
        self._flights = tokens.flights
        self.source = tokens.source
        self.timeout_seconds = timeout_seconds
        self.held: Held | None = None
        self.failure: Exception | None = None
        self.reason = ""

    def is_due(self) -> bool:
        """Whether no other call has got an answer since this one began to wait."""
        return self._tokens.flights == self._flights

    def land(self, token: str) -> None:
        """Take what the function returned."""
        self._tokens.land(token)

    def fail(self, failure: Exception) -> None:
        """Take what the function raised; its text may say anything and is not repeated."""
        self._tokens.fail(failure, type(failure).__name__)

    def settle(self) -> None:
        """Take the last answer for this call's."""
        self._tokens.settle(self)


Flow: TypeAlias = Generator[Fetch, None, Held]

TokenSource: TypeAlias = "str | TokenFile | Callable[[], str]"
"""Where a client gets its bearer token: text, a file, or a function."""

AsyncTokenSource: TypeAlias = "TokenSource | Callable[[], Awaitable[str]]"
"""The same for an async client, whose function may be a coroutine function."""


def is_refused(error: RpcError) -> bool:
    """Whether the server has not taken the token, and so has not executed the call."""
    return error.code is Code.UNAUTHENTICATED and error.from_server


def async_token_of(source: AsyncTokenSource | None) -> str | Tokens | None:
    """Return the token of an async client: text and None as they are.

    Raises:
        TypeError: it is no source of tokens.
    """
    if source is None or isinstance(source, (str, TokenFile)):
        return source
    if callable(source):
        return CalledTokens(source)
    message = f"token must be a str, a TokenFile or a function, got {type(source).__name__}"
    raise TypeError(message)


def token_of(source: TokenSource | None) -> str | Tokens | None:
    """Return the token of a sync client: text and None as they are.

    Raises:
        TypeError: it is no source of tokens, or one that can only be awaited.
    """
    call = getattr(source, "__call__", None)  # noqa: B004 - an object's own, which may be async
    if inspect.iscoroutinefunction(source) or inspect.iscoroutinefunction(call):
        message = (
            f"token function {_name(source)} is a coroutine function: a sync client cannot await "
            "it; pass a plain function, or use the async client"
        )
        raise TypeError(message)
    return async_token_of(source)


def no_token(origin: str, reason: str) -> RpcError:
    """Return the error of a call that has no token to send."""
    return RpcError(Code.UNAUTHENTICATED, f"no token from {origin}: {reason}")


def _name(function: object) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))
