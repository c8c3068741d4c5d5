"""Descriptors to model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import FeatureSet, FieldDescriptorProto, MethodOptions
from google.protobuf.message import DecodeError

from triwire.plugin.failure import PluginError
from triwire.plugin.formats import is_uuid
from triwire.plugin.httpcheck import checked
from triwire.plugin.model import (
    Api,
    Enum,
    Field,
    File,
    HttpBinding,
    Kind,
    Message,
    Method,
    Oneof,
    Service,
    Streaming,
)
from triwire.plugin.validate import ValidationRules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.api.http_pb2 import HttpRule
    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        EnumDescriptorProto,
        FileDescriptorProto,
        MethodDescriptorProto,
        ServiceDescriptorProto,
    )

__all__ = ["parse_request", "read_api"]

_Type = FieldDescriptorProto.Type
_KINDS: Final = {
    _Type.TYPE_BOOL: Kind.BOOL,
    _Type.TYPE_BYTES: Kind.BYTES,
    _Type.TYPE_DOUBLE: Kind.FLOAT,
    _Type.TYPE_FLOAT: Kind.FLOAT,
    _Type.TYPE_STRING: Kind.STRING,
    _Type.TYPE_ENUM: Kind.ENUM,
    _Type.TYPE_MESSAGE: Kind.MESSAGE,
    _Type.TYPE_GROUP: Kind.MESSAGE,
}
_STREAMING: Final = {
    (False, False): Streaming.UNARY,
    (True, False): Streaming.CLIENT,
    (False, True): Streaming.SERVER,
    (True, True): Streaming.BIDI,
}
_IDEMPOTENCY: Final = {
    MethodOptions.IDEMPOTENCY_UNKNOWN: "UNKNOWN",
    MethodOptions.NO_SIDE_EFFECTS: "NO_SIDE_EFFECTS",
    MethodOptions.IDEMPOTENT: "IDEMPOTENT",
}
# Field numbers in descriptor.proto, of which the paths of SourceCodeInfo are made.
_FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE = 4, 5, 6
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM = 2, 3, 4
_SERVICE_METHOD = 2

Path = tuple[int, ...]


def parse_request(data: bytes) -> CodeGeneratorRequest:
    """Parse what the compiler sends, options of google.api included.

    Raises:
        PluginError: It is something else.
    """
    try:
        return CodeGeneratorRequest.FromString(data)
    except DecodeError as error:
        raise PluginError(
            "expected a CodeGeneratorRequest on stdin: this program is run by protoc or buf"
        ) from error


def read_api(files: Iterable[FileDescriptorProto], targets: Sequence[str]) -> Api:
    """Read the files of a request.

    Args:
        files: Every file, imports included, out of `parse_request`.
        targets: Paths of the files to generate for.

    Raises:
        PluginError: A google.api.http rule that cannot work, or a type that is missing.
    """
    known = list(files)
    rules = ValidationRules(known)
    read = {file.name: _FileReader(file, rules).file() for file in known}
    messages = {message.full_name: message for file in read.values() for message in file.messages}
    enums = {enum.full_name: enum for file in read.values() for enum in file.enums}
    api = Api(files=read, targets=tuple(targets), messages=messages, enums=enums)
    for path in targets:
        if path not in read:
            raise PluginError(f"the compiler asks for {path} but did not send it")
        for service in read[path].services:
            for method in service.methods:
                _check(api, service, method)
    return api


def _check(api: Api, service: Service, method: Method) -> None:
    where = f"{service.file}: {service.full_name}.{method.name}"
    for name in (method.request, method.response):
        if name not in api.messages:
            raise PluginError(f"{where}: the compiler did not send the type {name}")
    if method.http is not None:
        checked(api, method, where=where)


class _FileReader:
    """Reads one file; knows its comments by path."""

    def __init__(self, proto: FileDescriptorProto, rules: ValidationRules) -> None:
        self._proto = proto
        self._rules = rules
        self._comments = {
            tuple(location.path): location.leading_comments or location.trailing_comments
            for location in proto.source_code_info.location
            if location.leading_comments or location.trailing_comments
        }
        self._messages: list[Message] = []
        self._enums: list[Enum] = []

    def file(self) -> File:
        proto = self._proto
        for at, message in enumerate(proto.message_type):
            self._message(message, (), (_FILE_MESSAGE, at))
        for at, enum in enumerate(proto.enum_type):
            self._enum(enum, (), (_FILE_ENUM, at))
        services = tuple(
            self._service(service, (_FILE_SERVICE, at)) for at, service in enumerate(proto.service)
        )
        return File(proto.name, proto.package, tuple(self._messages), tuple(self._enums), services)

    def _comment(self, path: Path) -> str:
        return self._comments.get(path, "")

    def _full_name(self, path: Sequence[str]) -> str:
        return ".".join((self._proto.package, *path) if self._proto.package else path)

    def _message(self, proto: DescriptorProto, parents: tuple[str, ...], path: Path) -> None:
        names = (*parents, proto.name)
        fields = tuple(
            self._field(proto, field, (*path, _MESSAGE_FIELD, at))
            for at, field in enumerate(proto.field)
        )
        self._messages.append(
            Message(
                full_name=self._full_name(names),
                path=names,
                file=self._proto.name,
                fields=fields,
                comment=self._comment(path),
                is_entry=proto.options.map_entry,
                oneofs=self._oneofs(proto),
                deprecated=proto.options.deprecated,
                rules=self._rules.of_message(proto.options),
            )
        )
        for at, nested in enumerate(proto.nested_type):
            self._message(nested, names, (*path, _MESSAGE_NESTED, at))
        for at, enum in enumerate(proto.enum_type):
            self._enum(enum, names, (*path, _MESSAGE_ENUM, at))

    def _oneofs(self, proto: DescriptorProto) -> tuple[Oneof, ...]:
        made_by_optional = {f.oneof_index for f in proto.field if f.proto3_optional}
        return tuple(
            Oneof(oneof.name, self._rules.of_oneof(oneof.options).get("required", False))
            for at, oneof in enumerate(proto.oneof_decl)
            if at not in made_by_optional
        )

    def _field(self, parent: DescriptorProto, proto: FieldDescriptorProto, path: Path) -> Field:
        behaviors = proto.options.Extensions[field_behavior_pb2.field_behavior]
        is_repeated = proto.label == FieldDescriptorProto.LABEL_REPEATED
        kind = _KINDS.get(proto.type, Kind.INT)
        if kind is Kind.MESSAGE and is_repeated and _is_entry(parent, proto):
            kind, is_repeated = Kind.MAP, False
        in_oneof = proto.HasField("oneof_index") and not proto.proto3_optional
        rules = self._rules.of_field(proto.options)
        return Field(
            name=proto.name,
            kind=kind,
            type_name=proto.type_name.removeprefix("."),
            repeated=is_repeated,
            required=field_behavior_pb2.REQUIRED in behaviors
            or proto.label == FieldDescriptorProto.LABEL_REQUIRED,
            output_only=field_behavior_pb2.OUTPUT_ONLY in behaviors,
            oneof=parent.oneof_decl[proto.oneof_index].name if in_oneof else "",
            comment=self._comment(path),
            is_uuid=is_uuid(proto.options, rules),
            json_name=proto.json_name or _json_name(proto.name),
            type=_Type.Name(proto.type).removeprefix("TYPE_").lower(),
            behaviors=tuple(field_behavior_pb2.FieldBehavior.Name(value) for value in behaviors),
            has_presence=self._has_presence(proto),
            deprecated=proto.options.deprecated,
            rules=rules,
        )

    def _has_presence(self, proto: FieldDescriptorProto) -> bool:
        if proto.label == FieldDescriptorProto.LABEL_REPEATED:
            return False
        if proto.HasField("oneof_index") or _KINDS.get(proto.type) is Kind.MESSAGE:
            return True
        if self._proto.syntax == "editions":
            implicit = FeatureSet.IMPLICIT
            own = proto.options.features.field_presence
            return (own or self._proto.options.features.field_presence) != implicit
        return self._proto.syntax != "proto3"

    def _enum(self, proto: EnumDescriptorProto, parents: tuple[str, ...], path: Path) -> None:
        names = (*parents, proto.name)
        self._enums.append(
            Enum(
                full_name=self._full_name(names),
                path=names,
                file=self._proto.name,
                values=tuple(value.name for value in proto.value),
                comment=self._comment(path),
                numbers=tuple(value.number for value in proto.value),
            )
        )

    def _service(self, proto: ServiceDescriptorProto, path: Path) -> Service:
        return Service(
            name=proto.name,
            full_name=self._full_name((proto.name,)),
            file=self._proto.name,
            methods=tuple(
                self._method(method, (*path, _SERVICE_METHOD, at))
                for at, method in enumerate(proto.method)
            ),
            comment=self._comment(path),
        )

    def _method(self, proto: MethodDescriptorProto, path: Path) -> Method:
        http: HttpBinding | None = None
        if proto.options.HasExtension(annotations_pb2.http):
            http = _binding(proto.options.Extensions[annotations_pb2.http])
        return Method(
            name=proto.name,
            request=proto.input_type.removeprefix("."),
            response=proto.output_type.removeprefix("."),
            streaming=_STREAMING[proto.client_streaming, proto.server_streaming],
            idempotency=_IDEMPOTENCY.get(proto.options.idempotency_level, "UNKNOWN"),
            http=http,
            comment=self._comment(path),
            deprecated=proto.options.deprecated,
        )


def _json_name(name: str) -> str:
    """Return the name that compilers give in JSON, for descriptors that leave it out."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _is_entry(parent: DescriptorProto, field: FieldDescriptorProto) -> bool:
    name = field.type_name.rpartition(".")[2]
    return any(nested.name == name and nested.options.map_entry for nested in parent.nested_type)


def _binding(rule: HttpRule) -> HttpBinding:
    pattern = rule.WhichOneof("pattern")
    if pattern == "custom":
        verb, template = rule.custom.kind, rule.custom.path
    elif pattern is None:
        verb, template = "", ""
    else:
        verb, template = pattern.upper(), str(getattr(rule, pattern))
    return HttpBinding(
        verb=verb,
        template=template,
        body=rule.body,
        response_body=rule.response_body,
        additional=tuple(_binding(nested) for nested in rule.additional_bindings),
    )
