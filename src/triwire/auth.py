"""Credentials for a call: today a static bearer token."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["bearer_header"]

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
