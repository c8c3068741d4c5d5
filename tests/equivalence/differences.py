"""What may differ between wires, and what is not played on some: all of it, each with its reason.

Whatever else differs fails the suite; so does an entry that a full run never needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from tests.equivalence.stage import COLOURS, WIRES
from triwire.dial.wires import WIRES as SERVED
from triwire.spec import StreamKind

if TYPE_CHECKING:
    from tests.equivalence.play import Outcome
    from tests.equivalence.script import Script
    from tests.equivalence.stage import Column

__all__ = ["DIFFERENCES", "NOT_PLAYED", "Difference", "NotPlayed"]

HTTP: Final = ("connect", "grpc-web", "rest")


@dataclass(frozen=True, slots=True)
class NotPlayed:
    """A kind of script that some columns do not play.

    Attributes:
        wires: Which do not.
        colours: In which colours.
        applies: Whether a script is of this kind.
        reason: Why it makes no sense there.
    """

    wires: tuple[str, ...]
    colours: tuple[str, ...]
    applies: Callable[[Script], bool]
    reason: str


Mend: TypeAlias = Callable[["Script", "Outcome", "Outcome"], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        name: For counting.
        wires: Where it may occur.
        colours: In which colours.
        mend: Changes what is expected (the second argument, which it may write to) towards what
            came (the third), as far as the reason goes and no further.
        reason: What leaves no choice.
        by_chance: Whether it is a race, so that a run may do without it.
    """

    name: str
    wires: tuple[str, ...]
    colours: tuple[str, ...]
    mend: Mend
    reason: str
    by_chance: bool = False

    def is_of(self, column: Column) -> bool:
        """Whether it may occur in this column."""
        return column[0] in self.wires and column[1] in self.colours


NOT_PLAYED: Final = (
    NotPlayed(
        ("rest",),
        COLOURS,
        lambda script: (
            script.method.stream_kind in {StreamKind.CLIENT_STREAM, StreamKind.BIDI_STREAM}
        ),
        "a google.api.http rule makes one HTTP request of one message: it cannot say how several "
        "would be sent",
    ),
    NotPlayed(
        ("memory",),
        COLOURS,
        lambda script: script.is_lossy,
        "in memory there is no connection to lose",
    ),
    NotPlayed(
        ("memory",),
        COLOURS,
        lambda script: script.is_timed,
        "in memory the handler runs inside the call, and a timeout does not interrupt it",
    ),
    NotPlayed(
        ("memory",),
        ("async",),
        lambda script: script.leave is not None and script.leave.kind == "close elsewhere",
        "in memory the handler runs inside the reader, and closing does not interrupt that",
    ),
    NotPlayed(
        ("memory",),
        ("sync",),
        lambda script: script.hangs,
        "in memory the handler runs inside the call: one that waits for its caller waits for ever",
    ),
    NotPlayed(
        HTTP,
        ("sync",),
        lambda script: (
            script.leave is not None
            and script.leave.kind == "close elsewhere"
            and not script.leave.after
        ),
        "a blocking HTTP request cannot be cancelled before its headers come: it is abandoned, and "
        "the server learns of it only when it answers",
    ),
    NotPlayed(
        WIRES,
        ("sync",),
        lambda script: script.leave is not None and script.leave.kind in {"cancel", "timeout"},
        "a blocking call has no task that could be cancelled",
    ),
)


def _error(outcome: Outcome) -> dict[str, Any]:
    found = outcome.get("error")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _take(place: str, expected: dict[str, Any], came: dict[str, Any]) -> None:
    if place in expected and place in came:
        expected[place] = came[place]


def _words_of_libraries(script: Script, expected: Outcome, came: Outcome) -> None:
    if script.is_lossy and _error(came).get("from_server") is False:
        _take("message", _error(expected), _error(came))


def _headers_of_half_an_answer(script: Script, expected: Outcome, came: Outcome) -> None:
    halved = any(one.loss == "half" for one in script.attempts)
    if halved and _error(came).get("headers"):
        _take("headers", _error(expected), _error(came))


def _headers_of_a_stream_without_messages(script: Script, expected: Outcome, came: Outcome) -> None:
    if script.method.stream_kind is StreamKind.UNARY or came["messages"]:
        return
    if not came.get("headers"):
        _take("headers", cast("dict[str, Any]", expected), cast("dict[str, Any]", came))
    if not _error(came).get("headers"):
        _take("headers", _error(expected), _error(came))


def _trailers_of_http_1(script: Script, expected: Outcome, came: Outcome) -> None:
    if script.method.stream_kind is StreamKind.UNARY or script.variant.http_version != 1:
        return
    for one, other in ((expected, came), (_error(expected), _error(came))):
        if not other.get("trailers"):
            _take("trailers", cast("dict[str, Any]", one), cast("dict[str, Any]", other))


def _details_without_a_descriptor(script: Script, expected: Outcome, came: Outcome) -> None:
    del script
    old, new = _error(expected).get("details"), _error(came).get("details")
    if old and new and len(old) == len(new):
        _error(expected)["details"] = [
            theirs
            if ours.startswith("google.protobuf.Any ")
            and theirs.startswith(
                "google.protobuf.Any [type.googleapis.com/google.protobuf.Struct]"
            )
            else ours
            for ours, theirs in zip(old, new, strict=True)
        ]


DIFFERENCES: Final = (
    Difference(
        "words of a lost connection",
        SERVED,
        COLOURS,
        _words_of_libraries,
        "the text of an error that the client makes of a lost connection quotes the library that "
        "noticed, which says best what happened",
    ),
    Difference(
        "headers of half an answer",
        ("grpc",),
        COLOURS,
        _headers_of_half_an_answer,
        "a unary call over HTTP is one request for pyqwest, which hands headers over with the "
        "whole body; grpcio has them already when the rest is lost",
    ),
    Difference(
        "headers of a stream without messages",
        ("grpc",),
        ("async",),
        _headers_of_a_stream_without_messages,
        "grpc.aio takes the headers of a stream for empty when it hears of the status first, which "
        "is chance if both come in one packet",
        by_chance=True,
    ),
    Difference(
        "trailers over HTTP/1.1",
        ("rest",),
        COLOURS,
        _trailers_of_http_1,
        "the trailers of a stream are those of HTTP, since its headers are gone when they come; "
        "over HTTP/1.1 the server (Envoy, as by default) sends none",
    ),
    Difference(
        "details without a descriptor",
        ("rest",),
        COLOURS,
        _details_without_a_descriptor,
        "a detail that is no google.rpc type travels as JSON, and JSON of a type that the reader "
        "does not have can be kept as a Struct only",
    ),
)
