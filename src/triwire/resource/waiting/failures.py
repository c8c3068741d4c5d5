"""What a failed read means for a wait. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.errors import Code
from triwire.watch.failures import FailureClass, classify, poll_failure

if TYPE_CHECKING:
    from triwire.errors import RpcError

__all__ = ["classified", "is_for_good"]

# About the request, which will be the same the next time. A watch has no such requests of its
# user's; a wait has the id.
_HOPELESS: Final = frozenset(
    {
        Code.INVALID_ARGUMENT,
        Code.FAILED_PRECONDITION,
        Code.OUT_OF_RANGE,
        Code.UNIMPLEMENTED,
        Code.DATA_LOSS,
    }
)


def classified(error: RpcError) -> FailureClass:
    """Return what a failed Get means.

    As for a watch, with one difference: what is wrong with the request itself is fatal.
    """
    if error.code in _HOPELESS:
        return FailureClass.FATAL
    return classify(poll_failure(error), of_list=False)


def is_for_good(error: RpcError) -> bool:
    """Tell whether a failed List will not work for this client at all, so that Gets must do."""
    return classified(error) in (FailureClass.FATAL, FailureClass.DENIED)
