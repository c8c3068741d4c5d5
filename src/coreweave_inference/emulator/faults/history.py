"""What was there before: the states that lagging replicas and late commits still show. No I/O.

In memory: a restart finds all replicas level and all commits done.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coreweave_inference.emulator.records import AnyKind, AnyRecord

__all__ = ["History"]

_Key: TypeAlias = tuple[str, str, str]  # kind, organization, id in lower case
# Since when a state is visible, and the state; None while there is none.
_State: TypeAlias = "tuple[int, AnyRecord | None]"
_NS: Final = 1_000_000_000
_ALWAYS: Final = -(2**63)


class History:
    """States of resources that changed lately, by when reads see them.

    A resource without an entry is as the store has it.
    """

    def __init__(self) -> None:
        self._reach_ns = 0
        self._recording = False
        self._states: dict[_Key, list[_State]] = {}
        self._expiries: deque[tuple[int, _Key]] = deque()

    def reach(self, seconds: float, *, recording: bool) -> None:
        """Set how far back reads look, and whether states are noted at all."""
        self._reach_ns = round(seconds * _NS)
        self._recording = recording
        if not recording:
            # What is not noted any more must not hide what comes after it.
            self._states.clear()
        self._expiries = deque(
            sorted(
                (since + self._reach_ns, place)
                for place, states in self._states.items()
                for since, _ in states[1:]
            )
        )

    def note(
        self,
        key: tuple[AnyKind, str, str],
        before: AnyRecord | None,
        after: AnyRecord | None,
        *,
        visible_ns: int,
    ) -> None:
        """Note a write.

        Args:
            key: Kind, organization and id of the resource.
            before: Its record until now.
            after: Its record from now on, or None if it is gone.
            visible_ns: When reads of an up-to-date replica see it; never before an earlier write
                of the same resource.
        """
        if not self._recording:
            return
        kind, organization, resource_id = key
        place = (kind.name, organization, resource_id.lower())
        states = self._states.setdefault(place, [(_ALWAYS, before)])
        visible = max(visible_ns, states[-1][0])
        states.append((visible, after))
        self._expiries.append((visible + self._reach_ns, place))

    def at(
        self, kind: AnyKind, organization: str, *, seen_ns: int, now_ns: int
    ) -> dict[str, AnyRecord | None]:
        """Return what a read sees otherwise than the store has it.

        Args:
            kind: Which kind.
            organization: Whose.
            seen_ns: The time as of which the read sees everything.
            now_ns: What time it is.

        Returns:
            Records by id in lower case; None for what the read does not see at all.
        """
        self._forget(now_ns)
        return {
            resource_id: states[index][1]
            for (resource_id, states, index) in self._visible(kind, organization, seen_ns)
            if index < len(states) - 1
        }

    def former(self, kind: AnyKind, organization: str, resource_id: str) -> AnyRecord | None:
        """Return the state before the newest one of a resource, if it is known."""
        states = self._states.get((kind.name, organization, resource_id.lower()), [])
        return states[-2][1] if states else None

    def _visible(
        self, kind: AnyKind, organization: str, seen_ns: int
    ) -> Iterator[tuple[str, list[_State], int]]:
        for (name, owner, resource_id), states in self._states.items():
            if name == kind.name and owner == organization:
                index = max(i for i, (since, _) in enumerate(states) if since <= seen_ns)
                yield resource_id, states, index

    def _forget(self, now_ns: int) -> None:
        """Drop what no read can see any more."""
        while self._expiries and self._expiries[0][0] <= now_ns:
            _, place = self._expiries.popleft()
            states = self._states.get(place)
            if states is None:
                continue
            horizon = now_ns - self._reach_ns
            while len(states) > 1 and states[1][0] <= horizon:
                states.pop(0)
            if len(states) == 1:
                del self._states[place]
