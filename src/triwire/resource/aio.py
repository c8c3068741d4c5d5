"""What takes more than one call: waiting for a resource, and lists in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from triwire.errors import Code, RpcError
from triwire.resource.lifecycle import Wait
from triwire.resource.once import (
    is_gone,
    is_in_doubt,
    ours,
    read_options,
    remains,
    resource_in,
    with_id,
    with_id_noted,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from triwire.call.aio import AsyncCaller
    from triwire.resource.lifecycle import Lifecycle, ResourceT
    from triwire.resource.once import Creation, Deletion
    from triwire.spec import MethodSpec
    from triwire.transports.base import RequestT, ResponseT

__all__ = [
    "async_create_once",
    "async_delete_once",
    "async_delete_quietly",
    "async_list_pages",
    "async_wait_until_deleted",
    "async_wait_until_ready",
]


async def async_create_once(
    caller: AsyncCaller, creation: Creation[ResourceT], request: Message
) -> ResourceT:
    """Create a resource so that attempts after a lost answer do not create another.

    Args:
        caller: Issues the create and, where its outcome is in doubt, the get.
        creation: The kind of resource.
        request: The create request; not changed. Without an id it is sent with a new UUID.

    Raises:
        RpcError: the create's error, or that of the get that was to settle it.
    """
    clock = caller.clock
    started = clock.monotonic_seconds()
    sent = with_id(request, creation.id_field, caller.new_id)
    try:
        response = await caller.unary(creation.create, sent)
    except RpcError as error:
        if not is_in_doubt(error):
            raise with_id_noted(error, sent, creation.id_field) from error.__cause__
        conflict = error
    else:
        created: ResourceT = resource_in(response.message, creation.envelope)
        return created
    options = read_options(caller.options, conflict, started=started, now=clock.monotonic_seconds())
    key = creation.id_field
    read: Any = creation.get.request_type(**{key: getattr(sent, key)})
    try:
        found = await caller.with_options(options).unary(creation.get, read)
    except RpcError as error:
        if error.code is Code.NOT_FOUND:
            # Something else of the request is taken, such as the name.
            raise conflict from None
        raise with_id_noted(error, sent, key) from conflict
    return ours(creation, found.message, conflict, request=sent, chosen=sent is request)


async def async_delete_once(
    caller: AsyncCaller, deletion: Deletion[ResourceT], request: Message
) -> ResourceT:
    """Delete a resource; that it is gone after a lost answer is success.

    Returns:
        The resource as the server answered, or with its id only.

    Raises:
        RpcError: the call's error.
    """
    try:
        response = await caller.unary(deletion.delete, request)
    except RpcError as error:
        if is_gone(error):
            return remains(deletion, request)
        raise
    deleted: ResourceT = resource_in(response.message, deletion.envelope)
    return deleted


async def async_delete_quietly(
    caller: AsyncCaller, method: MethodSpec[RequestT, ResponseT], request: RequestT
) -> None:
    """Do as `async_delete_once` where the server answers with nothing."""
    try:
        await caller.unary(method, request)
    except RpcError as error:
        if not is_gone(error):
            raise


async def async_list_pages(
    caller: AsyncCaller, method: MethodSpec[RequestT, ResponseT], request: RequestT
) -> list[ResponseT]:
    """Call a List method until it names no next page (AIP-158), and return the responses.

    Args:
        caller: Issues the calls, one after the other.
        method: A method with `page_token` in its request and `next_page_token` in its response.
        request: The first page to ask for; not changed.

    Raises:
        RpcError: the error of a call, or INTERNAL: the server named the page that it had just
            sent as the next one.
    """
    page: Any = request
    responses: list[ResponseT] = []
    while True:
        response = (await caller.unary(method, page)).message
        responses.append(response)
        token: str = cast("Any", response).next_page_token
        if not token:
            return responses
        if token == page.page_token:
            raise RpcError(
                Code.INTERNAL, f"{method.name} answered with its own page as the next one"
            )
        page = type(request)()
        page.CopyFrom(request)
        page.page_token = token


async def async_wait_until_ready(
    caller: AsyncCaller,
    lifecycle: Lifecycle[ResourceT],
    target: ResourceT | str,
    *,
    timeout_seconds: float,
    poll_seconds: float,
) -> ResourceT:
    """Read a resource until its state says that it is ready, and return it.

    Args:
        caller: Issues the reads; each gets at most the time that is left.
        lifecycle: Where the resource shows its state.
        target: The resource as last seen, which older states are measured against, or its id.
        timeout_seconds: How long to wait in all.
        poll_seconds: How long to pause between two reads.

    Raises:
        RpcError: DEADLINE_EXCEEDED, not ready in time; FAILED_PRECONDITION with the
            conditions as details, it has failed; or the error of a read.
        TypeError: `target` is neither a resource nor an id.
        ValueError: an empty id, or a duration that is not positive.
    """
    clock = caller.clock
    wait = Wait(
        lifecycle,
        target,
        timeout_seconds=timeout_seconds,
        poll_seconds=poll_seconds,
        now=clock.monotonic_seconds(),
        goal="ready",
    )
    while True:
        resource = await _read(caller, lifecycle, wait)
        if wait.is_ready(resource):
            return resource
        await clock.sleep(wait.pause_seconds(clock.monotonic_seconds()))


async def async_wait_until_deleted(
    caller: AsyncCaller,
    lifecycle: Lifecycle[ResourceT],
    target: ResourceT | str,
    *,
    timeout_seconds: float,
    poll_seconds: float,
) -> None:
    """Read a resource until it is NOT_FOUND; arguments as in `async_wait_until_ready`.

    Raises:
        RpcError: DEADLINE_EXCEEDED, still there; or the error of a read.
        TypeError: `target` is neither a resource nor an id.
        ValueError: an empty id, or a duration that is not positive.
    """
    clock = caller.clock
    wait = Wait(
        lifecycle,
        target,
        timeout_seconds=timeout_seconds,
        poll_seconds=poll_seconds,
        now=clock.monotonic_seconds(),
        goal="deleted",
    )
    while True:
        try:
            resource = await _read(caller, lifecycle, wait)
        except RpcError as error:
            if error.code is Code.NOT_FOUND:
                return
            raise
        wait.saw(resource)
        await clock.sleep(wait.pause_seconds(clock.monotonic_seconds()))


async def _read(
    caller: AsyncCaller, lifecycle: Lifecycle[ResourceT], wait: Wait[ResourceT]
) -> ResourceT:
    clock = caller.clock
    options = wait.options(caller.options, now=clock.monotonic_seconds())
    try:
        response = await caller.with_options(options).unary(lifecycle.get, wait.request())
    except RpcError as error:
        wait.read_failed(error, now=clock.monotonic_seconds())
        raise
    return wait.resource_in(response.message)
