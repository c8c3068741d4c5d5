"""What runs inside Envoy: the ASGI application, and the thread that ends with the supervisor.

`coreweave_inference.emulator.process` starts Envoy with one end of a pipe. Its first line is the
settings; after that nothing comes, and its end means that the supervisor is gone, in whatever
way. kill -9 cannot be caught, but it closes the pipe: this works on every POSIX system, where
Linux's PR_SET_PDEATHSIG does not and would be tied to the supervisor's thread.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from coreweave_inference.emulator.settings import ServerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, MutableMapping

    from coreweave_inference.emulator.admin import AdminServer
    from coreweave_inference.emulator.faults.plan import FaultPlan
    from coreweave_inference.emulator.openapi import Application
    from coreweave_inference.emulator.store import Store
    from triwire.server.connect import Receive, Scope, Send

__all__ = ["LIFELINE_VARIABLE", "app", "make_application", "without_late_results"]

LIFELINE_VARIABLE: Final = "CW_INFERENCE_EMULATOR_LIFELINE"
"""Environment variable with the number of the pipe's descriptor."""


def make_application(settings: ServerSettings) -> Application:
    """Return the emulator's ASGI application.

    The database is open, and the admin interface serves, until the end of its lifespan.
    """
    from coreweave_inference.client.aliases import ENUM_ALIASES
    from coreweave_inference.emulator.access import Access
    from coreweave_inference.emulator.openapi import openapi_document, serving_openapi
    from coreweave_inference.emulator.service import Emulator, emulator_services
    from coreweave_inference.emulator.store import Store
    from triwire.codec.protojson import ProtoJsonCodec
    from triwire.server.asgi import asgi_app

    store = Store(settings.database)
    plan = _fault_plan(settings)
    emulator = Emulator(store, Access.parse(settings.tokens), settings.behaviour, faults=plan)
    services = emulator_services(emulator)
    if plan is not None:
        from coreweave_inference.emulator.faults.connection import with_connection_faults

        services = with_connection_faults(services, plan)
    admin = _admin_server(settings, plan, store)

    def codec(*, documented: bool) -> ProtoJsonCodec:
        return ProtoJsonCodec(
            enum_aliases=ENUM_ALIASES,
            write_enum_aliases=documented,
            ignore_unknown_fields=not settings.reject_unknown_fields,
            # A misspelt value must not pass as one that was left out.
            ignore_unknown_enum_names=False,
            strict=True,
        )

    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        asyncio.get_running_loop().set_exception_handler(without_late_results)
        try:
            yield
        finally:
            if admin is not None:
                admin.close()
            store.close()

    application = asgi_app(
        services,
        codec=codec(documented=False),
        rest_codec=codec(documented=settings.documented_style),
        rest_errors="http" if settings.documented_style else "rpc",
        max_body_bytes=settings.max_body_bytes,
        lifespan=lifespan,
    )
    spellings = ENUM_ALIASES if settings.documented_style else {}
    document = openapi_document(spellings)
    served: Application = application
    if plan is not None:
        from coreweave_inference.emulator.faults.connection import FaultyApplication

        served = FaultyApplication(application, plan)
    return serving_openapi(served, document, documented_style=settings.documented_style)


def without_late_results(
    loop: asyncio.AbstractEventLoop, context: MutableMapping[str, Any]
) -> None:
    """Handle what went wrong in a callback, but for results that nobody waits for.

    A handler whose caller leaves is cancelled, perhaps while an event is on its way to Envoy. pyvoy
    1.3 then sets the event's result on the cancelled future, which asyncio would print.
    """
    is_late = isinstance(context.get("exception"), asyncio.InvalidStateError)
    # Of set_result and set_exception, which uvloop and asyncio show in different ways.
    if not (is_late and "set_" in str(context.get("message"))):
        loop.default_exception_handler(dict(context))


def _fault_plan(settings: ServerSettings) -> FaultPlan | None:
    if settings.faults is None and settings.admin_descriptor is None:
        return None
    from coreweave_inference.emulator.faults.plan import FaultPlan
    from coreweave_inference.emulator.faults.script import FaultScript

    return FaultPlan(None if settings.faults is None else FaultScript.parse(settings.faults))


def _admin_server(
    settings: ServerSettings, plan: FaultPlan | None, store: Store
) -> AdminServer | None:
    if settings.admin_descriptor is None or plan is None:
        return None
    from coreweave_inference.emulator.admin import Admin, AdminServer

    listener = socket.socket(fileno=settings.admin_descriptor)
    return AdminServer(listener, Admin(plan, store))


def _read_settings(descriptor: int) -> ServerSettings:
    parts: list[bytes] = []
    while not (parts and parts[-1].endswith(b"\n")):
        part = os.read(descriptor, 65536)
        if not part:
            os._exit(1)  # the supervisor went before it had said anything
        parts.append(part)
    return ServerSettings.from_json(b"".join(parts).decode())


def _end_with_supervisor(descriptor: int) -> None:
    os.read(descriptor, 1)
    os._exit(1)


class _Application:
    """The application, made when the server starts: importing this module does nothing."""

    def __init__(self) -> None:
        self._application: Application | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._application is None:
            descriptor = int(os.environ[LIFELINE_VARIABLE])
            settings = _read_settings(descriptor)
            threading.Thread(
                target=_end_with_supervisor, args=(descriptor,), name="lifeline", daemon=True
            ).start()
            self._application = make_application(settings)
        await self._application(scope, receive, send)


app = _Application()
