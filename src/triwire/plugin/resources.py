"""Resources: found in a service's methods by the conventions of the API improvement proposals.

Nothing here knows a name of any API. A service has a resource X (AIP-121) where

* `Get<X>` answers with X, or with a message that has X in exactly one field, or
* `List<Xs>` answers with a message that has one repeated field of messages, of type X,

unless X has no List and its name holds the noun of another resource.

`Create<X>`, `Update<X>` and `Delete<X>` join if they answer with X in the same ways (Delete may
also answer with nothing). Every other unary method that carries the noun becomes a plain method.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from triwire.plugin.model import Field, Kind, Streaming
from triwire.plugin.names import plural, snake_case, words

if TYPE_CHECKING:
    from triwire.plugin.model import Api, Message, Method, Service

__all__ = ["Call", "Resource", "Result", "ResultKind", "find_resources"]

_EMPTY: Final = "google.protobuf.Empty"
_ID_NAMES: Final = ("name", "id", "uid")
# Plain methods never take these: they are here, or later issues of the watch put them there.
_OWN_NAMES: Final = frozenset(
    {
        "create",
        "delete",
        "edit",
        "get",
        "list",
        "rpc",
        "update",
        "wait_all",
        "wait_for",
        "wait_until_deleted",
        "wait_until_ready",
        "watch",
    }
)


class ResultKind(Enum):
    """What a call of a resource class returns."""

    RESPONSE = "the response message as it is"
    FIELD = "one field of the response"
    ITEMS = "a repeated field of the response, as a list"
    NOTHING = "None"


@dataclass(frozen=True, slots=True)
class Result:
    """What a call returns; `field` is set for FIELD and ITEMS."""

    kind: ResultKind
    field: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One method of a resource class.

    Attributes:
        name: Its Python name before escaping, such as "get" or "parameters".
        method: The RPC.
        result: What it returns.
        id_field: The request's field that can be given positionally, or "".
        is_paged: Whether the List is one of AIP-158, with page tokens.
    """

    name: str
    method: Method
    result: Result
    id_field: str = ""
    is_paged: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a service.

    Attributes:
        noun: The name in the methods, such as "Book".
        plural: The plural, as List has it or else as English makes it.
        message: Full name of the resource's message.
        calls: Standard methods first, in the order of AIP-130, then the others by the file.
    """

    noun: str
    plural: str
    message: str
    calls: tuple[Call, ...]

    def call(self, name: str) -> Call | None:
        """Return the call of this name, if there is one."""
        return next((call for call in self.calls if call.name == name), None)


def find_resources(api: Api, service: Service) -> tuple[Resource, ...]:
    """Return the resources of a service, in the order of their first method."""
    return _Finder(api, service).resources()


class _Finder:
    def __init__(self, api: Api, service: Service) -> None:
        self._api = api
        self._unary = {
            method.name: method for method in service.methods if method.streaming is Streaming.UNARY
        }

    def resources(self) -> tuple[Resource, ...]:
        # Noun -> (message, List method if there is one).
        nouns: dict[str, tuple[str, Method | None]] = {}
        for method in self._unary.values():
            if method.name.startswith("Get"):
                found = self._held(method, method.name[3:])
                if found is not None:
                    nouns.setdefault(found.name, (found.full_name, None))
            elif method.name.startswith("List"):
                item = self._listed(method)
                if item is not None and _is_plural_of(method.name[4:], item.name):
                    nouns[item.name] = (item.full_name, method)
        nouns = _without_parts(nouns)
        used: set[str] = set()
        drafts: dict[str, list[Call]] = {}
        for noun, (message, listing) in nouns.items():
            drafts[noun] = self._standard(noun, message, listing)
            used.update(call.method.name for call in drafts[noun])
        plurals = {
            noun: listing.name[4:] if listing is not None else plural(noun)
            for noun, (_, listing) in nouns.items()
        }
        for method in self._unary.values():
            if method.name in used:
                continue
            owner = _owner(method.name, plurals)
            if owner is None:
                continue
            noun, name = owner
            taken = {call.name for call in drafts[noun]}
            if name in _OWN_NAMES or name in taken:
                continue
            drafts[noun].append(self._plain(name, method, nouns[noun][0]))
        return tuple(
            Resource(noun, plurals[noun], message, tuple(drafts[noun]))
            for noun, (message, _) in nouns.items()
        )

    def _message(self, full_name: str) -> Message:
        return self._api.messages[full_name]

    def _held(self, method: Method, noun: str) -> Message | None:
        """Return the message X that a method answers with, by the noun's name."""
        response = self._message(method.response)
        if response.name == noun:
            return response
        held = [
            self._message(field.type_name)
            for field in response.fields
            if field.kind is Kind.MESSAGE
            and not field.repeated
            and self._message(field.type_name).name == noun
        ]
        return held[0] if len(held) == 1 else None

    def _listed(self, method: Method) -> Message | None:
        items = [f for f in self._message(method.response).fields if _is_message_list(f)]
        return self._message(items[0].type_name) if len(items) == 1 else None

    def _standard(self, noun: str, message: str, listing: Method | None) -> list[Call]:
        calls: list[Call] = []
        if listing is not None:
            calls.append(self._list_call(listing))
        for verb in ("Get", "Create", "Update", "Delete"):
            method = self._unary.get(verb + noun)
            if method is None:
                continue
            result = self._result(method, message)
            if verb == "Delete" and result.kind is ResultKind.RESPONSE and self._is_empty(method):
                result = Result(ResultKind.NOTHING)
            elif verb in ("Get", "Update") and not _is_resource(result, method, message):
                # Such as a long-running operation. Create and Delete of one have a use; `get`
                # and `update` that return no resource would break what is built on them.
                continue
            id_field = self._id_field(method, noun) if verb in ("Get", "Delete") else ""
            calls.append(Call(verb.lower(), method, result, id_field))
        return calls

    def _list_call(self, method: Method) -> Call:
        request, response = self._message(method.request), self._message(method.response)
        items = next(field for field in response.fields if _is_message_list(field))
        token, next_token = request.field("page_token"), response.field("next_page_token")
        is_paged = _is_text(token) and _is_text(next_token)
        return Call("list", method, Result(ResultKind.ITEMS, items.name), is_paged=is_paged)

    def _plain(self, name: str, method: Method, message: str) -> Call:
        result = self._result(method, message)
        if method.response == _EMPTY:
            result = Result(ResultKind.NOTHING)
        return Call(name, method, result)

    def _result(self, method: Method, message: str) -> Result:
        if method.response == message:
            return Result(ResultKind.RESPONSE)
        fields = self._message(method.response).fields
        holding = [field for field in fields if field.type_name == message]
        if len(holding) == 1 and holding[0].kind is Kind.MESSAGE:
            if not holding[0].repeated:
                return Result(ResultKind.FIELD, holding[0].name)
            if len(fields) == 1:
                return Result(ResultKind.ITEMS, holding[0].name)
        return Result(ResultKind.RESPONSE)

    def _is_empty(self, method: Method) -> bool:
        return not self._message(method.response).fields

    def _id_field(self, method: Method, noun: str) -> str:
        fields = self._message(method.request).fields
        scalars = [f for f in fields if f.kind in (Kind.STRING, Kind.INT) and not f.repeated]
        required = [field for field in fields if field.required]
        if len(fields) == 1 and scalars:
            return scalars[0].name
        if len(required) == 1 and required[0] in scalars:
            return required[0].name
        if not required:
            names = (*_ID_NAMES, f"{snake_case(noun)}_id", f"{snake_case(noun)}_name")
            found = [field.name for field in scalars if field.name in names]
            if len(found) == 1:
                return found[0]
        return ""


def _is_resource(result: Result, method: Method, message: str) -> bool:
    return result.kind is ResultKind.FIELD or method.response == message


def _is_message_list(field: Field) -> bool:
    return field.kind is Kind.MESSAGE and field.repeated


def _is_text(field: Field | None) -> bool:
    return field is not None and field.kind is Kind.STRING and not field.repeated


def _is_plural_of(name: str, noun: str) -> bool:
    """Tell whether List's noun means X: the same words, but for the end of the last one."""
    listed, single = words(name), words(noun)
    if len(listed) != len(single) or listed[:-1] != single[:-1]:
        return False
    one, many = single[-1], listed[-1]
    # Book/Books, Category/Categories, Leaf/Leaves, Person/People, Media/Media.
    return many in (one, plural(one)) or many[:2] == one[:2]


def _without_parts(
    nouns: dict[str, tuple[str, Method | None]],
) -> dict[str, tuple[str, Method | None]]:
    """Drop nouns without a List that hold another noun: BookSettings is a part of Book (AIP-156).

    Its methods become plain ones of the other: `books.settings()`.
    """
    kept = [noun for noun, (_, listing) in nouns.items() if listing is not None]
    for noun in sorted(nouns, key=len):
        if noun not in kept and all(_find(words(noun), words(other)) is None for other in kept):
            kept.append(noun)
    return {noun: found for noun, found in nouns.items() if noun in kept}


def _owner(name: str, plurals: dict[str, str]) -> tuple[str, str] | None:
    """Return the resource that a method belongs to, and its name there.

    The longest noun wins, then the first in the name: `GetBookShelf` is none of Book's.
    """
    parts = words(name)
    best: tuple[int, int, str] | None = None
    for noun, many in plurals.items():
        for form in (words(noun), words(many)):
            at = _find(parts, form)
            if at is not None and (best is None or (-len(form), at) < best[:2]):
                best = (-len(form), at, noun)
    if best is None:
        return None
    length, at, noun = -best[0], best[1], best[2]
    rest = parts[:at] + parts[at + length :]
    if len(rest) > 1 and rest[0] == "Get":
        rest = rest[1:]
    return (noun, "_".join(rest).lower()) if rest else None


def _find(parts: list[str], form: list[str]) -> int | None:
    for at in range(len(parts) - len(form) + 1):
        if parts[at : at + len(form)] == form:
            return at
    return None
