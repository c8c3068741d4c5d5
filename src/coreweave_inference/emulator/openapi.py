"""The API's OpenAPI document, served by what it describes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from triwire.errors import Code
from triwire.server.connect import Receive, Scope, Send

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPENAPI_PATH", "Application", "openapi_document", "serving_openapi"]

Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

OPENAPI_PATH: Final = "/openapi.json"

_PACKAGE: Final = "coreweave_inference_gen.coreweave.inference.v1alpha1"
_VERBS: Final = ("GET", "HEAD")
_ALLOWED: Final = ", ".join(_VERBS)
_NOT_ALLOWED: Final = 405  # RFC 9110, section 15.5.6


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


def serving_openapi(
    application: Application, document: bytes, *, documented_style: bool
) -> Application:
    """Return an ASGI application that answers requests to `OPENAPI_PATH` itself, to anybody.

    No token is asked for: tools read a document before they know any, and it holds no secret.

    Args:
        application: Answers all other requests.
        document: The document.
        documented_style: Whether the code of errors is the HTTP status.
    """
    refusal: dict[str, object] = {
        "code": _NOT_ALLOWED if documented_style else int(Code.UNIMPLEMENTED),
        "message": f"the document is only read: expected one of {_ALLOWED}",
        "details": [],
    }
    refused = json.dumps(refusal, separators=(",", ":")).encode()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != OPENAPI_PATH:
            await application(scope, receive, send)
            return
        status, body, headers = 200, document, list[tuple[bytes, bytes]]()
        if scope["method"] not in _VERBS:
            status, body, headers = _NOT_ALLOWED, refused, [(b"allow", _ALLOWED.encode())]
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""}
        )

    return serve
