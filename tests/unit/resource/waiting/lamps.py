"""A server of lamps that come to their ends in their own time, and counts its calls."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.unit.resource.things import GET_LAMP, LIST_LAMPS, GetLampResponse, lamp
from triwire.errors import Code, RpcError
from triwire.server.service import MethodHandler, ServerContext, Service

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Change", "Lamps"]

PAGE = 300


@dataclass(frozen=True)
class Change:
    """From a time on a lamp is in a state; the empty one means that it is gone."""

    at: float
    state: str


@dataclass
class Lamps:
    """Lamps whose changes are stamped with their time; all are there since time 0.

    Attributes:
        now: The clock.
        histories: The changes of each lamp, in order.
        gets: The ids that were read.
        lists: What the Lists asked from, in seconds, 0 for everything; further pages not counted.
    """

    now: Callable[[], float]
    histories: dict[str, list[Change]]
    gets: list[str] = field(default_factory=list[str])
    lists: list[float] = field(default_factory=list[float])
    fail: Callable[[str], None] = lambda _: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def shown(self, name: str) -> Any:
        """Return a lamp as it is now, or None."""
        past = [change for change in self.histories.get(name, ()) if change.at <= self.now()]
        if not past or not past[-1].state:
            return None
        return lamp(past[-1].state, name=name, at=100 + past[-1].at, born=50)

    def service(self) -> Service:
        handlers = (MethodHandler(GET_LAMP, self._get), MethodHandler(LIST_LAMPS, self._list))
        return Service(GET_LAMP.service, handlers)

    def _get(self, request: Any, _: ServerContext) -> Any:
        with self.lock:
            self.gets.append(request.id)
        self.fail("get")
        found = self.shown(request.id)
        if found is None:
            raise RpcError(Code.NOT_FOUND, f"no lamp {request.id}")
        return GetLampResponse(lamp=found)

    def _list(self, request: Any, _: ServerContext) -> Any:
        since = request.updated_after.ToNanoseconds()
        if not request.page_token:
            with self.lock:
                self.lists.append(since / 1e9)
        self.fail("list")
        found = [self.shown(name) for name in sorted(self.histories)]
        newer = [
            each
            for each in found
            if each is not None and each.status.updated_at.ToNanoseconds() > since
        ]
        start = int(request.page_token or 0)
        response: Any = LIST_LAMPS.response_type(lamps=newer[start : start + PAGE])
        if start + PAGE < len(newer):
            response.next_page_token = str(start + PAGE)
        return response
