"""Between what a transport gives, what interceptors see and what the caller gets. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire.interceptors import Reply
from triwire.spec import Response

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from triwire.interceptors import Hook
    from triwire.spec import MethodSpec, RawResponse

__all__ = ["check_messages", "passed", "reply_of", "response_of"]


def passed(hooks: tuple[Hook, ...], message: Message) -> Message:
    """Return what is left of a message after all hooks, in their order."""
    for hook in hooks:
        message = hook(message)
    return message


def reply_of(message: Message, raw: RawResponse, hooks: tuple[Hook, ...]) -> Reply:
    """Return the reply for the response of a method that answers once."""
    return Reply((passed(hooks[::-1], message) if hooks else message,), raw=raw)


def response_of(method: MethodSpec[Any, Any], reply: Reply) -> Response[Any]:
    """Return the response of a method that answers once.

    Raises:
        TypeError: an interceptor returned none, several, or another message.
    """
    messages = reply.messages
    if len(messages) == 1 and type(messages[0]) is method.response_type:
        return Response(messages[0], reply.raw)
    check_messages(method, reply)
    if len(reply.messages) != 1:
        text = (
            f"an interceptor returned {len(reply.messages)} messages for {method.name}: "
            "expected one"
        )
        raise TypeError(text)
    return Response(reply.messages[0], reply.raw)


def check_messages(method: MethodSpec[Any, Any], reply: Reply) -> None:
    """Refuse messages of another type.

    Raises:
        TypeError: naming the message that the method answers with.
    """
    for message in reply.messages:
        if not isinstance(message, method.response_type):
            expected = method.response_type.DESCRIPTOR.full_name
            text = (
                f"an interceptor returned {type(message).__name__} for {method.name}: expected "
                f"{expected}"
            )
            raise TypeError(text)
