"""What must be true of the server's resources after calls whose outcome may be unknown. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Ledger"]

# What a lost, late or refused call may end with. Anything else was made up on the way.
HONEST = frozenset({Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED})


@dataclass
class Ledger:
    """The truth as the callers know it, resource by resource.

    Attributes:
        alive: Names that were created and not deleted: exactly one resource each.
        gone: Names whose deletion succeeded: none.
        unknown: Names of which the last create or delete failed: one or none.
        outcomes: How often calls ended how.
        wrong: What must not have been.
        slowest_seconds: The longest call.
        attempts: How many attempts failed calls had made.
    """

    alive: set[str] = field(default_factory=set[str])
    gone: set[str] = field(default_factory=set[str])
    unknown: set[str] = field(default_factory=set[str])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])
    slowest_seconds: float = 0.0

    def ended(
        self,
        what: str,
        error: RpcError | None,
        *,
        seconds: float,
        limit_seconds: float,
    ) -> None:
        """Note how a call ended, and whether it may end so."""
        self.outcomes[f"{what} {error.code.name if error else 'OK'}"] += 1
        self.slowest_seconds = max(self.slowest_seconds, seconds)
        if seconds > limit_seconds:
            self.wrong.append(f"{what} took {seconds:.1f} s, its limit is {limit_seconds:.1f} s")
        if error is not None and error.code not in HONEST:
            self.wrong.append(f"{what} ended with {error!r}")

    def created(self, name: str, error: RpcError | None) -> None:
        """Note a create."""
        (self.unknown if error else self.alive).add(name)

    def deleted(self, name: str, error: RpcError | None) -> None:
        """Note a delete of a resource that was there."""
        self.alive.discard(name)
        (self.unknown if error else self.gone).add(name)

    def judge(self, names: Iterable[str]) -> list[str]:
        """Say what is wrong.

        Args:
            names: Of all resources that the server has, as often as it has them.
        """
        found = Counter(names)
        wrong = list(self.wrong)
        wrong += [f"{name} is there {n} times" for name, n in found.items() if n > 1]
        wrong += [f"{name} was created and is not there" for name in self.alive - found.keys()]
        wrong += [f"{name} was deleted and is there" for name in self.gone & found.keys()]
        wrong += [
            f"{name} is there and nobody created it"
            for name in found.keys() - self.alive - self.gone - self.unknown
        ]
        return wrong
