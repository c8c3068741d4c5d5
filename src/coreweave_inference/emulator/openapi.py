"""The API's OpenAPI document, served by what it describes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from triwire.server.connect import Receive, Scope, Send

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPENAPI_PATH", "Application", "openapi_document", "serving_openapi"]

Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

OPENAPI_PATH: Final = "/openapi.json"

_PACKAGE: Final = "coreweave_inference_gen.coreweave.inference.v1alpha1"
_VERBS: Final = frozenset({"GET", "HEAD"})


def openapi_document(aliases: Mapping[str, Mapping[str, int]]) -> bytes:
    """Return the document of a server that answers at the address it is read from.

    Args:
        aliases: Enum values that the server writes in another spelling: full name of the enum
            -> spelling -> number, in the order of the contract's values.
    """
    text = resources.files(_PACKAGE).joinpath("openapi.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    # OpenAPI 3.1, Server Object: relative to where the document is.
    document["servers"] = [{"url": "/", "description": "The server of this document."}]
    package = _PACKAGE.partition(".")[2]
    spelt = {
        name.removeprefix(f"{package}.").replace(".", "_"): list(spellings)
        for name, spellings in aliases.items()
    }
    for schema in document["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            if field.get("title") in spelt:
                field["enum"] = spelt[field["title"]]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def serving_openapi(application: Application, document: bytes) -> Application:
    """Return an ASGI application that answers a GET of `OPENAPI_PATH` itself, to anybody.

    No token is asked for: tools read a document before they know any, and it holds no secret.
    """
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(document))]

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["path"] != OPENAPI_PATH
            or scope["method"] not in _VERBS
        ):
            await application(scope, receive, send)
            return
        body = document if scope["method"] == "GET" else b""
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve
