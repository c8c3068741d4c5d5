"""What a failed read means for a wait. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.errors import Code
from triwire.watch.failures import FailureClass, PollFailure, classify

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
    failure = PollFailure(
        code=int(error.code),
        from_server=error.from_server,
        retry_delay_seconds=error.retry_delay_seconds,
    )
    return classify(failure, of_list=False)


def is_for_good(error: RpcError) -> bool:
    """Tell whether a failed List will not work for this client at all, so that Gets must do."""
    if error.code is Code.RESOURCE_EXHAUSTED:
        # Our own limit for the size of a response, and no rate limit.
        return not error.from_server and error.retry_delay_seconds is None
    return error.code in _HOPELESS or error.code is Code.PERMISSION_DENIED
