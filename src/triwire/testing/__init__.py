"""What tests of code that uses triwire need: time under control, and a wire without sockets."""

from __future__ import annotations

from triwire.testing.clock import AsyncManualClock, ManualClock
from triwire.transports.memory.aio import AsyncMemoryTransport
from triwire.transports.memory.sync import MemoryTransport

__all__ = ["AsyncManualClock", "AsyncMemoryTransport", "ManualClock", "MemoryTransport"]
