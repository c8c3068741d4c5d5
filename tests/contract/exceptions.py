"""What a protocol forces to differ: all of it, each with its reason.

Every scenario of the suite has one outcome, whatever the wire. An entry here puts another value in
one place of one outcome on some wires. An entry that changes nothing, or that names what is not
there, fails the suite; so does a difference without an entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct, Value

__all__ = ["ABSENT", "EXCEPTIONS", "NOT_PLAYED", "Difference"]

ABSENT: Final = "<absent>"
"""The place does not exist on these wires."""

NOT_PLAYED: Final = "<not played>"
"""The scenario makes no sense on these wires; its place is ()."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        scenario: Name of the scenario.
        wires: Where it differs.
        place: Keys and indexes that lead to the value in the outcome; () is all of it.
        value: What stands there on these wires, or `ABSENT`, or `NOT_PLAYED`.
        reason: Why the protocol leaves no choice.
    """

    scenario: str
    wires: tuple[str, ...]
    place: tuple[str | int, ...]
    value: Any
    reason: str


_REST: Final = ("rest", "rest-documented")
_ROUTES: Final = "REST asks for a verb and a path, not for a method: the server has no name for it"
_ENUM_NAMES: Final = (
    "JSON carries the name of an enum value, and an older client knows no number for a new name: "
    "the field is read as not set"
)
_UNHEARD: Final = Struct(
    fields={"@type": Value(string_value="type.googleapis.com/acme.v1.Unheard")}
)
_IDS: Final = "ids that URLs do not carry as they are"
_UNKNOWN: Final = "methods that the server does not have"
_NEWER: Final = "enum values and fields from a newer server"

EXCEPTIONS: Final = (
    Difference(
        _UNKNOWN,
        _REST,
        (0, "message"),
        "no method is served at POST "
        "/v1alpha1/inference/gateways/c0ffee00-0000-4000-8000-000000000001/paint",
        _ROUTES,
    ),
    Difference(_UNKNOWN, _REST, (1, "message"), "no method is served at GET /v1/paint", _ROUTES),
    *(
        Difference(
            _IDS,
            _REST,
            (resource_id,),
            "ValueError",
            "the id is a segment of the path: an empty one names another route, and servers and "
            "proxies resolve dots before anybody reads them; the client refuses both",
        )
        for resource_id in ("", "..")
    ),
    Difference(
        _IDS,
        _REST,
        ("parameters",),
        "ValueError",
        "the URL of this id is that of GetGatewayParameters, which servers would call: the client "
        "refuses it",
    ),
    *(
        Difference(
            _UNKNOWN,
            ("rest-documented",),
            (index, "code"),
            "NOT_FOUND",
            "in the pages' spelling an error's code is the HTTP status, and 404 names NOT_FOUND",
        )
        for index in (0, 1)
    ),
    Difference(
        "updated_after that is no time",
        _REST,
        (),
        "field 'updated_after' cannot be sent",
        "JSON writes a Timestamp as a date, which these numbers are not: the client has to refuse "
        "what it cannot write, where binary lets the server judge",
    ),
    Difference(
        "a detail of a type that nobody knows",
        ("rest",),
        ("details", 0),
        {
            "@type": "google.protobuf.Any",
            "type_url": "type.googleapis.com/google.protobuf.Struct",
            "value": f"<bytes {_UNHEARD.SerializeToString().hex()}>",
        },
        "JSON of a message needs its descriptor, which neither side has: what the server can still "
        "say is the type, and the client keeps that as a Struct",
    ),
    Difference(
        "what is too large",
        ("memory",),
        (),
        NOT_PLAYED,
        "the limits are those of an HTTP server, and in memory there is none",
    ),
    Difference(
        "an answer that does not come in time",
        ("memory",),
        (),
        NOT_PLAYED,
        "in memory there is no answer to wait for: the handler runs inside the call",
    ),
    Difference(_NEWER, ("rest",), ("gateway", "status", "status"), ABSENT, _ENUM_NAMES),
    Difference(
        _NEWER,
        ("rest",),
        ("gateway", "spec", "body_based_routing", "api_type"),
        ABSENT,
        _ENUM_NAMES,
    ),
    Difference(
        _NEWER,
        ("rest",),
        ("unknown fields of the spec",),
        0,
        "binary keeps fields that it does not know by their numbers; JSON has names only, and what "
        "has no field of that name has nowhere to go",
    ),
    Difference(
        "waiting while the status is one of the future",
        ("rest",),
        ("message",),
        "gateway newer was not ready within 60 s; last seen as STATUS_UNSPECIFIED",
        _ENUM_NAMES,
    ),
)
