"""Where a resource shows its id, state and time of change, and how Update maps onto it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triwire.plugin.model import Kind
from triwire.plugin.names import snake_case, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from triwire.plugin.model import Api, Enum, Field, Message
    from triwire.plugin.resources import Resource

__all__ = [
    "CREATED",
    "DELETING",
    "UPDATED",
    "Editing",
    "Showing",
    "conditions_path",
    "find_editing",
    "find_showing",
    "id_path",
    "leaves",
    "source_path",
    "state_values",
    "time_path",
    "updated_after",
]

_TIMESTAMP: Final = "google.protobuf.Timestamp"
_FIELD_MASK: Final = "google.protobuf.FieldMask"
# AIP-142 names the field update_time; updated_at is the other common name.
UPDATED: Final = ("update_time", "updated_at")
CREATED: Final = ("create_time", "created_at")
# Kubernetes' conditions have lastTransitionTime; the other is as common.
_CONDITION_UPDATED: Final = ("last_update_time", "last_transition_time", "update_time")
_UPDATED_AFTER: Final = "updated_after"
# Where a spec and a status are told apart, a spec has what Update takes.
_SPEC: Final = "spec"
# AIP-216: the state in which a resource can be used is ACTIVE or READY.
_READY: Final = ("READY", "ACTIVE")
_FAILED: Final = ("FAILED",)
_IN_ERROR: Final = ("ERROR",)
DELETING: Final = ("DELETING",)
_DISABLED: Final = "disabled"


@dataclass(frozen=True, slots=True)
class Showing:
    """Paths as the runtime's Lifecycle takes them, "" for what a resource does not have.

    Attributes:
        get_id: The field of the Get request that names the resource.
        resource_id: Path of its value in the resource.
        state: Path of the state enum, if one of its values means ready.
        ready: Names of the values that mean ready.
        failed: Names of the values after which it does not get ready.
        in_error: Names of the values after which it may, or may not.
        deleting: Names of the values after which it is gone.
        disabled: Path of a bool that turns it off.
        created_at: Path of the time of creation.
        updated_at: Path of the time of the last change.
        conditions: Path of the messages that explain the state.
        condition_updated_at: Field of these with the time of their last change.
        updated_after: Field of the List request that leaves out what has not changed since.
        lists: Whether all resources can be listed.
    """

    get_id: str
    resource_id: str
    state: str
    ready: tuple[str, ...]
    failed: tuple[str, ...]
    in_error: tuple[str, ...]
    deleting: tuple[str, ...]
    disabled: str
    created_at: str
    updated_at: str
    conditions: str
    condition_updated_at: str
    updated_after: str
    lists: bool


@dataclass(frozen=True, slots=True)
class _State:
    """The state enum of a resource: its path, and its values by meaning."""

    path: str = ""
    ready: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    in_error: tuple[str, ...] = ()
    deleting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Editing:
    """How an Update request is made of the resource.

    Attributes:
        fields: Pairs of a field of the request and its path in the resource, "" for all of it.
        mask: The request's field mask, or "".
        whole: The request's field that holds the whole resource, or "".
    """

    fields: tuple[tuple[str, str], ...]
    mask: str
    whole: str


def find_showing(api: Api, resource: Resource) -> Showing | None:
    """Return what waiting needs to know, or None if the resource cannot be read by a str id."""
    get = resource.call("get")
    if get is None or not get.id_field:
        return None
    id_field = api.messages[get.method.request].field(get.id_field)
    if id_field is None or id_field.kind is not Kind.STRING:
        return None
    message = api.messages[resource.message]
    state = _state(api, message)
    conditions = conditions_path(api, message, state.path)
    listing = _listing(api, resource)
    resource_id = id_path(api, resource, id_field)
    return Showing(
        get_id=get.id_field,
        resource_id=resource_id,
        state=state.path,
        ready=state.ready,
        failed=state.failed,
        in_error=state.in_error,
        deleting=state.deleting,
        disabled=_disabled(api, message),
        created_at=time_path(api, message, state.path, CREATED),
        updated_at=time_path(api, message, state.path, UPDATED),
        conditions=conditions,
        condition_updated_at=_condition_updated_at(api, message, conditions),
        updated_after=updated_after(listing) if listing is not None else "",
        # What a List shows is told apart by its id.
        lists=listing is not None and bool(resource_id),
    )


def find_editing(api: Api, resource: Resource) -> Editing | None:
    """Return how to edit, or None where a required field of Update has no source."""
    get, update = resource.call("get"), resource.call("update")
    if get is None or update is None or not get.id_field:
        return None
    request = api.messages[update.method.request]
    pairs: list[tuple[str, str]] = []
    mask = whole = ""
    for field in request.fields:
        if field.type_name == _FIELD_MASK and field.name == "update_mask" and not field.repeated:
            mask = field.name
            continue
        if field.type_name == resource.message and not field.repeated:
            pairs.append((field.name, ""))
            whole = field.name
            continue
        path = source_path(api, resource, field)
        if path is None and field.name == get.id_field:
            path = id_path(api, resource, field) or None
        if path is not None:
            pairs.append((field.name, path))
        elif field.required:
            return None
    if not pairs:
        return None
    return Editing(tuple(pairs), mask if whole else "", whole)


def source_path(api: Api, resource: Resource, field: Field) -> str | None:
    """Return where in the resource a field of a request has its value, by its name and type."""
    sources = _sources(api, resource)
    return next((path for path, source in sources if _fits(api, field, source)), None)


def _sources(api: Api, resource: Resource) -> list[tuple[str, Field]]:
    """Return the fields that requests may have in common: the spec's first, then the rest."""
    message = api.messages[resource.message]
    sources: list[tuple[str, Field]] = []
    spec = message.field(_SPEC)
    if spec is not None and spec.kind is Kind.MESSAGE and not spec.repeated:
        sources += [(f"{_SPEC}.{f.name}", f) for f in api.messages[spec.type_name].fields]
    return sources + [(field.name, field) for field in message.fields]


def _fits(api: Api, field: Field, source: Field) -> bool:
    if (field.name, field.kind, field.repeated) != (source.name, source.kind, source.repeated):
        return False
    if field.kind is Kind.MAP:
        mine, other = api.messages[field.type_name], api.messages[source.type_name]
        return all(
            (a.kind, a.type_name) == (b.kind, b.type_name)
            for a, b in zip(mine.fields, other.fields, strict=True)
        )
    return field.type_name == source.type_name


def id_path(api: Api, resource: Resource, id_field: Field) -> str:
    """Return where in the resource the value of a request's id field is, or ""."""
    message = api.messages[resource.message]
    names = [id_field.name]
    prefix = f"{snake_case(resource.noun)}_"
    if id_field.name.startswith(prefix):
        names.append(id_field.name.removeprefix(prefix))
    for name in names:
        for path, field, _ in leaves(api, message):
            if field.name == name and field.kind is id_field.kind and not field.repeated:
                return path
    return ""


def leaves(api: Api, message: Message) -> Iterator[tuple[str, Field, Field | None]]:
    """Yield path, field and parent for the fields of a message, then for those one level down."""
    for field in message.fields:
        yield field.name, field, None
    for parent in message.fields:
        if parent.kind is Kind.MESSAGE and not parent.repeated:
            for field in api.messages[parent.type_name].fields:
                yield f"{parent.name}.{field.name}", field, parent


def _state(api: Api, message: Message) -> _State:
    """Return path and values of the state, after AIP-216: enum, output only."""
    found: list[tuple[int, _State]] = []
    for path, field, parent in leaves(api, message):
        if field.kind is not Kind.ENUM or field.repeated:
            continue
        if not (field.output_only or (parent is not None and parent.output_only)):
            continue
        enum = api.enums[field.type_name]
        if field.name not in ("state", "status") and words(enum.path[-1])[-1] not in (
            "State",
            "Status",
        ):
            continue
        bare = _bare_names(enum)
        ready, failed, in_error, deleting = (
            tuple(bare[name] for name in names if name in bare)
            for names in (_READY, _FAILED, _IN_ERROR, DELETING)
        )
        if ready:
            rank = 0 if field.name in ("state", "status") else 1
            found.append((rank, _State(path, ready[:1], failed, in_error, deleting)))
    return min(found, key=lambda entry: entry[0])[1] if found else _State()


def _listing(api: Api, resource: Resource) -> Message | None:
    """Return the request of the List that shows all resources, if it needs no field."""
    call = resource.call("list")
    if call is None:
        return None
    request = api.messages[call.method.request]
    return None if any(field.required for field in request.fields) else request


def updated_after(request: Message) -> str:
    """Return the List request's field that leaves out what has not changed since, or ""."""
    field = request.field(_UPDATED_AFTER)
    return "" if field is None or field.type_name != _TIMESTAMP or field.repeated else field.name


def _disabled(api: Api, message: Message) -> str:
    paths = (
        path
        for path, field, _ in leaves(api, message)
        if field.name == _DISABLED and field.kind is Kind.BOOL and not field.repeated
    )
    return next(paths, "")


def _condition_updated_at(api: Api, message: Message, path: str) -> str:
    conditions = next((f for at, f, _ in leaves(api, message) if at == path), None)
    if conditions is None:
        return ""
    fields = api.messages[conditions.type_name].fields
    return next((f.name for f in fields if _is_time(f, _CONDITION_UPDATED)), "")


def _bare_names(enum: Enum) -> dict[str, str]:
    """Return the values of an enum by their names without the enum's in front."""
    prefix = f"{snake_case(enum.path[-1]).upper()}_"
    return {value.removeprefix(prefix): value for value in enum.values}


def state_values(api: Api, message: Message, path: str) -> dict[str, str]:
    """Return the values of the state enum at a path by their bare names: READY, FAILED."""
    for found, field, _ in leaves(api, message):
        if found == path:
            return _bare_names(api.enums[field.type_name])
    return {}


def time_path(api: Api, message: Message, state_path: str, names: tuple[str, ...]) -> str:
    """Return the path of the Timestamp with one of the names, "" for none."""
    holder = state_path.rpartition(".")[0]
    return _path_of(api, message, holder, lambda field: _is_time(field, names))


def conditions_path(api: Api, message: Message, state_path: str) -> str:
    """Return the path of the messages that explain the state, "" for none."""
    return _path_of(api, message, state_path.rpartition(".")[0], _is_conditions)


def _path_of(api: Api, message: Message, holder: str, fits: Callable[[Field], bool]) -> str:
    """Return the path of the first field that fits, beside the state if it is there."""
    paths = [path for path, field, _ in leaves(api, message) if fits(field)]
    beside = [path for path in paths if path.rpartition(".")[0] == holder]
    return next(iter(beside + paths), "")


def _is_time(field: Field, names: tuple[str, ...]) -> bool:
    return field.name in names and field.type_name == _TIMESTAMP and not field.repeated


def _is_conditions(field: Field) -> bool:
    return field.name == "conditions" and field.kind is Kind.MESSAGE and field.repeated
