"""Lists that come in pages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.resource.script import Script
from tests.unit.resource.things import LIST_LAMPS, ListLampsRequest, ListLampsResponse
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError
from triwire.resource.aio import async_list_pages
from triwire.testing import AsyncMemoryTransport


def page(following: str = "") -> Any:
    """Return a page that names the following one."""
    response = ListLampsResponse()
    response.next_page_token = following
    return response


async def test_reads_until_no_page_is_named() -> None:
    script = Script(
        LIST_LAMPS,
        page("b"),
        page("c"),
        page(),
    )
    caller = AsyncCaller(AsyncMemoryTransport([script.service()]))
    request = ListLampsRequest()
    pages = await async_list_pages(caller, LIST_LAMPS, request)
    assert [found.next_page_token for found in pages] == ["b", "c", ""]
    assert [sent.page_token for sent in script.requests] == ["", "b", "c"]
    assert request == ListLampsRequest()


async def test_a_server_that_names_its_own_page_is_not_followed_for_ever() -> None:
    script = Script(LIST_LAMPS, page("b"), page("b"))
    caller = AsyncCaller(AsyncMemoryTransport([script.service()]))
    with pytest.raises(RpcError, match="ListLamps answered with its own page") as caught:
        await async_list_pages(caller, LIST_LAMPS, ListLampsRequest())
    assert caught.value.code is Code.INTERNAL


async def test_the_error_of_a_later_page_is_raised() -> None:
    script = Script(LIST_LAMPS, page("b"), RpcError(Code.ABORTED, "moved"))
    caller = AsyncCaller(AsyncMemoryTransport([script.service()]))
    with pytest.raises(RpcError, match="moved"):
        await async_list_pages(caller, LIST_LAMPS, ListLampsRequest())
