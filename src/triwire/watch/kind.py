"""What can be watched: a kind of resource whose List takes the time of the last change.

Pure data, made by generated code; cheap to import and to make.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.spec import MethodSpec
    from triwire.watch.observation import Phase
    from triwire.watch.shape import ResourceShape

__all__ = ["WatchKind"]

M = TypeVar("M", bound=Message)

# Fields of a List request that do not say which resources are meant (AIP-132, AIP-158).
_NO_FILTERS: Final = frozenset({"order_by", "page_size", "page_token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchKind(Generic[M]):
    """A kind of resource, and where its messages show what a watch needs.

    Paths are dotted field names from the resource down, "" where it has no such field.

    Attributes:
        name: What error texts and tasks call the resource.
        resource_type: Its message class.
        listing: The List method.
        items: The field of its response that holds the resources.
        updated_after: The field of its request, a Timestamp, below which nothing is answered.
        is_paged: Whether List answers in pages, after AIP-158.
        get: The method that reads one, or None if there is none.
        get_id: The field of that method's request that names the resource.
        envelope: The field of its response that holds the resource, "" if it is the resource.
        key: Path of the unique name, a string.
        created: Path of the time of creation.
        updated: Path of the time of the last change.
        owner: Path of the tenant's name.
        state: Path of the state enum.
        moving: Names of the states in which the server is working on the resource.
        deleting: Names of the states in which it is about to vanish.
        filters: Fields of the List request that select resources, each with the path of the field
            that it is compared with; equal, or an element where that field is repeated.
        sets: Paths of repeated fields whose order means nothing.
        keyed: Paths of repeated messages whose order means nothing, each with the names of the
            fields that tell them apart.
    """

    name: str
    resource_type: type[M]
    listing: MethodSpec[Any, Any]
    items: str
    updated_after: str
    key: str
    created: str
    updated: str
    is_paged: bool = False
    get: MethodSpec[Any, Any] | None = None
    get_id: str = ""
    envelope: str = ""
    owner: str = ""
    state: str = ""
    moving: tuple[str, ...] = ()
    deleting: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    sets: tuple[str, ...] = ()
    keyed: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def shape(self) -> ResourceShape[M]:
        """Return the same as the tracker's observer takes it."""
        from triwire.watch.canonical import CanonicalRules
        from triwire.watch.shape import ResourceShape

        return ResourceShape(
            message_type=self.resource_type,
            key=self.key,
            created=self.created,
            updated=self.updated,
            owner=self.owner or None,
            rules=CanonicalRules(sets=frozenset(self.sets), keyed=dict(self.keyed)),
            phase=self._phase(),
        )

    def _phase(self) -> Callable[[M], Phase]:
        from triwire.watch.observation import Phase

        phases: dict[int, Phase] = {}
        if self.state:
            *parents, last = self.state.split(".")
            holder: Any = self.resource_type.DESCRIPTOR
            for parent in parents:
                holder = holder.fields_by_name[parent].message_type
            numbers = holder.fields_by_name[last].enum_type.values_by_name
            for names, phase in ((self.moving, Phase.MOVING), (self.deleting, Phase.DELETING)):
                phases.update((numbers[name].number, phase) for name in names)
        if not phases:
            return lambda _: Phase.SETTLED
        state = attrgetter(self.state)
        return lambda resource: phases.get(state(resource), Phase.SETTLED)

    def selects(self, request: Message) -> Callable[[M], bool] | None:
        """Return the filter of a List request as a predicate, or None if it has none.

        Raises:
            KeyError: The request has a filter of which nobody can say what it is compared with.
        """
        paths = dict(self.filters)
        tests: list[Callable[[M], bool]] = []
        for field, value in request.ListFields():
            if field.name not in _NO_FILTERS and field.name != self.updated_after:
                tests.append(_test(attrgetter(paths[field.name]), value))
        if not tests:
            return None
        return lambda resource: all(test(resource) for test in tests)


def _test(read: Callable[[Any], Any], wanted: object) -> Callable[[Any], bool]:
    def test(resource: object) -> bool:
        found = read(resource)
        if isinstance(found, str | bytes | int | float):
            return found == wanted
        return wanted in found

    return test
