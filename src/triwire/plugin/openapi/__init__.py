"""OpenAPI 3.1 of services with google.api.http rules."""

from __future__ import annotations

from triwire.plugin.openapi.document import documents
from triwire.plugin.openapi.patch import parse_patch

__all__ = ["documents", "parse_patch"]
