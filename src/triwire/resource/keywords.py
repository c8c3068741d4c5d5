"""What keywords mean, for who makes a request of them and for who says why it was refused."""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["REFUSALS", "real_name"]

# What protobuf raises for values that it does not take. A SystemError comes from 5.29, where one
# failure hits another (a list of None and of bytes that are no text).
REFUSALS: Final = (AttributeError, OverflowError, SystemError, TypeError, ValueError)


def real_name(name: str, known: Mapping[str, object]) -> str:
    """Return the field that a keyword means: `from_` is "from", which Python reserves."""
    if name not in known and name.endswith("_"):
        bare = name.rstrip("_")
        if bare in known and (iskeyword(bare) or bare == "self"):
            return bare
    return name
