"""What pyqwest is told, whose own defaults are not ours."""

from __future__ import annotations

import pyqwest

from triwire._http.client import transport_settings
from triwire.tls import TlsOptions
from triwire.transports.options import ConnectionOptions


def test_ages_of_connections_reach_the_library() -> None:
    ages = ConnectionOptions(idle_seconds=7, tcp_keepalive_seconds=None)
    given = transport_settings(TlsOptions(), None, None, ages)
    assert given["pool_idle_timeout"] == 7
    assert given["tcp_keepalive_interval"] is None
    pyqwest.SyncHTTPTransport(**given).close()
