"""Request messages from typed keywords.

protobuf's own constructor does the work. Before it, only those values are looked at that it
would take wrongly without a word (a str for a repeated field, two members of a oneof, a naive
datetime) or that some of its releases do not take (datetime, dicts as map values). When
anything is refused, `explain` walks the keywords again and says what and where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, TypeVar, cast

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from triwire.codec.reflection import is_map, is_repeated
from triwire.resource.keywords import REFUSALS, real_name
from triwire.resource.wellknown import conversion_of, is_sequence

if TYPE_CHECKING:
    from triwire.codec.reflection import AnyDescriptor, AnyField

__all__ = ["build_request", "build_request_by_id"]

MessageT = TypeVar("MessageT", bound=Message)
Prepare: TypeAlias = Callable[[Any], Any]

# FieldDescriptor.CPPTYPE_*: int32, int64, uint32, uint64.
_INTEGERS: Final = frozenset({1, 2, 3, 4})
_CPPTYPE_MESSAGE: Final = 10


def build_request(
    message_type: type[MessageT],
    method: str,
    request: object,
    fields: Mapping[str, object],
    required: tuple[str, ...] = (),
) -> MessageT:
    """Return the request of a call: the message that was given, or one made of the fields.

    Args:
        message_type: The request's class.
        method: Name of the method for error texts.
        request: The positional argument, None if there was none. Returned as it is.
        fields: Keywords; None leaves a field out.
        required: Keywords that may not be missing.

    Raises:
        TypeError: both a message and fields; an unknown or missing field; a value of a type
            that the field does not take.
        ValueError: a value that the field cannot hold, such as an unknown enum name.
    """
    if request is not None:
        if isinstance(request, message_type) and not fields:
            return request
        _refuse_request(message_type, method, request, fields)
    for name in required:
        if fields.get(name) is None:
            _refuse_missing(message_type, method, fields, required)
    try:
        return message_type(**_shape(message_type).prepared(fields))
    except REFUSALS as error:
        from triwire.resource.explain import explain

        raise explain(message_type.DESCRIPTOR, method, fields, error) from None


def build_request_by_id(
    message_type: type[MessageT],
    method: str,
    request: object,
    fields: Mapping[str, object],
    required: tuple[str, ...] = (),
    *,
    id_field: str,
) -> MessageT:
    """Do as `build_request`; a positional str or int is the value of `id_field`."""
    if isinstance(request, str | int) and not isinstance(request, bool):
        if id_field in fields:
            raise TypeError(f"{method}(): got {id_field!r} both as an argument and as a keyword")
        if not fields:
            try:
                return message_type(**{id_field: request})
            except (TypeError, ValueError):
                pass  # said by what follows, with the field's name
        return build_request(message_type, method, None, {id_field: request, **fields}, required)
    return build_request(message_type, method, request, fields, required)


class _RefusedError(ValueError):
    """Something is wrong with a value; `explain` finds out what."""


class _Shape:
    """What has to be done to the fields of one message type before its constructor.

    Attributes:
        rules: Per field that needs it, a function that returns the value to pass on.
        oneofs: Names of the members of each oneof with more than one.
        known: Every field by name.
    """

    __slots__ = ("known", "oneofs", "rules")

    def __init__(self, descriptor: AnyDescriptor) -> None:
        self.known: dict[str, AnyField] = dict(descriptor.fields_by_name)
        self.oneofs = [
            frozenset(field.name for field in oneof.fields)
            for oneof in descriptor.oneofs
            if len(oneof.fields) > 1
        ]
        self.rules: dict[str, Prepare] = {}
        for name, field in self.known.items():
            rule = _rule(field)
            if rule is not None:
                self.rules[name] = rule

    def prepared(self, fields: Mapping[str, object]) -> dict[str, Any]:
        """Return what the constructor takes in place of `fields`."""
        prepared: dict[str, Any] = {}
        for given, value in fields.items():
            if value is None:
                continue
            name = given if given in self.known else real_name(given, self.known)
            rule = self.rules.get(name)
            prepared[name] = value if rule is None else rule(value)
        for members in self.oneofs:
            if len(members & prepared.keys()) > 1:
                raise _RefusedError
        return prepared


_shapes: Final[dict[type[Message], _Shape]] = {}


def _shape(message_type: type[Message]) -> _Shape:
    found = _shapes.get(message_type)
    if found is None:
        found = _shapes[message_type] = _Shape(message_type.DESCRIPTOR)
    return found


def _rule(field: AnyField) -> Prepare | None:
    if is_map(field):
        return _map_rule(field.message_type.fields_by_name["value"])
    single = _single_rule(field)
    return _repeated_rule(single) if is_repeated(field) else single


def _single_rule(field: AnyField) -> Prepare | None:
    if field.cpp_type == _CPPTYPE_MESSAGE:
        return _message_rule(field)
    if field.enum_type is not None:
        return _enum_number(field.enum_type)
    return _integer if field.cpp_type in _INTEGERS else None


def _integer(value: object) -> object:
    # protobuf 7 refuses a bool, earlier releases take it for 0 or 1.
    if isinstance(value, bool):
        raise _RefusedError
    return value


def _message_rule(field: AnyField) -> Prepare:
    descriptor = field.message_type
    message_type = GetMessageClass(descriptor)
    conversion = conversion_of(descriptor, message_type)

    def prepare(value: object) -> object:
        if isinstance(value, Message):
            return value
        if conversion is not None:
            return conversion.convert(value)
        if not isinstance(value, Mapping):
            raise _RefusedError
        return _shape(message_type).prepared(cast("Mapping[str, object]", value))

    return prepare


def _enum_number(enum: AnyDescriptor) -> Prepare:
    """Return a rule for enums.

    protobuf takes names too, but not in maps in pure Python, and its releases before 2026 crash on
    a name that UTF-8 cannot say.
    """
    numbers = {name: value.number for name, value in enum.values_by_name.items()}

    def prepare(value: object) -> object:
        if not isinstance(value, str):
            return _integer(value)
        if value not in numbers:
            raise _RefusedError
        return numbers[value]

    return prepare


def _map_rule(value_field: AnyField) -> Prepare:
    single = _single_rule(value_field)
    is_message = value_field.cpp_type == _CPPTYPE_MESSAGE

    def prepare(value: Any) -> object:  # noqa: ANN401 - narrowed below
        if not isinstance(value, Mapping):
            raise _RefusedError
        items = cast("dict[Any, Any]", value)
        if single is None:
            return items
        made: dict[Any, Any] = {key: single(item) for key, item in items.items()}
        if is_message:
            # protobuf 5.29 does not take dicts as values of a map.
            message_type = GetMessageClass(value_field.message_type)
            return {
                key: item if isinstance(item, Message) else message_type(**item)
                for key, item in made.items()
            }
        return made

    return prepare


def _repeated_rule(single: Prepare | None) -> Prepare:
    def prepare(value: Any) -> object:  # noqa: ANN401 - narrowed by is_sequence
        if not is_sequence(value):
            raise _RefusedError
        items: Iterable[Any] = value
        return list(items) if single is None else [single(item) for item in items]

    return prepare


def _refuse_request(
    message_type: type[Message], method: str, request: object, fields: Mapping[str, object]
) -> NoReturn:
    name = message_type.DESCRIPTOR.full_name
    if isinstance(request, message_type):
        raise TypeError(
            f"{method}(): got both a {name} message and the keywords {sorted(fields)}: "
            f"set them on the message, or pass keywords only"
        )
    raise TypeError(
        f"{method}(): expected a {name} message or its fields as keywords, "
        f"got {type(request).__name__}"
    )


def _refuse_missing(
    message_type: type[Message],
    method: str,
    fields: Mapping[str, object],
    required: tuple[str, ...],
) -> NoReturn:
    known = dict(message_type.DESCRIPTOR.fields_by_name)
    unknown = [name for name in fields if real_name(name, known) not in known]
    missing = [name for name in required if fields.get(name) is None]
    text = f"{method}(): missing {', '.join(missing)}"
    if unknown:
        text += f", and no such field: {', '.join(unknown)}; the fields are {', '.join(known)}"
    raise TypeError(text)
