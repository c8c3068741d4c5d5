"""The ASGI application that pyvoy serves; its settings come in the environment."""

from __future__ import annotations

import os

from tests.conformance.service import Conformance
from tests.conformance.stubs import load
from triwire.codec.protojson import ProtoJsonCodec
from triwire.server.asgi import asgi_app

LIMIT_VARIABLE = "TRIWIRE_CONFORMANCE_MAX_BYTES"

app = asgi_app(
    [load("service_triwire").conformance_service(Conformance())],
    codec=ProtoJsonCodec(ignore_unknown_fields=False),
    max_body_bytes=int(os.environ.get(LIMIT_VARIABLE, "0")) or 4 * 1024 * 1024,
)
