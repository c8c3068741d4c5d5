"""What takes more than one call: creates and deletes that happen once, and lists in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from triwire.errors import Code, RpcError
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
    from triwire.resource.lifecycle import ResourceT
    from triwire.resource.once import Creation, Deletion
    from triwire.spec import MethodSpec, Response
    from triwire.transports.base import RequestT, ResponseT

__all__ = [
    "async_create_once",
    "async_delete_once",
    "async_delete_quietly",
    "async_list_pages",
    "async_list_responses",
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
    return [each.message for each in await async_list_responses(caller, method, request)]


async def async_list_responses(
    caller: AsyncCaller, method: MethodSpec[RequestT, ResponseT], request: RequestT
) -> list[Response[ResponseT]]:
    """Do as `async_list_pages`, and return what came beside the messages too."""
    page: Any = request
    responses: list[Response[ResponseT]] = []
    while True:
        response = await caller.unary(method, page)
        responses.append(response)
        token: str = cast("Any", response.message).next_page_token
        if not token:
            return responses
        if token == page.page_token:
            raise RpcError(
                Code.INTERNAL, f"{method.name} answered with its own page as the next one"
            )
        page = type(request)()
        page.CopyFrom(request)
        page.page_token = token
