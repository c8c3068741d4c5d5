"""HTTP for the wires that are made of it: hand-written sync/async pairs over pyqwest.

pyqwest's defaults are not ours (measured against 0.12): it trusts no certificate authority
unless told, follows redirects and traces by itself. Here the system's authorities or the
given ones are trusted, redirects are answers like any other, and nothing is traced.
"""

from __future__ import annotations

from triwire._http.client import AsyncHttp, Http
from triwire._http.response import HttpResponse
from triwire._http.stream import AsyncHttpStream, HttpStream

__all__ = ["AsyncHttp", "AsyncHttpStream", "Http", "HttpResponse", "HttpStream"]
