"""Which generated module holds what, and under which names.

Each target file becomes one module. It holds, beside clients for its services, a TypedDict for
every message of the file that some request of the run can reach. Messages of files for which
nothing is generated in this run (google.type and the like) have no module of their own: each
module that needs them gets its own TypedDict, which type checkers take for one another, because
TypedDicts are compared by structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triwire.plugin.failure import PluginError
from triwire.plugin.lifecycle import Editing, Showing, find_editing, find_showing
from triwire.plugin.model import Kind
from triwire.plugin.names import Names, escape, snake_case
from triwire.plugin.once import Creating, Deleting, find_creating, find_deleting
from triwire.plugin.resources import find_resources
from triwire.plugin.service_config import ServiceConfig, check_methods
from triwire.plugin.watching import Watching, find_watching

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from triwire.plugin.model import Api, File, Message, Service
    from triwire.plugin.options import Options
    from triwire.plugin.resources import Resource

__all__ = ["ModulePlan", "Plan", "ResourcePlan", "ServicePlan", "make_plan"]

# Names that generated modules import.
_IMPORTED: Final = (
    "Any",
    "AsyncIterable",
    "Awaitable",
    "Callable",
    "Collection",
    "Final",
    "Iterable",
    "Literal",
    "Mapping",
    "Protocol",
    "RETRY_THROTTLING",
    "Required",
    "Sequence",
    "TYPE_CHECKING",
    "TypeAlias",
    "TypedDict",
    "Union",
    "builtins",
    "cast",
    "datetime",
    "overload",
    "timedelta",
)


@dataclass(frozen=True, slots=True)
class ResourcePlan:
    """The classes of a resource.

    Attributes:
        resource: What it is.
        name: The sync class; the async one has "Async" in front.
        showing: For waiting, or None.
        editing: For edit, or None.
        lifecycle: Name of the constant for waiting.
        creating: For a create that happens once, or None.
        creation: Name of its constant.
        deleting: For a delete that may find nothing, or None.
        deletion: Name of its constant.
        watching: For watching, or None.
        watch_kind: Name of its constant.
    """

    resource: Resource
    name: str
    showing: Showing | None
    editing: Editing | None
    lifecycle: str
    creating: Creating | None
    creation: str
    deleting: Deleting | None
    deletion: str
    watching: Watching | None
    watch_kind: str


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """The names made for a service; `constants` are those of its methods, in order."""

    service: Service
    methods: str
    constants: tuple[str, ...]
    client: str
    server: str
    factory: str
    resources: tuple[ResourcePlan, ...]


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """One generated module.

    Attributes:
        file: Path of the .proto file.
        module: Dotted name of the generated module.
        services: Its services.
        dicts: Full names of messages -> name of their TypedDict, in order of emission.
        inputs: The same messages -> name of the alias for "message or TypedDict".
        enums: Full names of enums -> name of the alias of their value names.
    """

    file: str
    module: str
    services: tuple[ServicePlan, ...]
    dicts: dict[str, str]
    inputs: dict[str, str]
    enums: dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The modules of one run, by the path of their .proto file, and the service config."""

    api: Api
    options: Options
    modules: dict[str, ModulePlan]
    retries: ServiceConfig

    def python_module(self, file: str, suffix: str) -> str:
        """Return the dotted name of the module that a generator makes of a .proto file."""
        return _module(file, suffix, self.options.prefix if file in self.api.targets else "")


def make_plan(api: Api, options: Options, *, retries: ServiceConfig | None = None) -> Plan:
    """Decide what goes where.

    Args:
        api: The files of the run.
        options: As given to the plugin.
        retries: The service config; without one nothing is retried.

    Raises:
        PluginError: A file or type that Python cannot name, or a service config that does not
            fit the files.
    """
    retries = retries if retries is not None else ServiceConfig()
    check_methods(retries, api)
    for file in api.targets:
        _check_importable(file)
    owned = _reachable_by_file(api)
    modules: dict[str, ModulePlan] = {}
    for file in api.targets:
        module = _module_plan(api, options, file, owned)
        if module.services or module.dicts or module.enums:
            modules[file] = module
    return Plan(api, options, modules, retries)


def reachable(api: Api, roots: Iterable[Message]) -> Iterator[tuple[str, bool]]:
    """Yield (full name, whether it is an enum) of the types of the roots' fields, transitively.

    Well-known types are left out: they have Python forms of their own.
    """
    waiting = list(roots)
    seen: set[str] = set()
    while waiting:
        message = waiting.pop(0)
        for field in message.fields:
            name = field.type_name
            if not name or name in seen or name.startswith("google.protobuf."):
                continue
            seen.add(name)
            if field.kind is Kind.ENUM:
                yield name, True
                continue
            if name not in api.messages:
                raise PluginError(f"the compiler did not send the type {name}")
            found = api.messages[name]
            waiting.append(found)
            if not found.is_entry:
                yield name, False


def _requests(api: Api, file: str) -> list[Message]:
    return [
        api.messages[method.request]
        for service in api.files[file].services
        for method in service.methods
    ]


def _reachable_by_file(api: Api) -> dict[str, set[str]]:
    """Return the types of each file that requests of the run can reach."""
    owned: dict[str, set[str]] = {}
    roots = [message for file in api.targets for message in _requests(api, file)]
    for name, is_enum in reachable(api, roots):
        file = (api.enums if is_enum else api.messages)[name].file
        owned.setdefault(file, set()).add(name)
    return owned


def _module_plan(api: Api, options: Options, file: str, owned: dict[str, set[str]]) -> ModulePlan:
    names = Names(_IMPORTED)
    services = tuple(_service_plan(api, service, names) for service in api.files[file].services)
    mine = owned.get(file, set())
    roots = _requests(api, file) + [api.messages[n] for n in sorted(mine) if n in api.messages]
    foreign = {
        name
        for name, is_enum in reachable(api, roots)
        if (api.enums if is_enum else api.messages)[name].file not in api.targets
    }
    wanted = mine | foreign
    enums: dict[str, str] = {}
    dicts: dict[str, str] = {}
    inputs: dict[str, str] = {}
    for source in _in_order(api, file):
        for enum in source.enums:
            if enum.full_name in wanted:
                enums[enum.full_name] = names.take(*_type_names(enum.path, enum.full_name, "Name"))
        for message in source.messages:
            if message.full_name in wanted:
                path, full_name = message.path, message.full_name
                dicts[full_name] = names.take(*_type_names(path, full_name, "Dict"))
                inputs[full_name] = names.take(*_type_names(path, full_name, "Input"))
    module = _module(file, "_triwire", options.prefix)
    return ModulePlan(file, module, services, dicts, inputs, enums)


def _in_order(api: Api, first: str) -> list[File]:
    return [api.files[first], *(f for path, f in sorted(api.files.items()) if path != first)]


def _type_names(path: tuple[str, ...], full_name: str, suffix: str) -> tuple[str, ...]:
    """Return the wishes for a type's name: its path, else with the whole package in front."""
    everything = "".join(part[:1].upper() + part[1:] for part in full_name.split("."))
    return "".join(path) + suffix, everything.replace("_", "") + suffix


def _service_plan(api: Api, service: Service, names: Names) -> ServicePlan:
    own = Names(("ALL",))
    constants = tuple(own.take(snake_case(method.name).upper()) for method in service.methods)
    for method in service.methods:
        for name in (method.request, method.response):
            _check_importable_type(api, name)
    methods = names.take(f"{service.name}Methods")
    client = _pair(names, f"{service.name}Client")
    server = names.take(f"{service.name}Server")
    factory = names.take(escape(snake_case(service.name)))
    resources = tuple(
        _resource_plan(api, service, resource, names) for resource in find_resources(api, service)
    )
    return ServicePlan(service, methods, constants, client, server, factory, resources)


def _resource_plan(api: Api, service: Service, resource: Resource, names: Names) -> ResourcePlan:
    bare = service.name.removesuffix("Service") or service.name
    name = _pair(names, resource.plural, f"{bare}{resource.plural}")
    showing = find_showing(api, resource)
    return ResourcePlan(
        resource=resource,
        name=name,
        showing=showing,
        editing=find_editing(api, resource),
        lifecycle=names.take(f"_{snake_case(name).upper()}_LIFECYCLE"),
        creating=find_creating(api, resource),
        creation=names.take(f"_{snake_case(name).upper()}_CREATION"),
        deleting=find_deleting(api, resource),
        deletion=names.take(f"_{snake_case(name).upper()}_DELETION"),
        watching=find_watching(api, resource, showing),
        watch_kind=names.take(f"_{snake_case(name).upper()}_KIND"),
    )


def _pair(names: Names, *wishes: str) -> str:
    """Take a name that is free with "Async" in front as well."""
    while True:
        name = names.take(*wishes)
        if names.take(f"Async{name}") == f"Async{name}":
            return name


def _module(file: str, suffix: str, prefix: str) -> str:
    # protoc writes hyphens of file names as underscores.
    bare = file.removesuffix(".proto").replace("-", "_").replace("/", ".") + suffix
    return f"{prefix}.{bare}" if prefix else bare


def _check_importable(file: str) -> None:
    parts = _module(file, "_pb2", "").split(".")
    for part in parts:
        if not part.isidentifier() or escape(part) != part:
            raise PluginError(
                f"{file}: cannot be imported in Python, {part!r} is no name: rename the file "
                f"or folder"
            )


def _check_importable_type(api: Api, name: str) -> None:
    for part in api.messages[name].path:
        if escape(part) != part:
            raise PluginError(
                f"{api.messages[name].file}: the message {name} cannot be named in Python: "
                f"{part!r} is a keyword"
            )
