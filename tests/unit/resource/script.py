"""A server that answers from a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire.server.service import MethodHandler, ServerContext, Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.spec import MethodSpec


class Script:
    """Answers one method with what it was given, in order, and remembers the calls.

    Args:
        method: The method to answer.
        answers: A message is returned, an exception raised, a function called for either.
    """

    def __init__(self, method: MethodSpec[Any, Any], *answers: object) -> None:
        self.method = method
        self.answers = list(answers)
        self.requests: list[Any] = []
        self.timeouts: list[float | None] = []

    def service(self) -> Service:
        return Service(self.method.service, (MethodHandler(self.method, self._answer),))

    def _answer(self, request: Any, context: ServerContext) -> Any:
        self.requests.append(request)
        self.timeouts.append(context.timeout_seconds)
        answer: Any = self.answers.pop(0)
        if callable(answer):
            act: Callable[[], Any] = answer
            answer = act()
        if isinstance(answer, Exception):
            raise answer
        return answer
