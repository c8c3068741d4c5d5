"""One replay of a script, and everything that its caller could see of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf import text_format

from triwire.errors import RpcError
from triwire.spec import Metadata, StreamKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.equivalence.parties import AsyncParty, SyncParty
    from tests.equivalence.script import Script

__all__ = ["Outcome", "Plain", "play"]

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | float | bool | None"
Outcome: TypeAlias = "dict[str, Plain]"


async def play(script: Script, party: AsyncParty | SyncParty, name: str) -> Outcome:
    """Make the call and return what came of it, as plain data.

    Args:
        script: What to do.
        party: Whose calls carry the name in their headers.
        name: Of the replay.
    """
    seen: Outcome = {"messages": []}
    try:
        await _call(script, party, name, seen)
    except RpcError as error:
        seen["error"] = _error(error)
    except (asyncio.CancelledError, TimeoutError, LookupError) as error:
        seen["error"] = {"raised": type(error).__name__, "text": str(error)}
    if script.hangs:
        seen["the server's last handler"] = await party.ask(f"ended {name}")
    if script.max_attempts > 1:
        seen["attempts"] = await party.ask(f"attempts {name}")
    return seen


async def _call(
    script: Script, party: AsyncParty | SyncParty, name: str, seen: dict[str, Plain]
) -> None:
    method = script.method
    requests = [method.request_type.FromString(data) for data in script.requests]
    if method.stream_kind is StreamKind.UNARY:
        call = party.unary(method, requests[0])
    elif method.stream_kind is StreamKind.CLIENT_STREAM:
        call = party.client_stream(method, requests, fails=script.requests_fail)
    else:
        if method.stream_kind is StreamKind.SERVER_STREAM:
            stream = party.server_stream(method, requests[0])
        else:
            stream = party.bidi_stream(method, requests, fails=script.requests_fail)
        await _stream(script, party, name, stream, seen)
        return
    response: Any = await (_left(script, party, name, call) if script.leave else call)
    seen["messages"] = [_message(response.message)]
    seen["headers"] = metadata(response.headers)
    seen["trailers"] = metadata(response.trailers)


async def _stream(
    script: Script,
    party: AsyncParty | SyncParty,
    name: str,
    stream: Any,
    seen: dict[str, Plain],
) -> None:
    messages: list[Plain] = []
    seen["messages"] = messages
    leave = script.leave
    while leave is None or len(messages) < leave.after:
        try:
            messages.append(_message(await anext(stream)))
        except StopAsyncIteration:
            break
        except RpcError:
            seen["trailers"] = metadata(stream.trailers)
            raise
    seen["headers"] = metadata(await stream.headers()) if messages or leave is None else None
    seen["trailers"] = metadata(stream.trailers)
    if leave is None:
        return
    try:
        if leave.kind == "close":
            await stream.aclose()
            await anext(stream)
        elif leave.kind == "close elsewhere":
            await party.closed_elsewhere(stream, f"waits {name}")
        else:
            await _left(script, party, name, anext(stream))
    finally:
        await stream.aclose()


async def _left(script: Script, party: Any, name: str, call: Any) -> object:
    assert script.leave is not None
    ways = {"cancel": "cancelled", "timeout": "timed_out", "cut": "cut"}
    return await getattr(party, ways[script.leave.kind])(call, f"waits {name}")


def _message(message: Message) -> Plain:
    data = message.SerializeToString(deterministic=True)
    return f"{text_format.MessageToString(message, as_one_line=True)} {data.hex()}"


def metadata(found: Metadata) -> Plain:
    """Return metadata as plain data: keys in any order, the values of one key in theirs."""
    return {key: [repr(value) for value in found.getall(key)] for key in sorted(found)}


def _error(error: RpcError) -> Plain:
    return {
        "code": error.code.name,
        "message": error.message,
        "details": [
            f"{detail.DESCRIPTOR.full_name} {_message(detail)}" for detail in error.details
        ],
        "from_server": error.from_server,
        "retry_delay_seconds": error.retry_delay_seconds,
        "attempts": error.attempts,
        "headers": metadata(Metadata(error.headers)),
        "trailers": metadata(Metadata(error.trailers)),
    }
