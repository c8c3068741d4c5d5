"""Many waits of one client at once, in threads, in virtual time."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.resource.things import LAMP, lamp
from tests.unit.resource.waiting.lamps import Change, Lamps
from triwire._io import Signal
from triwire.call.sync import Caller
from triwire.errors import Code, WaitError
from triwire.resource.waiting.sync import wait_until_ready
from triwire.testing import MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire._io import Clock


class VirtualClock:
    """A clock whose time moves on to the next sleeper once every thread of `run` waits."""

    def __init__(self) -> None:
        self._now = 0.0
        self._running = 0
        self._changed = threading.Condition()
        self._waiting: dict[int, tuple[float, Signal]] = {}
        # Signals whose waiters have not run since they were set.
        self._told: dict[Signal, bool] = {}

    def monotonic_seconds(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.wait(Signal(), seconds)

    def wait(self, signal: Signal, seconds: float | None) -> None:
        due = math.inf if seconds is None else self._now + seconds
        with self._changed:
            self._listen(signal)
            self._waiting[threading.get_ident()] = (due, signal)
            self._changed.notify()
        signal.wait()
        with self._changed:
            self._told[signal] = False
            del self._waiting[threading.get_ident()]

    def _listen(self, signal: Signal) -> None:
        """Note when a signal is set: it is taken back before its waiter can say that it runs."""
        if signal in self._told:
            return
        self._told[signal] = False
        tell = signal.set

        def told() -> None:
            with self._changed:
                self._told[signal] = True
            tell()

        setattr(signal, "set", told)  # noqa: B010 - checkers refuse the assignment

    rest = wait

    def run(self, *bodies: Callable[[], Any]) -> list[Any]:
        """Run functions in threads to their ends, and return what they return or raise."""
        found: list[Any] = [None] * len(bodies)

        def play(number: int) -> None:
            try:
                found[number] = bodies[number]()
            except Exception as error:  # noqa: BLE001 - handed to the test
                found[number] = error
            with self._changed:
                self._running -= 1
                self._changed.notify()

        self._running = len(bodies)
        threads = [threading.Thread(target=play, args=(n,)) for n in range(len(bodies))]
        for thread in threads:
            thread.start()
        with self._changed:
            while self._changed.wait_for(self._is_still) and self._running:
                due, signal = min(self._waiting.values(), key=lambda entry: entry[0])
                assert due < math.inf, "every thread waits, and none of them for time"
                self._now = max(self._now, due)
                signal.set()
        for thread in threads:
            thread.join()
        return found

    def _is_still(self) -> bool:
        woken = any(self._told[signal] or signal.is_set for _, signal in self._waiting.values())
        return len(self._waiting) == self._running and not woken


class Room:
    """A server of lamps, a client and virtual time."""

    def __init__(self, count: int, *, over: float = 20, state: str = "STATE_READY") -> None:
        self.clock = VirtualClock()
        histories = {
            f"{number:03}": [
                Change(0, "STATE_CREATING"),
                Change(1 + over * number / count, state),
            ]
            for number in range(count)
        }
        self.lamps = Lamps(self.clock.monotonic_seconds, histories)
        self.caller = Caller(
            MemoryTransport([self.lamps.service()]), clock=self.clock, draw=lambda: 0.5
        )

    def ready(self, name: str, **options: Any) -> Callable[[], Any]:
        given: Any = {"timeout_seconds": 3600, "poll_seconds": 2, "error_grace_seconds": 300}
        given |= {"on_progress": None} | options
        target = lamp(name=name, at=100, born=50)
        return lambda: wait_until_ready(self.caller, LAMP, target, **given)


def test_threads_share_their_reads() -> None:
    room = Room(60)
    before = threading.active_count()
    found = room.clock.run(*map(room.ready, room.lamps.histories))
    assert [each.id for each in found] == list(room.lamps.histories)
    took = room.clock.monotonic_seconds()
    assert took < 21 + 4
    assert len(room.lamps.lists) <= took / 2 + 2
    assert len(room.lamps.gets) <= 16
    assert room.caller.shared.held == {}
    assert threading.active_count() == before


def test_a_thread_that_gives_up_is_replaced() -> None:
    room = Room(12)
    names = list(room.lamps.histories)

    def give_up(_: object) -> None:
        raise KeyError("no more")

    found = room.clock.run(
        *(room.ready(name, on_progress=give_up) for name in names[:4]),
        *map(room.ready, names[4:]),
    )
    assert [type(each) for each in found[:4]] == [KeyError] * 4
    assert [each.id for each in found[4:]] == names[4:]


def test_deadlines_are_each_threads_own() -> None:
    room = Room(12, state="STATE_UPDATING")
    names = list(room.lamps.histories)
    ended: dict[str, float] = {}

    def waiting(name: str, timeout_seconds: float) -> Callable[[], None]:
        body = room.ready(name, timeout_seconds=timeout_seconds)

        def wait() -> None:
            with pytest.raises(WaitError, match="was not ready within"):
                body()
            ended[name] = room.clock.monotonic_seconds()

        return wait

    room.clock.run(*(waiting(name, 5.5 * (n + 1)) for n, name in enumerate(names)))
    assert list(ended.values()) == pytest.approx([5.5 * (n + 1) for n in range(12)])


def test_closing_the_client_gives_sleeping_threads_up() -> None:
    room = Room(9, over=10_000)

    def closing() -> None:
        room.clock.sleep(20.5)
        room.caller.close()

    found = room.clock.run(closing, *(room.ready(name) for name in list(room.lamps.histories)[1:]))
    assert {error.code for error in found[1:]} == {Code.CANCELLED}
    assert room.clock.monotonic_seconds() == pytest.approx(20.5)


if TYPE_CHECKING:
    _clock: type[Clock] = VirtualClock
