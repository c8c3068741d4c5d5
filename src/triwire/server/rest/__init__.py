"""Services answered as REST: an ASGI application by the methods' google.api.http rules.

Choices where google.api.http is silent:

- An unknown route is 404, a known path with another verb 405 with `Allow`, both UNIMPLEMENTED
  in the body: NOT_FOUND is what methods say of resources. HEAD is answered as GET without the
  body, OPTIONS with `Allow`.
- A request body must be JSON (415 otherwise), plain or gzip; an empty one is an empty message.
  A body sent to a method that takes none is not read.
- A google.api.HttpBody, as body or field, is taken and sent as it is, under its content type.
- A path field that the body gives too must say the same there (INVALID_ARGUMENT otherwise).
- Unknown fields and query parameters are refused or skipped as the codec is told.
- `Grpc-Timeout` (as grpc-gateway reads it) limits the call: DEADLINE_EXCEEDED after it.
- JSON is compressed for who accepts gzip, streams always, whole bodies from a kilobyte on.
- Server streams are lines or an array of JSON, see `triwire.transcode.framing` and `stream`.
"""

from __future__ import annotations

from triwire.server.rest.application import RestApplication

__all__ = ["RestApplication"]
