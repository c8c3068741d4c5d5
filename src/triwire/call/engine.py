"""What happens around the attempts of a call, for every stream kind and both colours. Pure.

A call is a generator of steps. Whoever drives it takes one, does what it says, and sends back
the result or throws back the failure:

- `Send`: make one attempt; the result is its `Reply`;
- `Wait`: sleep;
- `Fetch`: ask the caller's function for a token;
- `Hedge`: make several attempts at once; the result is the first `Reply`. Unary methods only.

From the outside in: the interceptors of the call, its retries, the interceptors of each attempt,
the token. The drivers are `call.aio` for methods that answer once and `call.stream.managed` for
the others.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from triwire.auth import is_refused
from triwire.call.attempts import Retrying, hedging_of, policy_of, shorter
from triwire.call.request import at_deadline, describe, merged_headers
from triwire.call.steps import Hedge, Run, Send, Steps, Wait
from triwire.errors import RpcError
from triwire.interceptors import Call, Reply
from triwire.transports.metadata import check_metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.auth import Tokens
    from triwire.interceptors import Interceptor
    from triwire.retry import HedgingPolicy, RetryBudget
    from triwire.spec import CallOptions, Pairs

__all__ = ["Engine"]

_log: Final = logging.getLogger("triwire.call")


class Engine:
    """Makes the steps of calls with one set of options.

    Args:
        options: Settings of every call.
        interceptors: What runs around every call.
        headers: Pairs that go before those of a call. Never logged.
        tokens: The bearer token, if it changes.
        budget: Tokens for retries.
        draw: Gives evenly distributed numbers from 0 to 1.
        now: The clock's seconds.
    """

    __slots__ = (
        "_all_headers",
        "_budget",
        "_draw",
        "_interceptors",
        "_now",
        "_options",
        "_own",
        "_tokens",
    )

    def __init__(
        self,
        options: CallOptions,
        *,
        interceptors: tuple[Interceptor, ...],
        headers: Pairs,
        tokens: Tokens | None,
        budget: RetryBudget,
        draw: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._options = options
        self._interceptors = interceptors
        self._own = headers
        self._tokens = tokens
        self._all_headers = merged_headers(headers, options.headers)
        self._budget = budget
        self._draw = draw
        self._now = now

    def steps(self, call: Call, run: Run) -> Steps:
        """Make a call. The driver says in the error that ends it how many attempts there were."""
        if not self._interceptors:
            return self._attempts(call, run)
        return _intercepted(self._interceptors, call, run, self._attempts)

    def _attempts(self, call: Call, run: Run) -> Steps:
        """Make a call with its retries."""
        began = self._now()
        # A stream is made before it begins.
        started = run.started = began if run.started is None else run.started
        policy = hedging_of(call.method, self._options)
        if policy is not None:
            return (yield from self._hedged(call, run, policy, started))
        timeout = self._first_timeout_seconds(call, began - started)
        try:
            reply = yield from self._attempt(call, run, 1, timeout)
        except RpcError as error:
            return (yield from self.steps_after(call, run, error, began))
        self._budget.succeeded()
        return reply

    def _hedged(self, call: Call, run: Run, policy: HedgingPolicy, started: float) -> Steps:
        """Make a call with several attempts at once."""

        def attempt(number: int) -> tuple[Steps, Run]:
            # Of its own: an attempt's newer token says nothing of the others' older ones.
            mine = Run(started)
            timeout = self._first_timeout_seconds(call, self._now() - started)
            return self._attempt(call, mine, number, timeout), mine

        is_limited = self._options.attempt_timeout_seconds is not None
        hedge = Hedge(policy, self._budget, attempt, is_limited=is_limited)
        try:
            reply: Reply = yield hedge
        finally:
            run.sent += hedge.started
        self._budget.succeeded()
        reply.attempts = run.sent
        return reply

    def steps_after(self, call: Call, run: Run, error: RpcError, began: float) -> Steps:
        """Go on with a call whose first attempt has failed.

        Args:
            call: The call.
            run: Its state.
            error: How the attempt ended, as `at_deadline` sees it.
            began: When it began, in the clock's seconds.
        """
        retrying = self._retrying(call, began if run.started is None else run.started)
        while True:
            wait = retrying.wait_seconds(error, now=self._now(), repeatable=run.is_repeatable)
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("%s", retrying.describe(describe(call.wire, call.method), error, wait))
            if wait is None:
                final = retrying.final(error)
                final.attempts = max(run.sent, 1)
                raise final from final.__cause__
            yield Wait(wait)
            timeout_seconds = retrying.attempt_timeout_seconds(now=self._now())
            try:
                reply = yield from self._attempt(call, run, retrying.number, timeout_seconds)
            except RpcError as failure:
                error = failure
            else:
                self._budget.succeeded()
                return reply

    def _first_timeout_seconds(self, call: Call, elapsed_seconds: float) -> float | None:
        total = call.timeout_seconds
        left = None if total is None else total - elapsed_seconds
        return shorter(left, self._options.attempt_timeout_seconds)

    def _retrying(self, call: Call, started: float) -> Retrying:
        options = self._options
        if call.timeout_seconds != options.timeout_seconds:
            options = replace(options, timeout_seconds=call.timeout_seconds)
        policy = policy_of(call.method, call.request, options)
        return Retrying(policy, self._budget, draw=self._draw, options=options, started=started)

    def _attempt(self, call: Call, run: Run, number: int, timeout_seconds: float | None) -> Steps:
        """Return the steps of one attempt."""
        inner = call.attempt_interceptors
        if not inner:
            return self._send(call, run, timeout_seconds)
        numbered = call.copy()
        numbered.attempt = number
        numbered.timeout_seconds = timeout_seconds
        numbered.attempt_interceptors = ()
        return _intercepted(
            inner, numbered, run, lambda one, run: self._send(one, run, one.timeout_seconds)
        )

    def _send(self, call: Call, run: Run, timeout_seconds: float | None) -> Steps:
        """Return the steps of sending a call with its headers."""
        tokens = self._tokens
        if tokens is None or "authorization" in call.headers:
            return self._once(call, run, (), timeout_seconds)
        return self._authorized(call, run, tokens, timeout_seconds)

    def _authorized(
        self, call: Call, run: Run, tokens: Tokens, timeout_seconds: float | None
    ) -> Steps:
        """Send a call, once more with a newer token if the server refuses the one it had."""
        ends_at = None if timeout_seconds is None else self._now() + timeout_seconds
        held = yield from tokens.current(timeout_seconds)
        try:
            return (yield from self._once(call, run, held.pairs, self._left(ends_at)))
        except RpcError as error:
            if run.renewed or not (run.is_repeatable and is_refused(error)):
                raise
            run.renewed = True
            # It was not executed: no attempt that a create would have to ask after.
            run.sent -= 1
            newer = yield from tokens.newer(held, self._left(ends_at))
            if newer is held:
                raise
        return (yield from self._once(call, run, newer.pairs, self._left(ends_at)))

    def _left(self, ends_at: float | None) -> float | None:
        return None if ends_at is None else ends_at - self._now()

    def _once(
        self, call: Call, run: Run, authorization: Pairs, timeout_seconds: float | None
    ) -> Steps:
        headers = authorization + self._headers(call)
        run.sent += 1
        began = self._now()
        try:
            reply: Reply = yield Send(call, headers, timeout_seconds)
        except RpcError as error:
            seen = at_deadline(
                error,
                timeout_seconds=timeout_seconds,
                elapsed_seconds=self._now() - began,
                is_shown=run.is_shown,
            )
            raise seen from seen.__cause__
        reply.attempts = run.sent
        return reply

    def _headers(self, call: Call) -> Pairs:
        known = self._options.headers
        if call.headers is known:
            return self._all_headers
        check_metadata(pair for pair in call.headers.pairs if pair not in known.pairs)
        return merged_headers(self._own, call.headers)


def _intercepted(
    interceptors: tuple[Interceptor, ...],
    call: Call,
    run: Run,
    proceed: Callable[[Call, Run], Steps],
) -> Steps:
    """Make a call inside interceptors, of which there is one at least; the first is outermost."""
    interceptor, inner = interceptors[0], interceptors[1:]
    flow: Any = interceptor(call)
    if not hasattr(flow, "send"):
        found = f"returned {type(flow).__name__} when called"
        raise _misuse(interceptor, found, "a generator, as a function with a yield gives")
    made = False
    try:
        step = flow.send(None)
        while True:
            if not isinstance(step, Call):
                raise _misuse(interceptor, f"yielded {type(step).__name__}", "a Call")
            if made and not run.is_repeatable:
                flow.close()
                text = (
                    f"interceptor {_name(interceptor)} repeats a call whose messages have been "
                    "delivered or taken: yield again only before that"
                )
                raise RuntimeError(text)
            made = True
            try:
                reply = yield from (
                    _intercepted(inner, step, run, proceed) if inner else proceed(step, run)
                )
            except BaseException as error:  # noqa: BLE001 - whatever it is, the interceptor decides
                step = flow.throw(error)
            else:
                step = flow.send(reply)
    except StopIteration as stop:
        if isinstance(stop.value, Reply):
            return stop.value
        found = f"returned {type(stop.value).__name__}"
        raise _misuse(interceptor, found, "the Reply that its yield gave, or another") from None


def _misuse(interceptor: Interceptor, found: str, expected: str) -> TypeError:
    return TypeError(f"interceptor {_name(interceptor)} {found}: expected {expected}")


def _name(interceptor: Interceptor) -> str:
    return getattr(interceptor, "__qualname__", type(interceptor).__name__)
