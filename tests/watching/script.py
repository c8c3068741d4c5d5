"""One history of a fleet, and what every watch must tell of it, whatever the wire and colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.watching.fleet import Fleet, at_ns, deployment, key
from triwire.errors import Code, RpcError
from triwire.watch import Added, Deleted, Failed, Modified, Synced, WatchOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_pb2 as pb
    from triwire.watch import Event

OPTIONS: Final = WatchOptions(mode="incremental", jitter=0.0, outage_notice_seconds=5.0)
SEED: Final = 7
# Far ahead of the script's stamps: the local clock must not matter.
WALL_CLOCK_NS: Final = at_ns(1e6)


def _begin(fleet: Fleet) -> None:
    fleet.objects.clear()
    fleet.asked.clear()
    fleet.answers.clear()
    fleet.put(deployment("a", 1, content="1"), deployment("b", 2.000000123, content="1"))


def _change(fleet: Fleet) -> None:
    fleet.put(deployment("a", 20.5, content="2"), deployment("c", 20.5, created=20.5, content="1"))


def _tie(fleet: Fleet) -> None:
    # The same stamp as before, written later.
    fleet.put(deployment("d", 20.5, created=20.5, content="1"))


def _move(fleet: Fleet) -> None:
    fleet.put(
        deployment("b", 40.25, content="1", state="STATUS_DELETING"),
        deployment("c", 41, created=20.5, content="2", state="STATUS_UPDATING"),
    )


def _vanish(fleet: Fleet) -> None:
    fleet.drop("b", "c")


def _outage(fleet: Fleet) -> None:
    fleet.answers.extend([RpcError(Code.UNAVAILABLE, "down for a while")] * 4)
    fleet.put(deployment("a", 75, content="3"))


def _recreate(fleet: Fleet) -> None:
    fleet.put(deployment("a", 110, created=110, content="1"))


def _regress(fleet: Fleet) -> None:
    # What looks older is held until it has stayed.
    fleet.answers.append([deployment("d", 19, created=19, content="0")])


STEPS: Final[tuple[tuple[float, Callable[[Fleet], None]], ...]] = (
    (0.0, _begin),
    (20.0, _change),
    (26.0, _tie),
    (40.0, _move),
    (52.0, _vanish),
    (75.0, _outage),
    (110.0, _recreate),
    (125.0, _regress),
)
END: Final = 150.0

# Kind, name, content, stamp in nanoseconds of the script, reason, changed paths.
TOLD: Final[list[tuple[Any, ...]]] = [
    ("added", "a", "1", 1000000000, "listed"),
    ("added", "b", "1", 2000000123, "listed"),
    ("synced", "snapshot", 2),
    ("added", "c", "1", 20500000000, "listed"),
    ("modified", "a", "2", 20500000000, "listed", "spec.runtime.version"),
    ("added", "d", "1", 20500000000, "listed"),
    ("modified", "b", "1", 40250000000, "listed", "status.status"),
    ("modified", "c", "2", 41000000000, "listed", "spec.runtime.version", "status.status"),
    ("deleted", "b", "1", 40250000000, "not-found"),
    ("deleted", "c", "2", 41000000000, "not-found"),
    ("modified", "a", "3", 75000000000, "listed", "spec.runtime.version"),
    ("deleted", "a", "3", 75000000000, "replaced"),
    ("added", "a", "1", 110000000000, "recreated"),
]
# What each List asked for as `updated_after`, and which objects were read.
ASKED: Final[list[tuple[Any, ...]]] = [
    ("list", None),
    ("list", -67999999877),
    ("list", -67999999877),
    ("list", -67999999877),
    ("list", None),
    ("list", 1000000123),
    ("list", 1000000123),
    ("list", 1000000123),
    ("list", 1000000123),
    ("list", 1000000123),
    ("list", 19500000000),
    ("list", 19500000000),
    ("list", 19500000000),
    ("get", "b"),
    ("list", 19500000000),
    ("list", 19500000000),
    ("get", "b"),
    ("list", 19500000000),
    ("list", 19500000000),
    ("get", "b"),
    ("list", 19500000000),
    ("get", "c"),
    ("list", 19500000000),
    ("list", 1000000123),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 40000000000),
    ("list", 74000000000),
    ("list", 74000000000),
    ("list", 74000000000),
    ("list", 1000000123),
    ("list", 74000000000),
    ("get", "a"),
    ("get", "d"),
    ("list", 74000000000),
]


def told(events: Iterable[Event[pb.Deployment]]) -> list[tuple[Any, ...]]:
    """Return all of events that must be the same everywhere."""
    return [_told(event) for event in events]


def _told(event: Event[pb.Deployment]) -> tuple[Any, ...]:
    match event:
        case Added(new) | Deleted(new):
            kind, changed = type(event).__name__.lower(), list[str]()
        case Modified(new):
            kind, changed = "modified", sorted(event.changed)
        case Synced(reason, keys):
            return ("synced", reason.value, len(keys))
        case Failed(message):
            return ("failed", message)
        case _:
            return (type(event).__name__.lower(),)
    stamp = event.identity.updated_ns - at_ns(0)
    return (kind, new.spec.name, new.spec.runtime.version, stamp, event.reason.value, *changed)


def names(asked: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
    """Return requests with stamps from the script's start, and ids by name."""
    known = {key(name): name for name in "abcd"}
    found: list[tuple[Any, ...]] = []
    for kind, what, *_ in map(tuple, asked):
        if kind == "get":
            found.append((kind, known[what]))
        else:
            found.append((kind, None if what is None else what - at_ns(0)))
    return found
